import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import { meanTest } from '../statistics/mean_test.ts';
import { labelSeconds, timeBlocks, type TimedRows } from '../statistics/time_blocks.ts';
import { VETO_LEVEL, type BundleEvidence, type Gate } from './gate.ts';

export const brier: Gate<BundleEvidence> = {
  code: 'brier',
  vetoes: 'A Brier score of AI1 on the holdout above the limit.',
  threshold: { fixed: 'Brier score of the baseline, and its error' },
  check: ({ models: { ai1 } }) =>
    checkBrier(ai1.validation.holdoutScores, ai1.job.rows.holdout.y, ai1.job.rows.holdout),
};

/**
 * A Brier score that is worse than that of predicting the mean of these very labels, beyond chance: the probabilities
 * are miscalibrated. Whether they rank at all is another gate's question.
 */
export function checkBrier(scores: ArrayLike<number>, labels: ArrayLike<number>, rows: TimedRows): GateResult {
  const count = labels.length;
  const mean = (of: (row: number) => number): number => {
    let sum = 0;
    for (let row = 0; row < count; row++) sum += of(row);
    return sum / count;
  };
  const base = mean((row) => labels[row]!);
  const lossOf = (row: number): number => (scores[row]! - labels[row]!) ** 2;
  const baseLossOf = (row: number): number => (base - labels[row]!) ** 2;
  const test = meanTest(timeBlocks(rows.time, labelSeconds(rows), (row) => lossOf(row) - baseLossOf(row)));
  const brier = mean(lossOf);
  const baseline = mean(baseLossOf);
  const error = test === null ? 0 : test.mean - test.lowerBound(VETO_LEVEL);
  const known = (value: number): number | null => (count === 0 ? null : value);
  return {
    code: 'brier',
    role: 'ai1',
    passed: count > 0 && brier <= baseline + error,
    value: known(brier),
    relation: '<=',
    limit: known(baseline + error),
    unit: 'score',
    evidence: { baseline: known(baseline), error: known(error) },
  };
}
