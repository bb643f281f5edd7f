import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { FitRows } from '../contract/fit_rows.ts';

/** What the linear models of one answer and of several have in common: their standardized columns and their penalty. */

/** Weight of the squared coefficients beside the mean log loss. */
export const RIDGE = 1e-4;
/** Standardized values further out count as this: a linear model follows a single outlier as far as it goes. */
export const CLIP = 5;

/** Per column: what is subtracted from a value, and what it is then multiplied by; float32 numbers. */
export interface Scaling {
  readonly mean: Float64Array;
  /** 0 for a column without variation, which then counts as 0. */
  readonly inverse: Float64Array;
}

/** Weighted mean and inverse of the standard deviation of the known, finite values of each column, float32 numbers. */
export function scalingOf(
  { x, weights }: Pick<FitRows, 'x' | 'weights'>,
  subset: Int32Array,
  columns: readonly number[],
): Scaling {
  const mean = new Float64Array(columns.length);
  const inverse = new Float64Array(columns.length);
  columns.forEach((column, i) => {
    let total = 0;
    let sum = 0;
    for (const row of subset) {
      const value = x.values[row * x.columns + column]!;
      if (!Number.isFinite(value)) continue;
      total += weights[row]!;
      sum += weights[row]! * value;
    }
    if (total === 0) return;
    mean[i] = Math.fround(sum / total);
    let squares = 0;
    for (const row of subset) {
      const value = x.values[row * x.columns + column]!;
      if (Number.isFinite(value)) squares += weights[row]! * (value - mean[i]!) ** 2;
    }
    const own = Math.fround(Math.sqrt(total / squares));
    // A constant column differs from its rounded mean by less than that has digits.
    const isConstant = Math.sqrt(squares / total) <= Math.abs(mean[i]!) * 2 ** -23;
    inverse[i] = isConstant || !Number.isFinite(own) ? 0 : own;
  });
  return { mean, inverse };
}

/** Writes the columns of a row into `z`, and 1 behind them for the intercept. */
export function standardize(
  { columns: width, values }: Matrix,
  row: number,
  columns: readonly number[],
  { mean, inverse }: Scaling,
  z: Float64Array,
): void {
  columns.forEach((column, i) => {
    const value = (values[row * width + column]! - mean[i]!) * inverse[i]!;
    z[i] = Number.isNaN(value) ? 0 : Math.min(Math.max(value, -CLIP), CLIP);
  });
  z[columns.length] = 1;
}

/** The product of the coefficients and the standardized columns of a row. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
