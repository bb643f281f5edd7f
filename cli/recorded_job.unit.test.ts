import { expect, it } from 'vitest';
import { outcomeOf } from './recorded_job.ts';

it.each([
  [undefined, 'done', null],
  [0, 'done', null],
  [1, 'failed', 'exit code 1'],
  [3, 'done', 'partly done (exit code 3)'],
] as const)('a command that ends with %s is recorded as a job that is %s', (exitCode, status, error) => {
  const found = outcomeOf(exitCode);
  expect(found.status).toBe(status);
  if (error === null) expect(found.error).toBeNull();
  else expect(found.error).toContain(error);
});
