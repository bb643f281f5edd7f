import { ln, sigmoid, softmax } from '../../../../shared/elementary.ts';
import { logitsOf, type AnsweredRows } from './answered_rows.ts';

/** Members that are drawn at most, each of them any number of times. */
const DRAWS = 50;
/** Share of the equal weights: chosen weights are noise where members answer alike. */
const EQUAL_SHARE = 0.5;
/** Kept away from 0, so that a single wrong answer near 0 or 1 does not decide. */
const LEAST_LIKELIHOOD = 1e-12;

/**
 * Weights that sum to 1, by forward selection with replacement (Caruana et al. 2004): the member whose addition to the
 * mean lowers the weighted log loss most is added, until none lowers it; then halfway to equal weights.
 * @param probabilities whether the mean is of probabilities, or of their logits, or of classes their logarithms
 */
export function greedyWeights(answered: AnsweredRows, probabilities: boolean): Float64Array {
  const { width, answers, labels, weights } = answered;
  const values = probabilities ? answers : answers.map((own) => logitsOf(own, width));
  const likelihoodOf = width === 1 ? binaryLikelihood(probabilities) : classLikelihood(probabilities);
  const rows = labels.length;
  const sum = new Float64Array(rows * width);
  const mean = new Float64Array(width);
  const counts = new Float64Array(values.length);
  let drawn = 0;
  let least = Infinity;
  while (drawn < DRAWS) {
    let best = -1;
    let lowest = least;
    for (const [member, own] of values.entries()) {
      let loss = 0;
      for (let row = 0; row < rows; row++) {
        for (let k = 0; k < width; k++) mean[k] = (sum[row * width + k]! + own[row * width + k]!) / (drawn + 1);
        loss -= weights[row]! * likelihoodOf(mean, labels[row]!);
      }
      if (loss < lowest) {
        best = member;
        lowest = loss;
      }
    }
    if (best < 0) break;
    for (let i = 0; i < sum.length; i++) sum[i]! += values[best]![i]!;
    counts[best]!++;
    drawn++;
    least = lowest;
  }
  const equal = 1 / values.length;
  if (drawn === 0) return counts.fill(equal);
  return counts.map((count) => EQUAL_SHARE * equal + (1 - EQUAL_SHARE) * (count / drawn));
}

/** What is made of the mean for a row: the logarithm of the likelihood of its label. It may write to the mean. */
type Likelihood = (mean: Float64Array, label: number) => number;

function binaryLikelihood(probabilities: boolean): Likelihood {
  return (mean, label) => {
    const p = probabilities ? mean[0]! : sigmoid(mean[0]!);
    return label * ln(Math.max(p, LEAST_LIKELIHOOD)) + (1 - label) * ln(Math.max(1 - p, LEAST_LIKELIHOOD));
  };
}

function classLikelihood(probabilities: boolean): Likelihood {
  return (mean, label) => {
    if (!probabilities) softmax(mean);
    return ln(Math.max(mean[label]!, LEAST_LIKELIHOOD));
  };
}
