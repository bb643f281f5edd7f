import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';

/** Labeled rows with their times. All arrays: [rows]. */
export interface FitRows {
  readonly x: Matrix;
  readonly y: Float64Array;
  /** Epoch seconds at which the features were known. */
  readonly time: Float64Array;
  /** Epoch seconds at which the label was known. */
  readonly labelEnd: Float64Array;
  readonly weights: Float64Array;
}

/** These rows of a matrix, in this order. */
export function takeRows(x: Matrix, rows: ArrayLike<number>): Matrix {
  const values = new Float32Array(rows.length * x.columns);
  for (let i = 0; i < rows.length; i++) {
    const at = rows[i]! * x.columns;
    values.set(x.values.subarray(at, at + x.columns), i * x.columns);
  }
  return { rows: rows.length, columns: x.columns, values };
}

/** The labels of these rows, in this order. */
export function takeLabels(y: Float64Array, rows: ArrayLike<number>): Float64Array {
  return Float64Array.from(rows, (row) => y[row]!);
}
