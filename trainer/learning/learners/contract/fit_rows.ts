import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { createLoan } from './loan.ts';
import { takePast } from './past_rows.ts';

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
  return rowsInto(new Float32Array(rows.length * x.columns), x, rows);
}

/** These rows of a matrix, in this order, in this memory. */
function rowsInto(values: Float32Array, x: Matrix, rows: ArrayLike<number>): Matrix {
  const { columns } = x;
  for (let i = 0; i < rows.length; i++) {
    const at = rows[i]! * columns;
    values.set(x.values.subarray(at, at + columns), i * columns);
  }
  return { rows: rows.length, columns, values, ...takePast(x, rows) };
}

/** Memory of the rows that `withRows` takes. */
const taken = createLoan<Float32Array>();

/**
 * What `use` makes of these rows of a matrix, in this order. The next call takes them into the same memory, so that no
 * megabytes wait for garbage collection after each: `use` keeps nothing of the matrix, and may write to it.
 */
export function withRows<Result>(x: Matrix, rows: ArrayLike<number>, use: (taken: Matrix) => Result): Result {
  const length = rows.length * x.columns;
  const kept = taken.take();
  const memory = kept !== undefined && kept.length >= length ? kept : new Float32Array(length);
  try {
    return use(rowsInto(memory.subarray(0, length), x, rows));
  } finally {
    taken.giveBack(memory);
  }
}

/** The labels of these rows, in this order. */
export function takeLabels(y: Float64Array, rows: ArrayLike<number>): Float64Array {
  const own = new Float64Array(rows.length);
  for (let i = 0; i < own.length; i++) own[i] = y[rows[i]!]!;
  return own;
}
