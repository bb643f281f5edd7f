import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { csvCell } from '../../shared/csv/csv_cell.ts';
import { oneLine } from '../../shared/one_line.ts';
import { cellText, openParquet, parquetCells, readableParquet as readable } from '../../shared/parquet_file.ts';
import { firstBytes } from './source_kind.ts';

const SIGNATURE = Buffer.from('PAR1');
/** Rows that are in memory at once. */
const ROWS_AT_ONCE = 20_000;

export const isParquet = (first: Buffer): boolean => first.subarray(0, SIGNATURE.length).equals(SIGNATURE);

/**
 * The rows of a Parquet file as lines of CSV, the names of its columns first. Times are ISO 8601; those that the file
 * says are of no zone have none, so that the clock is asked for as in a text. Decimals are exact.
 * @throws MinutehandError DATA_FORMAT when it is damaged, cut, claims more rows than it can hold, or is compressed in
 * another way than Snappy
 */
export async function* parquetLines(
  path: string,
  hash?: Hash,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<string[], void> {
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash?.update(chunk);
    onBytes?.(chunk.length);
  }
  const opened = await readable(path, openParquet(path));
  const { columns, rows } = opened;
  yield [columns.map(({ name }) => csvCell(name)).join(',')];
  for (let rowStart = 0; rowStart < rows; rowStart += ROWS_AT_ONCE) {
    const rowEnd = Math.min(rows, rowStart + ROWS_AT_ONCE);
    const read = await readable(path, parquetCells(opened, rowStart, rowEnd));
    yield read.map((row) => row.map((cell, i) => csvCell(cellText(cell, columns[i]!))).join(','));
  }
}

/**
 * Names the columns of a Parquet file that have single precision: fewer digits than a text may have. Empty for other
 * files.
 */
export async function precisionEvidence(path: string): Promise<string[]> {
  if (!isParquet(await firstBytes(path))) return [];
  const { columns } = await readable(path, openParquet(path));
  const single = columns.filter(({ isSingle }) => isSingle).map(({ name }) => name);
  if (single.length === 0) return [];
  const names = single.map((name) => oneLine(name).slice(0, 40)).join(', ');
  return [
    `${names} of single precision (float32): each number is the shortest decimal with its bits, which is the source’s where that had 6 digits or fewer`,
  ];
}
