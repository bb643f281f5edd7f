import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetRead,
  type AsyncBuffer,
  type FileMetaData,
  type SchemaElement,
} from 'hyparquet';
import { MinutehandError } from './errors.ts';
import { oneLine } from './one_line.ts';

/**
 * Rows for each byte of a file. A column of times with one step takes some 5 bytes for 128 rows; a file that claims
 * more than this cannot hold them, and whoever believed it would read for ever.
 */
const MAX_ROWS_PER_BYTE = 64;

export interface OpenedParquet {
  readonly file: AsyncBuffer;
  /** Of columns of decimals without that they are: the reader's own conversion loses their last digits. */
  readonly metadata: FileMetaData;
  readonly rows: number;
  /** Its columns with one value a row. */
  readonly columns: readonly ParquetColumn[];
}

export interface ParquetColumn {
  readonly name: string;
  /** Numbers of single precision, or half of it: they have 7 digits at most. */
  readonly isSingle: boolean;
  readonly hasZone: boolean;
  /** What a row shows: an exact number, or a text of it where a number has not its digits; null without a value. */
  readonly cellOf: (value: unknown) => string | number | Date | null;
}

/** @throws Error when it is no Parquet file, or claims what it cannot hold */
export async function openParquet(path: string): Promise<OpenedParquet> {
  const file = await asyncBufferFromFile(path);
  const stated = await parquetMetadataAsync(file);
  const rows = heldRows(stated, file.byteLength);
  const metadata = { ...stated, schema: stated.schema.map(asStored) };
  return { file, metadata, rows, columns: flatColumns(stated.schema).map(columnOf) };
}

/** The rows from `rowStart` to before `rowEnd`, each with the cells of `columns`. @throws Error when it is damaged */
export async function parquetCells(
  { file, metadata, columns }: OpenedParquet,
  rowStart: number,
  rowEnd: number,
): Promise<(string | number | Date | null)[][]> {
  let read: unknown[][] = [];
  await parquetRead({
    file,
    metadata,
    columns: columns.map(({ name }) => name),
    rowStart,
    rowEnd,
    utf8: false,
    onComplete: (rows) => (read = rows),
  });
  return read.map((row) => columns.map(({ cellOf }, i) => cellOf(row[i])));
}

/** A cell as a text has it: times are ISO 8601, and those of no zone have none. */
export function cellText(cell: string | number | Date | null, { hasZone }: ParquetColumn): string | number {
  if (cell === null) return '';
  if (cell instanceof Date) return hasZone ? cell.toISOString() : cell.toISOString().slice(0, 19);
  return cell;
}

/** @throws MinutehandError DATA_FORMAT where it is damaged, cut, or compressed in another way than by Snappy */
export async function readableParquet<Result>(path: string, reading: Promise<Result>): Promise<Result> {
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

/** The shortest decimal that is this number in single precision, as a text of the same source would have it. */
export function shortestSingle(value: number): number {
  // Every text of six digits survives single precision; nine tell any two numbers apart.
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number.isFinite(value) ? Number(value.toPrecision(9)) : value;
}

/** Columns directly below the root that are no groups of columns. */
function flatColumns(schema: readonly SchemaElement[]): SchemaElement[] {
  const flat: SchemaElement[] = [];
  let at = 1;
  const skip = (): void => {
    const children = schema[at++]?.num_children ?? 0;
    for (let child = 0; child < children; child++) skip();
  };
  while (at < schema.length) {
    const element = schema[at]!;
    if (element.num_children === undefined && element.repetition_type !== 'REPEATED') flat.push(element);
    skip();
  }
  return flat;
}

const isDecimal = ({ converted_type, logical_type }: SchemaElement): boolean =>
  converted_type === 'DECIMAL' || logical_type?.type === 'DECIMAL';

function asStored(element: SchemaElement): SchemaElement {
  if (!isDecimal(element)) return element;
  const { converted_type: _, logical_type: __, ...stored } = element;
  return stored;
}

function columnOf(element: SchemaElement): ParquetColumn {
  const { name, type, logical_type } = element;
  const isHalf = logical_type?.type === 'FLOAT16';
  const cellOf: ParquetColumn['cellOf'] = (value) => {
    if (value === null || value === undefined) return null;
    if (value instanceof Date) return value;
    if (isDecimal(element)) return decimalText(value as number | bigint | Uint8Array, scaleOf(element));
    if (value instanceof Uint8Array) return new TextDecoder().decode(value);
    if (typeof value !== 'number') return String(value as string | bigint | boolean);
    return type === 'FLOAT' || isHalf ? shortestSingle(value) : value;
  };
  return {
    name,
    isSingle: type === 'FLOAT' || isHalf,
    hasZone: !(logical_type?.type === 'TIMESTAMP' && !logical_type.isAdjustedToUTC),
    cellOf,
  };
}

function scaleOf({ scale, logical_type }: SchemaElement): number {
  return scale ?? (logical_type?.type === 'DECIMAL' ? logical_type.scale : 0);
}

/**
 * A decimal as a text writes it, without zeros at its end: 10^-scale is no binary fraction, so nothing is multiplied.
 */
function decimalText(value: number | bigint | Uint8Array, scale: number): string {
  const unscaled = value instanceof Uint8Array ? bigEndian(value) : BigInt(value);
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const point = digits.length - scale;
  let end = digits.length;
  while (end > point && digits[end - 1] === '0') end--;
  const fraction = end === point ? '' : `.${digits.slice(point, end)}`;
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}${fraction}`;
}

/** Two's complement. */
function bigEndian(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  return BigInt.asIntN(8 * bytes.length, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
}

/** The rows of a file, as its groups of rows have them. @throws RangeError */
function heldRows({ num_rows, row_groups }: FileMetaData, bytes: number): number {
  const most = BigInt(MAX_ROWS_PER_BYTE * bytes);
  let held = 0n;
  for (const group of row_groups) {
    const rows = BigInt(group.num_rows);
    const values = group.columns.map(({ meta_data }) => BigInt(meta_data?.num_values ?? 0));
    if (rows < 0n || rows > most || values.some((count) => count < 0n || count > most))
      throw new RangeError(`a group of rows claims ${rows} rows in a file of ${bytes} bytes`);
    held += rows;
  }
  if (held !== BigInt(num_rows) || held > most)
    throw new RangeError(`it claims ${num_rows} rows, and has ${held} in ${bytes} bytes`);
  return Number(held);
}
