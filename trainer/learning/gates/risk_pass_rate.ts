import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import { meanTest } from '../statistics/mean_test.ts';
import { labelSeconds, timeBlocks, type TimedRows } from '../statistics/time_blocks.ts';
import { VETO_LEVEL, type BundleEvidence, type Gate } from './gate.ts';

/** With fewer periods of candidates the error is no guide, and the range itself applies. */
const MIN_PERIODS = 30;

export const riskPassRate: Gate<BundleEvidence> = {
  code: 'risk_pass_rate',
  vetoes: 'An AI2 that admits too few or too many of the holdout’s entry candidates at θ2, beyond chance.',
  threshold: { key: 'pass_rate_range' },
  check: ({ candidateRisks, candidates, theta2, limits }) =>
    checkPassRate(candidateRisks, theta2, limits.pass_rate_range, candidates),
};

/**
 * @param risks risk scores of the holdout's entry candidates
 * @param rows of the candidates
 */
export function checkPassRate(
  risks: Float64Array,
  theta2: number,
  [lowest, highest]: readonly [number, number],
  rows: TimedRows,
): GateResult {
  const isPassed = (row: number): number => (risks[row]! < theta2 ? 1 : 0);
  const rate = risks.length === 0 ? 0 : risks.reduce((sum, _, row) => sum + isPassed(row), 0) / risks.length;
  const blocks = timeBlocks(rows.time, labelSeconds(rows), isPassed);
  const test = blocks.count.length < MIN_PERIODS ? null : meanTest(blocks);
  const most = test === null ? rate : test.lowerBound(VETO_LEVEL);
  const least = test === null ? rate : test.upperBound(VETO_LEVEL);
  const isHigh = most > highest || (least >= lowest && rate >= (lowest + highest) / 2);
  return {
    code: 'risk_pass_rate',
    role: null,
    passed: risks.length > 0 && most <= highest && least >= lowest,
    value: rate,
    // The bound that is nearer, or passed by.
    relation: isHigh ? '<=' : '>=',
    limit: isHigh ? highest + (rate - most) : lowest - (least - rate),
    unit: 'share',
    evidence: { candidates: risks.length, lowest, highest, error: Math.max(rate - most, least - rate) },
  };
}
