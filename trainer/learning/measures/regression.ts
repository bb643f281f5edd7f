import { weightedMean } from './metrics.ts';

/** Root of the mean squared error. NaN without rows. @throws RangeError when lengths differ. */
export function rmse(
  predictions: ArrayLike<number>,
  targets: ArrayLike<number>,
  weights?: ArrayLike<number> | null,
): number {
  return Math.sqrt(weightedMean(predictions, targets, weights, (p, y) => (p - y) * (p - y)));
}

/** Mean absolute error. NaN without rows. @throws RangeError when lengths differ. */
export function mae(
  predictions: ArrayLike<number>,
  targets: ArrayLike<number>,
  weights?: ArrayLike<number> | null,
): number {
  return weightedMean(predictions, targets, weights, (p, y) => Math.abs(p - y));
}

/**
 * Share of the targets' variance that is explained: 1 − squared error / squared distance from their mean; below 0 when
 * the mean of the targets predicts better.
 * @returns null when the targets do not vary. @throws RangeError when lengths differ.
 */
export function r2(
  predictions: ArrayLike<number>,
  targets: ArrayLike<number>,
  weights?: ArrayLike<number> | null,
): number | null {
  const error = weightedMean(predictions, targets, weights, (p, y) => (p - y) * (p - y));
  const mean = weightedMean(predictions, targets, weights, (_, y) => y);
  const variance = weightedMean(predictions, targets, weights, (_, y) => (y - mean) * (y - mean));
  return variance > 0 ? 1 - error / variance : null;
}

/**
 * Mean pinball loss of predictions of the `quantile` (Koenker & Bassett 1978): errors below the target cost `quantile`,
 * errors above it 1 − `quantile`. NaN without rows. @throws RangeError when lengths differ or the quantile is not in
 * (0, 1).
 */
export function pinball(predictions: ArrayLike<number>, targets: ArrayLike<number>, quantile: number): number {
  if (!(quantile > 0 && quantile < 1)) throw new RangeError(`quantile is ${quantile}, expected a number in (0, 1)`);
  return weightedMean(predictions, targets, null, (p, y) => (y > p ? quantile * (y - p) : (1 - quantile) * (p - y)));
}
