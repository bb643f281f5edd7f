import type { Matrix, PastRows } from '../../../../shared/bundle/onnx/tree_ensemble.ts';

/** A matrix whose rows have the rows before them. */
export type SequenceMatrix = Matrix & { readonly past: PastRows };

export function isSequence(x: Matrix): x is SequenceMatrix {
  return x.past !== undefined;
}

/** Rows that a model gets for one row of the matrix. */
export function barsPerRow({ past }: Matrix): number {
  return past?.bars ?? 1;
}

/**
 * Consecutive rows of a table as a matrix, each with its past.
 * @param table [rows × columns]
 * @param bars rows of a sequence; 1 = each row alone
 * @param first row of the matrix in the table, at least `bars` − 1
 */
export function rowsOfTable(
  table: Float32Array,
  { first, rows, columns, bars }: { first: number; rows: number; columns: number; bars: number },
): Matrix {
  const values = table.subarray(first * columns, (first + rows) * columns);
  if (bars === 1) return { rows, columns, values };
  return { rows, columns, values, past: { bars, table, last: Int32Array.from({ length: rows }, (_, i) => first + i) } };
}

/** The past of these rows, in this order, of the same table. */
export function takePast({ past }: Matrix, rows: ArrayLike<number>): Pick<Matrix, 'past'> {
  if (past === undefined) return {};
  return { past: { ...past, last: Int32Array.from(rows, (row) => past.last[row]!) } };
}

/** The sequences of rows from `from` up to, not including, `to`: [rows × bars × columns], oldest row first. */
export function sequencesOf({ columns, past }: SequenceMatrix, from: number, to: number): Float32Array {
  const { bars, table, last } = past;
  const width = bars * columns;
  const values = new Float32Array((to - from) * width);
  for (let row = from; row < to; row++) {
    const end = (last[row]! + 1) * columns;
    values.set(table.subarray(end - width, end), (row - from) * width);
  }
  return values;
}

/**
 * What a model of these rows gets for those from `from` up to, not including, `to`: their sequences, or where they have
 * none the rows themselves. [rows × bars × columns]
 */
export function modelInputs(x: Matrix, from: number, to: number): Float32Array {
  return isSequence(x) ? sequencesOf(x, from, to) : x.values.subarray(from * x.columns, to * x.columns);
}

/** The same matrix with a table of its own, in which no two sequences share a row. */
export function withOwnPast(x: SequenceMatrix): SequenceMatrix {
  const { rows, columns, past } = x;
  return ownTable(sequencesOf(x, 0, rows), { rows, columns, bars: past.bars }) as SequenceMatrix;
}

/**
 * A matrix of sequences that lie one behind the other.
 * @param table [rows × bars × columns], the oldest row of each sequence first
 * @param bars rows of a sequence; 1 = each row alone
 */
export function ownTable(
  table: Float32Array,
  { rows, columns, bars }: { rows: number; columns: number; bars: number },
): Matrix {
  if (bars === 1) return { rows, columns, values: table };
  const last = Int32Array.from({ length: rows }, (_, row) => (row + 1) * bars - 1);
  const values = new Float32Array(rows * columns);
  last.forEach((own, row) => values.set(table.subarray(own * columns, (own + 1) * columns), row * columns));
  return { rows, columns, values, past: { bars, table, last } };
}

/**
 * The rows of a table that the sequences of these rows have, ascending.
 * @returns 1 for each such row of the table
 */
export function usedRows({ columns, past }: SequenceMatrix, rows: Int32Array): Uint8Array {
  const { bars, table, last } = past;
  const isUsed = new Uint8Array(table.length / columns);
  for (const row of rows) isUsed.fill(1, last[row]! - bars + 1, last[row]! + 1);
  return isUsed;
}
