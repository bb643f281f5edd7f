import * as z from 'zod';
import { clusteredMean } from '../statistics/cluster.ts';

/** A window is at most this part of the time: of longer ones there are too few to tell their variance. */
const FEWEST_WINDOWS = 4;

/** Independent windows whose variance is as certain as that of the overlapping ones, for each that fits in a row. */
export const OVERLAP_WORTH = 1.5;

export const windowWorthSchema = z.object({
  /** Length of the windows. */
  minutes: z.number().positive(),
  /** Independent rows whose shares would vary as those of these windows do; of all rows. */
  effective_rows: z.number().nonnegative(),
  /**
   * Directions in which the shares vary, each weighted by its part of the variance: 1 where one slow change moves them
   * all, bins − 1 where none is slower than another.
   */
  modes: z.number().positive(),
});
/** How much the shares of the bins vary from window to window, without an assumption of how correlation falls off. */
export type WindowWorth = z.infer<typeof windowWorthSchema>;

/**
 * The variance of shares over windows of 1, 2, 4 … blocks, the overlapping ones of each length, cut off at the ends.
 * Over windows of L blocks it is the long-run variance by Bartlett's weights (Newey & West 1987), without the bias that
 * one bandwidth has for a variance beyond it: a live window is as long as these. Corrected for the mean taken from the
 * same blocks. Modes are (Σλ)² ÷ Σλ² of the eigenvalues λ of the shares' covariance (Rao & Scott 1981, second order;
 * Satterthwaite 1946), without the bias of Σλ² from few windows (Srivastava 2005).
 * @param inCell of each bin, rows by block
 * @param inBlock rows by block; empty ones are left out
 * @param blockMinutes length of a block
 */
export function windowWorth(
  inCell: readonly Float64Array[],
  inBlock: Float64Array,
  blockMinutes: number,
): WindowWorth[] {
  const blocks = [...inBlock.keys()].filter((block) => inBlock[block]! > 0);
  const rows = inBlock.reduce((sum, count) => sum + count, 0);
  const residuals = inCell.flatMap((cell) => {
    const { mean: share } = clusteredMean(cell, inBlock);
    if (share === null || share === 0) return [];
    return [Float64Array.from(blocks, (block) => (cell[block]! - share * inBlock[block]!) / Math.sqrt(share))];
  });
  const free = residuals.length - 1;
  const found: WindowWorth[] = [];
  for (let length = 1; FEWEST_WINDOWS * length <= blocks.length && free > 0; length *= 2) {
    const { trace, squares } = windowCovariance(
      residuals.map((own) => windowSums(own, length)),
      length,
    );
    if (trace <= 0) continue;
    const windows = ((length === 1 ? 1 : OVERLAP_WORTH) * blocks.length) / length;
    const unbiased = ((squares - (trace * trace) / windows) * windows * windows) / ((windows - 1) * (windows + 2));
    const variance = trace / (1 - length / blocks.length);
    found.push({
      minutes: length * blockMinutes,
      effective_rows: Math.min(rows, (rows * rows * free) / variance),
      modes: Math.max(1, (trace * trace) / Math.max(unbiased, (trace * trace) / free)),
    });
  }
  return found;
}

/** Sums over all windows of so many values that touch one. */
function windowSums(values: Float64Array, length: number): Float64Array {
  const sums = new Float64Array(values.length + length - 1);
  let sum = 0;
  for (let end = 0; end < sums.length; end++) {
    sum += (values[end] ?? 0) - (values[end - length] ?? 0);
    sums[end] = sum;
  }
  return sums;
}

/** Trace of the covariance of the columns, and that of its square, per block. */
function windowCovariance(
  columns: readonly Float64Array[],
  length: number,
): { readonly trace: number; readonly squares: number } {
  let trace = 0;
  let squares = 0;
  for (const [i, column] of columns.entries()) {
    for (let j = 0; j <= i; j++) {
      const other = columns[j]!;
      let product = 0;
      for (let end = 0; end < column.length; end++) product += column[end]! * other[end]!;
      product /= length;
      if (i === j) trace += product;
      squares += (i === j ? 1 : 2) * product * product;
    }
  }
  return { trace, squares };
}
