import { checkLengths } from './metrics.ts';

/** Sums of weights: predicted (positive or negative) against actual. */
export interface Confusion {
  readonly true_positive: number;
  readonly false_positive: number;
  readonly false_negative: number;
  readonly true_negative: number;
}

/** Metrics of a confusion matrix; null where a denominator is 0. */
export interface ConfusionMetrics {
  readonly accuracy: number | null;
  readonly precision: number | null;
  /** Recall: share of the positives that are predicted positive. */
  readonly recall: number | null;
  /** Harmonic mean of precision and recall. */
  readonly f1: number | null;
  /** Mean of recall and specificity: the macro average of the recalls of both classes. */
  readonly balanced_accuracy: number | null;
  /** Mean of the precisions of both classes; null where one of them is never predicted. */
  readonly macro_precision: number | null;
  /** Mean of the F1 of both classes; null where a class neither occurs nor is predicted. */
  readonly macro_f1: number | null;
  /** Correlation of answer and label (Matthews 1975); 0 when every answer is the same. */
  readonly matthews: number | null;
}

/**
 * Predicts positive where the probability is greater than `threshold`, as `decide` compares return_prob > θ1.
 * @param labels 0 or 1, [rows].
 * @param weights ≥ 0, [rows]; 1 each when absent.
 * @throws RangeError when lengths differ, a probability is NaN or a label is neither 0 nor 1.
 */
export function confusion(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  threshold = 0.5,
  weights?: ArrayLike<number> | null,
): Confusion {
  checkLengths(probabilities, labels, weights);
  const sums = [0, 0, 0, 0];
  for (let row = 0; row < labels.length; row++) {
    const p = probabilities[row]!;
    const label = labels[row]!;
    if (p !== p) throw new RangeError(`probability of row ${row} is NaN`);
    if (label !== 0 && label !== 1) throw new RangeError(`label ${label} of row ${row} is not 0 or 1`);
    sums[label * 2 + (p > threshold ? 1 : 0)]! += weights ? weights[row]! : 1;
  }
  return {
    true_positive: sums[3]!,
    false_positive: sums[1]!,
    false_negative: sums[2]!,
    true_negative: sums[0]!,
  };
}

/**
 * The confusion matrix that is expected when each label is drawn with its soft label as the probability of 1: a row
 * counts so much as a positive, and the rest as a negative. For labels of 0 and 1 it is `confusion`.
 * @param labels 0 to 1, [rows]
 */
export function expectedConfusion(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  threshold = 0.5,
): Confusion {
  checkLengths(probabilities, labels, null);
  const ones = new Float64Array(labels.length).fill(1);
  const rest = Float64Array.from(labels, (label) => 1 - label);
  const positives = confusion(probabilities, ones, threshold, labels);
  const negatives = confusion(probabilities, new Float64Array(labels.length), threshold, rest);
  return { ...negatives, true_positive: positives.true_positive, false_negative: positives.false_negative };
}

export function confusionMetrics(of: Confusion): ConfusionMetrics {
  const { true_positive: tp, false_positive: fp, false_negative: fn, true_negative: tn } = of;
  const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);
  const recall = share(tp, tp + fn);
  const specificity = share(tn, tn + fp);
  const hasBoth = recall !== null && specificity !== null;
  const mean = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : (a + b) / 2);
  const margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn);
  return {
    accuracy: share(tp + tn, tp + fp + fn + tn),
    precision: share(tp, tp + fp),
    recall,
    f1: share(2 * tp, 2 * tp + fp + fn),
    balanced_accuracy: mean(recall, specificity),
    macro_precision: mean(share(tp, tp + fp), share(tn, tn + fn)),
    macro_f1: mean(share(2 * tp, 2 * tp + fp + fn), share(2 * tn, 2 * tn + fp + fn)),
    matthews: hasBoth ? (margins > 0 ? (tp * tn - fp * fn) / Math.sqrt(margins) : 0) : null,
  };
}

/**
 * F1 of predicting every row positive: 2s / (1 + s) at a share s of positives, ⅔ on balanced classes. Null without
 * rows.
 */
export function allPositiveF1(labels: ArrayLike<number>, weights?: ArrayLike<number> | null): number | null {
  return confusionMetrics(confusion(new Float64Array(labels.length).fill(1), labels, 0, weights)).f1;
}

/**
 * Weights with equal totals of both classes and an unchanged sum: each row's weight times half of the total over the
 * total of its class.
 * @param labels 0 or 1, [rows].
 */
export function balancedWeights(labels: ArrayLike<number>, weights?: ArrayLike<number> | null): Float64Array {
  const ofClass = [0, 0];
  for (let row = 0; row < labels.length; row++) ofClass[labels[row]!]! += weights ? weights[row]! : 1;
  const total = ofClass[0]! + ofClass[1]!;
  return Float64Array.from(labels, (label, row) => {
    const own = weights ? weights[row]! : 1;
    return own === 0 ? 0 : (own * total) / (2 * ofClass[label]!);
  });
}

/**
 * The threshold above which a share `rate` of the probabilities lies, as nearly as ties allow: halfway between
 * neighboring ones. It needs no labels of these rows.
 * @returns Infinity without probabilities
 */
export function rateThreshold(probabilities: ArrayLike<number>, rate: number): number {
  const descending = Float64Array.from(probabilities).sort().reverse();
  const n = descending.length;
  const wanted = Math.round(rate * n);
  if (n === 0 || wanted <= 0) return n === 0 ? Infinity : descending[0]!;
  const last = descending[wanted - 1]!;
  // Rows of the same probability lie on one side: that which is nearer to the rate.
  const above = descending.indexOf(last);
  const atLeast = descending.lastIndexOf(last) + 1;
  const count = atLeast - wanted <= wanted - above ? atLeast : above;
  if (count === 0) return last;
  const lowest = descending[count - 1]!;
  const next = descending[count];
  if (next === undefined) return -Infinity;
  const middle = next + (lowest - next) / 2;
  return middle < lowest ? middle : next;
}

/**
 * The threshold with the largest F1 among those that separate rows: halfway between neighboring probabilities, the
 * higher one of equals. Apply it to rows other than those it is evaluated on. Cost: one sort.
 * @returns null when all probabilities are equal or no positive has weight.
 * @throws RangeError as `confusion`
 */
export function bestF1Threshold(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights?: ArrayLike<number> | null,
): number | null {
  const { true_positive, false_negative } = confusion(probabilities, labels, 0, weights);
  const positives = true_positive + false_negative;
  const order = Uint32Array.from({ length: labels.length }, (_, row) => row);
  order.sort((a, b) => probabilities[b]! - probabilities[a]! || a - b);
  let best: number | null = null;
  let bestF1 = 0;
  let found = 0;
  let predicted = 0;
  for (let i = 0; i + 1 < order.length; i++) {
    const row = order[i]!;
    const weight = weights ? weights[row]! : 1;
    predicted += weight;
    if (labels[row] === 1) found += weight;
    const above = probabilities[row]!;
    const below = probabilities[order[i + 1]!]!;
    if (above === below) continue;
    // tp + fp is the number predicted, tp + fn all positives.
    const f1 = (2 * found) / (predicted + positives);
    if (f1 > bestF1) {
      bestF1 = f1;
      const middle = below + (above - below) / 2;
      best = middle < above ? middle : below;
    }
  }
  return best;
}
