/** What is worth knowing of the values of a formula. */
export interface Distribution {
  /** Bars, and those of them with a value. */
  readonly bars: number;
  readonly values: number;
  readonly mean: number | null;
  readonly std: number | null;
  /** Of QUANTILES; null without values. */
  readonly quantiles: readonly number[] | null;
}

export const QUANTILES = [0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1] as const;

export function distributionOf(values: Float64Array): Distribution {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted();
  const known = sorted.length;
  if (known === 0) return { bars: values.length, values: 0, mean: null, std: null, quantiles: null };
  let sum = 0;
  for (const value of sorted) sum += value;
  const mean = sum / known;
  let squares = 0;
  for (const value of sorted) squares += (value - mean) * (value - mean);
  return {
    bars: values.length,
    values: known,
    mean,
    std: known > 1 ? Math.sqrt(squares / (known - 1)) : null,
    quantiles: QUANTILES.map((q) => sorted[Math.round(q * (known - 1))]!),
  };
}

/**
 * How many values lie in each of `bins` equal parts of `low` … `high`; the outer ones take what is beyond. Missing
 * values are not counted.
 */
export function countValues(values: Float64Array, low: number, high: number, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  const width = high > low ? (high - low) / bins : 1;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    counts[Math.max(0, Math.min(bins - 1, Math.floor((value - low) / width)))]!++;
  }
  return counts;
}
