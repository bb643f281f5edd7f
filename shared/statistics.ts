/** Means and medians. Sums are taken in the order of the values, so that the same values give the same bits. */

/** NaN of no values. */
export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i]!;
  return sum / values.length;
}

/** Null of no values. */
export function meanOrNull(values: ArrayLike<number>): number | null {
  return values.length === 0 ? null : meanOf(values);
}

/**
 * The value with as many values below it as above it; of an even number the upper one of the two in the middle. NaN of
 * no values. The values keep their order.
 */
export function upperMedianOf(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[sorted.length >> 1] ?? NaN;
}
