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

it('a job has the code and the reason of what its command says is missing, and a preview has answered', () => {
  const refused = ['BARS_REFUSED: EURUSD: SHIFTED by +2 h\n  → State the clock.', 'notes.txt: not imported.'];
  expect(outcomeOf(1, refused)).toEqual({
    status: 'failed',
    error: 'BARS_REFUSED: EURUSD: SHIFTED by +2 h (and 1 more, which its log has)',
  });
  expect(outcomeOf(3, refused.slice(1))).toEqual({
    status: 'done',
    error: 'partly done (exit code 3): notes.txt: not imported.',
  });
  expect(outcomeOf(1, refused, true)).toEqual({ status: 'done', error: null });
});
