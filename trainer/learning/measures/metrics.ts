import { ln } from '../../../shared/elementary.ts';

/**
 * Area under the ROC curve: the probability that a random positive row scores above a random negative one, ties
 * counting half (Hanley & McNeil 1982). Cost: one sort.
 * @param labels 0 or 1, [rows].
 * @param weights ≥ 0, [rows]; 1 each when absent.
 * @returns null when one of the classes has no weight: there is nothing to rank.
 * @throws RangeError when lengths differ, a score is NaN or a label is neither 0 nor 1.
 */
export function auc(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights?: ArrayLike<number> | null,
): number | null {
  checkLengths(scores, labels, weights);
  for (let row = 0; row < scores.length; row++) {
    if (scores[row] !== scores[row]) throw new RangeError(`score of row ${row} is NaN`);
    if (labels[row] !== 0 && labels[row] !== 1)
      throw new RangeError(`label ${labels[row]} of row ${row} is not 0 or 1`);
  }
  return weights ? weightedAuc(scores, labels, weights) : plainAuc(scores, labels);
}

/** Each class is sorted separately: numbers alone are sorted several times as fast as rows. */
function plainAuc(scores: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  const ofClass = (label: number): Float64Array =>
    Float64Array.from(scores)
      .filter((_, row) => labels[row] === label)
      .sort();
  const positives = ofClass(1);
  const negatives = ofClass(0);
  let won = 0;
  let below = 0;
  let upTo = 0;
  for (const score of positives) {
    while (below < negatives.length && negatives[below]! < score) below++;
    while (upTo < negatives.length && negatives[upTo]! <= score) upTo++;
    won += (below + upTo) / 2;
  }
  return positives.length > 0 && negatives.length > 0 ? won / (positives.length * negatives.length) : null;
}

function weightedAuc(scores: ArrayLike<number>, labels: ArrayLike<number>, weights: ArrayLike<number>): number | null {
  const order = Uint32Array.from({ length: scores.length }, (_, row) => row);
  order.sort((a, b) => scores[a]! - scores[b]! || a - b);
  let won = 0;
  let positives = 0;
  let negatives = 0;
  for (let i = 0; i < order.length;) {
    const score = scores[order[i]!]!;
    let tiedPositives = 0;
    let tiedNegatives = 0;
    for (; i < order.length && scores[order[i]!] === score; i++) {
      const weight = weights[order[i]!]!;
      if (labels[order[i]!] === 1) tiedPositives += weight;
      else tiedNegatives += weight;
    }
    won += tiedPositives * (negatives + tiedNegatives / 2);
    positives += tiedPositives;
    negatives += tiedNegatives;
  }
  return positives > 0 && negatives > 0 ? won / (positives * negatives) : null;
}

/** Mean squared distance between probability and label (Brier 1950). NaN without rows. @throws RangeError as above. */
export function brier(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights?: ArrayLike<number> | null,
): number {
  return weightedMean(probabilities, labels, weights, (p, y) => (p - y) * (p - y));
}

/**
 * Mean negative log-likelihood in nats; probabilities are kept 1e-15 away from 0 and 1. Labels may be soft.
 * NaN without rows. @throws RangeError when lengths differ.
 */
export function logLoss(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights?: ArrayLike<number> | null,
): number {
  return weightedMean(probabilities, labels, weights, rowLogLoss);
}

/** Negative log-likelihood of one row, as `logLoss` averages it. */
export function rowLogLoss(probability: number, label: number): number {
  const kept = Math.min(Math.max(probability, 1e-15), 1 - 1e-15);
  return -(label * ln(kept) + (1 - label) * ln(1 - kept));
}

/** One bin of a reliability diagram. */
export interface ReliabilityBin {
  readonly rows: number;
  readonly weight: number;
  /** Mean probability and mean label of its rows; NaN when they have no weight. */
  readonly confidence: number;
  readonly frequency: number;
}

/**
 * Probabilities in `bins` cells of equal width over [0, 1]; the last one includes 1.
 * @throws RangeError when lengths differ or a probability is outside [0, 1].
 */
export function reliability(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  bins = 10,
  weights?: ArrayLike<number> | null,
): readonly ReliabilityBin[] {
  checkLengths(probabilities, labels, weights);
  const rows = new Array<number>(bins).fill(0);
  const weight = new Array<number>(bins).fill(0);
  const confidence = new Array<number>(bins).fill(0);
  const frequency = new Array<number>(bins).fill(0);
  for (let row = 0; row < probabilities.length; row++) {
    const p = probabilities[row]!;
    if (!(p >= 0 && p <= 1)) throw new RangeError(`probability ${p} of row ${row} is not in [0, 1]`);
    const bin = Math.min(Math.floor(p * bins), bins - 1);
    const own = weights ? weights[row]! : 1;
    rows[bin]!++;
    weight[bin]! += own;
    confidence[bin]! += own * p;
    frequency[bin]! += own * labels[row]!;
  }
  return rows.map((count, bin) => ({
    rows: count,
    weight: weight[bin]!,
    confidence: confidence[bin]! / weight[bin]!,
    frequency: frequency[bin]! / weight[bin]!,
  }));
}

/**
 * Expected calibration error: mean |confidence − frequency| of the bins, weighted by the weights of their rows (Naeini
 * et al. 2015). NaN without rows. @throws RangeError as `reliability`.
 */
export function expectedCalibrationError(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  bins = 10,
  weights?: ArrayLike<number> | null,
): number {
  let sum = 0;
  let total = 0;
  for (const { weight, confidence, frequency } of reliability(probabilities, labels, bins, weights)) {
    if (weight > 0) sum += weight * Math.abs(confidence - frequency);
    total += weight;
  }
  return sum / total;
}

/** Σ w · of(a, b) / Σ w over the rows. NaN without rows. @throws RangeError when lengths differ. */
export function weightedMean(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights: ArrayLike<number> | null | undefined,
  of: (answer: number, label: number) => number,
): number {
  checkLengths(probabilities, labels, weights);
  let sum = 0;
  let total = 0;
  for (let row = 0; row < probabilities.length; row++) {
    const weight = weights ? weights[row]! : 1;
    sum += weight * of(probabilities[row]!, labels[row]!);
    total += weight;
  }
  return sum / total;
}

/** @throws RangeError when lengths differ. */
export function checkLengths(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  c: ArrayLike<number> | null | undefined,
): void {
  if (a.length !== b.length || (c && c.length !== a.length)) {
    throw new RangeError(`lengths differ: ${a.length}, ${b.length}${c ? `, ${c.length}` : ''}`);
  }
}
