import { expect, it } from 'vitest';
import { expectedTime } from './expected_time.ts';
import { FIRST_MODELS, newRun, requestTrigger, type RetrainRun } from './run.ts';

const DAY_MS = 86_400_000;

function endedRun(run_id: number, change: Partial<RetrainRun> = {}): RetrainRun {
  const begun = newRun({ run_id, kind: 'full', trigger: requestTrigger('api'), attempt: 1, started_at: '' });
  return {
    ...begun,
    status: 'rejected',
    duration_ms: 600_000,
    data_from: '2024-01-01T00:00Z',
    data_to: '2024-01-11T00:00Z',
    ...change,
  };
}

const spanOf = (days: number) => ({ firstMs: 0, lastMs: days * DAY_MS });

it('is the time of the newest completed run of the kind, in proportion to the bars and the instruments', () => {
  const run = newRun({ run_id: 9, kind: 'full', trigger: requestTrigger('api'), attempt: 1, started_at: '' });
  const runs = [run, endedRun(8), endedRun(7, { duration_ms: 1 })];
  expect(expectedTime(run, runs, spanOf(10))).toEqual({ seconds: 600, from_run: 8 });
  expect(expectedTime(run, runs, spanOf(20))).toEqual({ seconds: 1200, from_run: 8 });
  expect(expectedTime(run, runs, null)).toEqual({ seconds: 600, from_run: 8 });
  const direction = { run_id: 9, kind: 'direction' as const, parameters: { symbols: ['A', 'B', 'C'] } };
  const earlier = endedRun(6, { kind: 'direction', parameters: { symbols: ['A'] } });
  expect(expectedTime(direction, [...runs, earlier], spanOf(10))).toEqual({ seconds: 1800, from_run: 6 });
});

it('is unknown where no such run has completed: of another kind, without a result, or of first models', () => {
  const run = newRun({ run_id: 9, kind: 'full', trigger: requestTrigger('api'), attempt: 1, started_at: '' });
  const others = [
    run,
    endedRun(8, { kind: 'incremental' }),
    endedRun(7, { status: 'stopped' }),
    endedRun(6, { trigger: FIRST_MODELS }),
    endedRun(5, { duration_ms: null }),
  ];
  expect(expectedTime(run, others, spanOf(10))).toBeNull();
});
