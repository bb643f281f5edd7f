import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { parquetReadObjects, type FileMetaData } from 'hyparquet';
import { csvCell } from '../../shared/csv/csv_cell.ts';
import { oneLine } from '../../shared/one_line.ts';
import { openParquet } from '../../shared/parquet_file.ts';
import { MinutehandError } from '../../shared/errors.ts';

const SIGNATURE = Buffer.from('PAR1');
/** Rows that are in memory at once. */
const ROWS_AT_ONCE = 20_000;

export const isParquet = (first: Buffer): boolean => first.subarray(0, SIGNATURE.length).equals(SIGNATURE);

/**
 * The rows of a Parquet file as lines of CSV, the names of its columns first. Times are ISO 8601; those that the file
 * says are of no zone have none, so that the clock is asked for as in a text.
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
  const { file, metadata, rows } = await readable(path, openParquet(path));
  const columns = metadata.schema.filter(({ num_children }) => num_children === undefined).map(({ name }) => name);
  const withoutZone = new Set(columns.filter((name) => !hasZone(metadata, name)));
  yield [columns.map(csvCell).join(',')];
  for (let rowStart = 0; rowStart < rows; rowStart += ROWS_AT_ONCE) {
    const rowEnd = Math.min(rows, rowStart + ROWS_AT_ONCE);
    const read = await readable(path, parquetReadObjects({ file, metadata, rowStart, rowEnd }));
    yield read.map((row) => columns.map((name) => csvCell(cellOf(row[name], withoutZone.has(name)))).join(','));
  }
}

function hasZone({ schema }: FileMetaData, name: string): boolean {
  const type = schema.find((element) => element.name === name)?.logical_type;
  return !(type?.type === 'TIMESTAMP' && !type.isAdjustedToUTC);
}

function cellOf(value: unknown, isWithoutZone: boolean): string | number {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return isWithoutZone ? value.toISOString().slice(0, 19) : value.toISOString();
  return typeof value === 'number' ? value : String(value);
}

async function readable<Result>(path: string, reading: Promise<Result>): Promise<Result> {
  try {
    return await reading;
  } catch (cause) {
    throw new MinutehandError('DATA_FORMAT', {
      seen: `${path} cannot be read as a Parquet file: ${oneLine(cause instanceof Error ? cause.message : String(cause))}`,
      expected: 'a whole one, compressed by Snappy or not at all',
      next: 'Export it as CSV.',
      cause,
    });
  }
}
