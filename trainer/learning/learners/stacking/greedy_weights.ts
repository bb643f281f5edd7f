import { ln, sigmoid } from '../../../../shared/elementary.ts';
import { rescaledLogits } from '../contract/rescaled.ts';
import type { AnsweredRows } from './answered_rows.ts';

/** Members that are drawn at most, each of them any number of times. */
const DRAWS = 50;
/** Share of the equal weights: chosen weights are noise where members answer alike. */
const EQUAL_SHARE = 0.5;
/** Kept away from 0, so that a single wrong answer near 0 or 1 does not decide. */
const LEAST_LIKELIHOOD = 1e-12;

/**
 * Weights that sum to 1, by forward selection with replacement (Caruana et al. 2004): the member whose addition to the
 * mean lowers the weighted log loss most is added, until none lowers it; then halfway to equal weights.
 * @param probabilities whether the mean is of probabilities, or of their logits
 */
export function greedyWeights({ answers, labels, weights }: AnsweredRows, probabilities: boolean): Float64Array {
  const values = probabilities ? answers : answers.map((own) => rescaledLogits(own, null));
  const rows = labels.length;
  const sum = new Float64Array(rows);
  const counts = new Float64Array(values.length);
  let drawn = 0;
  let least = Infinity;
  while (drawn < DRAWS) {
    let best = -1;
    let lowest = least;
    for (const [member, own] of values.entries()) {
      let loss = 0;
      for (let row = 0; row < rows; row++) {
        const mean = (sum[row]! + own[row]!) / (drawn + 1);
        const p = probabilities ? mean : sigmoid(mean);
        const label = labels[row]!;
        loss -=
          weights[row]! *
          (label * ln(Math.max(p, LEAST_LIKELIHOOD)) + (1 - label) * ln(Math.max(1 - p, LEAST_LIKELIHOOD)));
      }
      if (loss < lowest) {
        best = member;
        lowest = loss;
      }
    }
    if (best < 0) break;
    for (let row = 0; row < rows; row++) sum[row]! += values[best]![row]!;
    counts[best]!++;
    drawn++;
    least = lowest;
  }
  const equal = 1 / values.length;
  if (drawn === 0) return counts.fill(equal);
  return counts.map((count) => EQUAL_SHARE * equal + (1 - EQUAL_SHARE) * (count / drawn));
}
