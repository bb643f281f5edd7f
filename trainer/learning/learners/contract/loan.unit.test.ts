import { expect, it } from 'vitest';
import { createLoan } from './loan.ts';

it.each([true, false])('a loan is with one piece of work at a time, and comes back (kept: %s)', (isKept) => {
  const loan = createLoan<Float32Array>(isKept);
  expect(loan.take()).toBeUndefined();
  const memory = new Float32Array(8);
  loan.giveBack(memory);
  expect(loan.take()).toBe(memory);
  expect(loan.take()).toBeUndefined();
  loan.giveBack(undefined);
  expect(loan.take()).toBeUndefined();
});
