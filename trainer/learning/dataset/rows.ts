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
  const picked = new Float64Array(at.length);
  for (let i = 0; i < picked.length; i++) picked[i] = values[at[i]!]!;
  return picked;
}

/** Positions for which `is` holds, ascending. */
export function positions(count: number, is: (row: number) => boolean): Int32Array {
  const found = new Int32Array(count);
  let length = 0;
  for (let row = 0; row < count; row++) if (is(row)) found[length++] = row;
  return found.slice(0, length);
}
