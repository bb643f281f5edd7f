import { describe, expect, it } from 'vitest';
import { statusLine } from './status_line.ts';

const RUN = {
  run_id: 3,
  kind: 'full',
  status: 'running',
  stage: 'learning',
  percent: 35,
  model_version: null,
} as const;
const at = (text: string): { next(): Date } => ({ next: () => new Date(text) });

describe('the status line of the trainer', () => {
  it('shows the progress of the current run', () => {
    expect(statusLine(RUN, [])).toBe('full training run 3: learning, 35 %');
  });

  it('shows the outcome of the last run, and the next time of all schedules', () => {
    const schedules = [at('2026-12-01T03:00:00Z'), at('2026-11-22T04:00:00Z'), { next: () => null }];
    expect(statusLine({ ...RUN, status: 'adopted', model_version: '20261120_0300' }, schedules)).toBe(
      'last run 3 adopted (20261120_0300), next at 2026-11-22T04:00:00.000Z',
    );
  });

  it('shows a trainer that has not trained and has no schedule', () => {
    expect(statusLine(undefined, [{ next: () => null }])).toBe('no run yet, none is scheduled');
  });
});
