import type { TrialRecord } from './trial.ts';

/** Complete trials required at a step before others are pruned there. */
const STARTUP_TRIALS = 5;
/** Steps at which no trial is pruned: a single fold has little information. */
const WARM_UP_STEPS = 1;

/**
 * The median rule (Golovin et al., Google Vizier, 2017): a trial is pruned when its reported value is worse than the
 * median of the values of complete trials at the same step. A tie continues.
 * @param sign 1 when smaller is better, −1 when larger is
 */
export function isWorseThanMedian(
  ended: readonly Pick<TrialRecord, 'state' | 'reports'>[],
  step: number,
  value: number,
  sign: number,
): boolean {
  if (step < WARM_UP_STEPS) return false;
  const others = ended
    .flatMap(({ state, reports }) => (state === 'complete' ? (reports.get(step) ?? []) : []))
    .sort((a, b) => a - b);
  if (others.length < STARTUP_TRIALS) return false;
  const middle = others.length >> 1;
  const median = others.length % 2 === 1 ? others[middle]! : (others[middle - 1]! + others[middle]!) / 2;
  return sign * (value - median) > 0;
}
