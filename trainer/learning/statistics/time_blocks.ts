import type { Blocks } from './block_bootstrap.ts';

/** Rows in time: when each begins, and when its label was known. */
export interface TimedRows {
  /** Epoch seconds, [rows]. */
  readonly time: ArrayLike<number>;
  readonly labelEnd: ArrayLike<number>;
}

/**
 * Seconds that nine labels of ten last at most: rows further apart rarely share a bar. The longest ones last over a
 * weekend, and would leave few blocks.
 */
export function labelSeconds({ time, labelEnd }: TimedRows): number {
  const lengths = Float64Array.from(time, (from, row) => labelEnd[row]! - from).sort();
  return Math.max(1, lengths[Math.floor(0.9 * lengths.length)] ?? 1);
}

/**
 * Sums of values over blocks of `seconds`, in order of time, the rows of all pairs together: rows within a block are as
 * dependent as they like. Blocks without a row are left out.
 */
export function timeBlocks(time: ArrayLike<number>, seconds: number, valueOf: (row: number) => number): Blocks {
  const sums = new Map<number, { sum: number; count: number }>();
  for (let row = 0; row < time.length; row++) {
    const block = Math.floor(time[row]! / seconds);
    const known = sums.get(block);
    if (known === undefined) sums.set(block, { sum: valueOf(row), count: 1 });
    else {
      known.sum += valueOf(row);
      known.count++;
    }
  }
  const ordered = [...sums].sort(([a], [b]) => a - b).map(([, own]) => own);
  return {
    sum: Float64Array.from(ordered, ({ sum }) => sum),
    count: Float64Array.from(ordered, ({ count }) => count),
  };
}
