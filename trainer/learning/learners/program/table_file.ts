import { closeSync, openSync, writeSync } from 'node:fs';
import { usedRows, type SequenceMatrix } from '../contract/past_rows.ts';

/** The table of a fit: the rows of its sequences, and no others. */
export interface ProgramTable {
  /** Row of the table at which the sequence of a row of the matrix ends. */
  lastOf(row: number): number;
}

const ROWS_AT_A_TIME = 16_384;

/**
 * Writes the rows that the sequences of these rows have, float32 in little-endian order, [rows × columns].
 * @param rows of the matrix
 * @param columns in the order of the file
 */
export function writeTable(
  path: string,
  x: SequenceMatrix,
  rows: Int32Array,
  columns: readonly number[],
): ProgramTable {
  const { table, last } = x.past;
  const isUsed = usedRows(x, rows);
  // Rows of one sequence follow each other, and stay next to each other without those that no sequence has.
  const place = new Int32Array(isUsed.length);
  let count = 0;
  for (let row = 0; row < isUsed.length; row++) {
    place[row] = count;
    if (isUsed[row] === 1) count++;
  }
  const file = openSync(path, 'w');
  try {
    const bytes = new DataView(new ArrayBuffer(ROWS_AT_A_TIME * columns.length * 4));
    let at = 0;
    const flush = (): void => {
      writeAll(file, new Uint8Array(bytes.buffer, 0, at));
      at = 0;
    };
    for (let row = 0; row < isUsed.length; row++) {
      if (isUsed[row] === 0) continue;
      for (const column of columns) {
        bytes.setFloat32(at, table[row * x.columns + column]!, true);
        at += 4;
      }
      if (at === bytes.byteLength) flush();
    }
    flush();
  } finally {
    closeSync(file);
  }
  return { lastOf: (row) => place[last[row]!]! };
}

/** A call may write less than it was given. */
function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
}
