import { expect, it } from 'vitest';
import { unlessEnding } from './ending.ts';

const SIGTERM = new Error('SIGTERM');
const forever = new Promise<never>(() => undefined);

it('waits for a step of a start', async () => {
  const ending = new AbortController();
  let isDone = false;
  const step = Promise.resolve().then(() => void (isDone = true));
  await unlessEnding(ending.signal, step);
  expect(isDone).toBe(true);
  await unlessEnding(undefined, Promise.resolve());
  await unlessEnding(ending.signal, undefined);
});

it('leaves a step that takes long when the process is to end, and one that begins after that', async () => {
  const ending = new AbortController();
  const waiting = unlessEnding(ending.signal, forever);
  ending.abort(SIGTERM);
  await expect(waiting).rejects.toBe(SIGTERM);
  await expect(unlessEnding(ending.signal, forever)).rejects.toBe(SIGTERM);
});

it('passes the failure of a step on, and one that comes after the end is nobody’s', async () => {
  const ending = new AbortController();
  const failure = new Error('no models');
  await expect(unlessEnding(ending.signal, Promise.reject(failure))).rejects.toBe(failure);
  let fail: (error: Error) => void = () => undefined;
  const late = new Promise<never>((_resolve, reject) => (fail = reject));
  const waiting = unlessEnding(ending.signal, late);
  ending.abort(SIGTERM);
  await expect(waiting).rejects.toBe(SIGTERM);
  fail(failure);
  await new Promise((resolve) => setImmediate(resolve));
});
