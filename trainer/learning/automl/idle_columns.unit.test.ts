import { expect, it } from 'vitest';
import { IMPORTANCE_DEFAULTS, type ImportanceReport } from '../validate/importance.ts';
import { judgeColumns } from './idle_columns.ts';
import { canLeaveOut } from './search_formulas.ts';

it('a column is idle unless its permutation costs more than chance, and only columns of the model are judged', () => {
  const columnOf = (feature: string, mean: number, std: number) => ({
    feature,
    rank: 1,
    drop: mean,
    mean,
    std,
    rank_low: 1,
    rank_high: 1,
    top_share: 1,
    splits: 1,
  });
  const report: ImportanceReport = {
    measure: 'auc',
    baseline: 0.6,
    rows: 100,
    repeats: IMPORTANCE_DEFAULTS.repeats,
    resamples: IMPORTANCE_DEFAULTS.resamples,
    block_days: 2,
    top: 10,
    features: [
      columnOf('needed', 0.02, 0.01),
      columnOf('chance', 0.016, 0.01),
      columnOf('unused', 0, 0),
      columnOf('foreign', 0.5, 0.01),
    ],
  };
  expect(
    judgeColumns(report, new Set(['needed', 'chance', 'unused'])).map((own) => [own.feature, own.is_idle]),
  ).toEqual([
    ['needed', false],
    ['chance', true],
    ['unused', true],
  ]);
});

it('idle columns can be left out where the model is not behind without them by more than a standard error', () => {
  const found = [0.5, 0, -0.9, -1.1].map((gain) => canLeaveOut({ without_idle: { gain, standard_error: 1 } }));
  expect(found).toEqual([true, true, true, false]);
  expect(canLeaveOut({ without_idle: null })).toBe(false);
});
