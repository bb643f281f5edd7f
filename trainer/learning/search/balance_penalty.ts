import { meanOf } from '../../../shared/statistics.ts';
/** Of the distance of the mean answer from one half: a figure of the specification. */
export const BALANCE_PENALTY = 0.5;

/**
 * What is added to the log loss of a network's trial: 0.5 · |0.5 − mean|. It pulls toward balanced answers even where
 * the labels are not, so a trial that only it prefers is not adopted: walk-forward must gain in log loss alone.
 * @param answers probabilities, at least one
 */
export function balancePenalty(answers: Float64Array): number {
  const mean = meanOf(answers);
  return BALANCE_PENALTY * Math.abs(0.5 - mean);
}
