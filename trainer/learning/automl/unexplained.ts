import { quantileGroups } from './quantile_groups.ts';
import type { Unexplained } from './screen.ts';

const LEVELS = 20;

/**
 * What probabilities leave unexplained: label minus probability, less its weighted mean among rows of about equal
 * probability. A candidate that is a function of the probability alone, such as one that mends its calibration, then
 * explains nothing.
 * @param rows that the probabilities' model was not trained on
 */
export function unexplainedOf(
  rows: { readonly y: Float64Array; readonly weights: Float64Array; readonly time: Float64Array },
  probabilities: Float64Array,
): Unexplained {
  const { y, weights, time } = rows;
  const { group, groups } = quantileGroups(probabilities, LEVELS);
  const sums = new Float64Array(groups);
  const totals = new Float64Array(groups);
  for (let row = 0; row < y.length; row++) {
    sums[group[row]!]! += weights[row]! * (y[row]! - probabilities[row]!);
    totals[group[row]!]! += weights[row]!;
  }
  const residual = y.map((label, row) => {
    const own = group[row]!;
    return label - probabilities[row]! - sums[own]! / totals[own]!;
  });
  return { residual, weights, time };
}
