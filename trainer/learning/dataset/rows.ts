import type { LabeledRows } from './dataset_rows.ts';

/** Columns of labeled rows that validation needs. */
export type ValidationRows = Pick<LabeledRows, 'x' | 'y' | 'time' | 'labelEnd' | 'pair'>;

/**
 * Learns from the rows of `train`. It must ignore all other rows and their labels, which the leakage tests verify.
 */
export type Fit<Rows, Model> = (rows: Rows, train: Int32Array) => Promise<Model>;

/** Returns whether every label is 0 or 1, not a share in between. */
export function isHard(labels: ArrayLike<number>): boolean {
  for (let row = 0; row < labels.length; row++) if (labels[row] !== 0 && labels[row] !== 1) return false;
  return true;
}

/** The elements at these positions. */
export function pick(values: ArrayLike<number>, at: ArrayLike<number>): Float64Array {
  return Float64Array.from(at, (row) => values[row]!);
}

/** Positions for which `is` holds, ascending. */
export function positions(count: number, is: (row: number) => boolean): Int32Array {
  const found: number[] = [];
  for (let row = 0; row < count; row++) if (is(row)) found.push(row);
  return Int32Array.from(found);
}
