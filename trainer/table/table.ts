import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Matrix } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { MinutehandError } from '../../shared/errors.ts';
import {
  COMMA,
  isLineEnd,
  isMissing,
  LINE_FEED,
  numberOf,
  readFloat32,
  readText,
  skipCell,
  type Cursor,
} from './cell.ts';

const READ_BYTES = 1 << 20;
const BLOCK_CELLS = 1 << 20;
/** A file without line ends is no table, and must not be gathered in memory as one line. */
const LONGEST_LINE = 1 << 24;

export interface TableRequest {
  /** The column of labels. */
  readonly label: string;
  /** Whether the file may lack it. */
  readonly labelIsOptional: boolean;
  /** The column of row weights; null = none. */
  readonly weight: string | null;
  /** The feature columns and their order; null = every other column, in the order of the file. */
  readonly features: readonly string[] | null;
  /** Bytes of the file read so far, and all of them. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A numeric table. Row r of it is line r + 2 of its file. */
export interface Table {
  readonly path: string;
  /** Names of the feature columns. */
  readonly features: readonly string[];
  /** [rows, features] float32, NaN = missing. */
  readonly x: Matrix;
  /** [rows]: numbers where the cell is one, else its text; null when the file has no label. */
  readonly labels: readonly (number | string)[] | null;
  /** [rows], finite and ≥ 0; null when no weight was asked for. */
  readonly weights: Float64Array | null;
  /** Columns of the file that nobody asked for. */
  readonly ignored: readonly string[];
}

/**
 * Reads a CSV file, `.gz` or plain: a header, then one line per row, cells between commas; cells may stand in quotes, lines may end with
 * a carriage return. Feature cells are numbers as `readFloat32` reads them. The file is read in pieces: memory is the table twice over (its
 * blocks, and the whole that is made of them), never the file's text.
 * @throws MinutehandError DATA_MISSING when there is no file or a column that was asked for is not in it; TABLE_FORMAT with file, line and
 * column for everything that is not as said, a label that is missing and a weight that is no number ≥ 0 included; DATA_TOO_SHORT without rows
 */
export async function readTable(path: string, request: TableRequest): Promise<Table> {
  const file = await stat(path).catch(() => null);
  if (file === null || file.isDirectory())
    throw new MinutehandError('DATA_MISSING', {
      seen: file === null ? `no file ${path}` : `${path} is a folder`,
      next: 'Name a CSV file, plain or .gz.',
    });
  const source = createReadStream(path, { highWaterMark: READ_BYTES });
  const report = (): void => request.onProgress?.(source.bytesRead, Math.max(file.size, source.bytesRead));
  const rows = createRows(path, request);
  const take = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) {
      rows.take(chunk);
      report();
    }
  };
  try {
    if (path.endsWith('.gz')) await pipeline(source, createGunzip({ chunkSize: READ_BYTES }), take);
    else await take(source);
  } catch (error) {
    throw readError(path, error);
  }
  return rows.finish();
}

/** What the operating system or zlib says, as an error with a next step; anything else as it is. */
function readError(path: string, error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error) || error instanceof MinutehandError) return error;
  if (String(error.code).startsWith('Z_'))
    return new MinutehandError('TABLE_FORMAT', {
      seen: `${path} is not a sound gzip file (${error.message})`,
      next: 'Fetch or export the file again.',
      cause: error,
    });
  if (!('syscall' in error)) return error;
  return new MinutehandError('DATA_MISSING', {
    seen: `${path} cannot be read (${String(error.code)})`,
    next: 'Check that it is a file you may read.',
    cause: error,
  });
}

/** What becomes of a column of the file: the place of a feature, or one of these. */
const TO = { nothing: -1, label: -2, weight: -3 } as const;

/** Takes a file piece by piece. */
function createRows(path: string, request: TableRequest): { take(chunk: Buffer): void; finish(): Table } {
  const cursor: Cursor = { at: 0, isText: false };
  let header: Header | null = null;
  let rest: Buffer = Buffer.alloc(0);
  let line = 1;
  let blankLine = 0;

  const blocks: Float32Array[] = [];
  let blockRows = 0;
  let rows = 0;
  let labels: (number | string)[] = [];
  let weights: number[] = [];

  const refuse = (seen: string, expected?: string, next?: string): never => {
    throw new MinutehandError('TABLE_FORMAT', {
      seen: `${path} line ${line}${seen}`,
      ...(expected === undefined ? {} : { expected }),
      ...(next === undefined ? {} : { next }),
    });
  };
  const refuseCell = (bytes: Uint8Array, from: number, column: number, expected: string, next?: string): never => {
    cursor.at = from;
    const text = readText(bytes, cursor);
    return refuse(
      `, column ${quote(header!.names[column]!)}: ${text === '' ? 'an empty cell' : quote(text)}`,
      expected,
      next,
    );
  };

  function readLine(bytes: Uint8Array): void {
    if (isLineEnd(bytes, cursor.at)) {
      if (blankLine === 0) blankLine = line;
      return;
    }
    if (blankLine > 0) {
      line = blankLine;
      refuse(': a blank line', 'rows without blank lines between them');
    }
    if (header === null) {
      header = readHeader(bytes, cursor, path, request);
      blockRows = Math.max(1, Math.floor(BLOCK_CELLS / Math.max(1, header.features.length)));
      return;
    }
    const { targets, features } = header;
    const inBlock = rows % blockRows;
    if (inBlock === 0) blocks.push(new Float32Array(blockRows * features.length));
    const block = blocks.at(-1)!;
    const offset = inBlock * features.length;
    for (let column = 0; column < targets.length; column++) {
      const target = targets[column]!;
      const from = cursor.at;
      if (target >= 0) {
        block[offset + target] = readFloat32(bytes, cursor);
        if (cursor.isText)
          refuseCell(
            bytes,
            from,
            column,
            'a number, or an empty cell',
            'Write it as a number, or leave the column out.',
          );
      } else if (target === TO.label) {
        const text = readText(bytes, cursor);
        if (isMissing(text)) refuseCell(bytes, from, column, 'a label', 'Leave rows without a label out.');
        if (cursor.isText) refuseCell(bytes, from, column, 'a label, in sound quotes if in any');
        const value = numberOf(text);
        labels.push(Number.isNaN(value) ? text : value + 0);
      } else if (target === TO.weight) {
        const weight = numberOf(readText(bytes, cursor));
        if (cursor.isText || !(weight >= 0 && weight < Infinity)) refuseCell(bytes, from, column, 'a weight ≥ 0');
        weights.push(weight);
      } else {
        skipCell(bytes, cursor);
        if (cursor.isText) refuseCell(bytes, from, column, 'a cell in sound quotes if in any');
      }
      if (bytes[cursor.at] === COMMA && column + 1 < targets.length) cursor.at++;
      else if (column + 1 < targets.length) refuse(`: ${column + 1} cells`, `${targets.length}, as in the header`);
    }
    if (!isLineEnd(bytes, cursor.at)) {
      let cells = targets.length;
      for (; bytes[cursor.at] === COMMA; skipCell(bytes, cursor)) {
        cursor.at++;
        cells++;
      }
      refuse(`: ${cells} cells`, `${targets.length}, as in the header`);
    }
    rows++;
  }

  /** @param bytes whole lines */
  function readLines(bytes: Uint8Array): void {
    for (cursor.at = 0; cursor.at < bytes.length; line++) {
      readLine(bytes);
      cursor.at = bytes.indexOf(LINE_FEED, cursor.at) + 1;
    }
  }

  return {
    take(chunk) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const end = bytes.lastIndexOf(LINE_FEED) + 1;
      if (end > 0) readLines(bytes.subarray(0, end));
      rest = bytes.subarray(end);
      if (rest.length > LONGEST_LINE) refuse(`: more than ${LONGEST_LINE} bytes without a line end`, 'a CSV file');
    },
    finish() {
      if (rest.length > 0) readLines(Buffer.concat([rest, Buffer.of(LINE_FEED)]));
      if (header === null || rows === 0)
        throw new MinutehandError('DATA_TOO_SHORT', {
          seen: `${path} has ${header === null ? 'no header' : 'a header and no rows'}`,
          expected: 'a header and at least one row',
          next: 'Give a table with rows.',
        });
      const { features, ignored } = header;
      const values = new Float32Array(rows * features.length);
      for (let i = 0; i < blocks.length; i++) {
        const from = i * blockRows * features.length;
        values.set(blocks[i]!.subarray(0, values.length - from), from);
        // One block less to keep for each that stands in the whole.
        blocks[i] = new Float32Array(0);
      }
      const table = {
        path,
        features,
        x: { rows, columns: features.length, values },
        labels: header.hasLabel ? labels : null,
        weights: request.weight === null ? null : Float64Array.from(weights),
        ignored,
      };
      [labels, weights] = [[], []];
      return table;
    },
  };
}

interface Header {
  readonly names: readonly string[];
  /** Per column of the file what becomes of it. */
  readonly targets: Int32Array;
  readonly features: readonly string[];
  readonly ignored: readonly string[];
  readonly hasLabel: boolean;
}

/** @throws MinutehandError TABLE_FORMAT, DATA_MISSING as `readTable` */
function readHeader(bytes: Uint8Array, cursor: Cursor, path: string, request: TableRequest): Header {
  const names: string[] = [];
  // A byte order mark, as spreadsheets write it.
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) cursor.at = 3;
  for (;;) {
    names.push(readText(bytes, cursor));
    if (cursor.isText) throw malformed(path, `the quotes of ${quote(names.at(-1)!)}`, 'quotes that close');
    if (bytes[cursor.at] !== COMMA) break;
    cursor.at++;
  }
  if (names.length === 1 && /[;\t|]/.test(names[0]!))
    throw malformed(path, `the header ${quote(names[0]!)}`, 'commas between cells');
  const unnamed = names.indexOf('');
  if (unnamed >= 0)
    throw malformed(
      path,
      `column ${unnamed + 1} without a name`,
      'a name for each column',
      'Name it, or write the table without it (an index that pandas saves has no name: use index=False).',
    );
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw malformed(path, `two columns named ${quote(twice)}`, 'different names');

  const { label, weight } = request;
  const features = request.features ?? names.filter((name) => name !== label && name !== weight);
  const hasLabel = !request.labelIsOptional || names.includes(label);
  const wanted = [...(hasLabel ? [label] : []), ...(weight === null ? [] : [weight]), ...features];
  const absent = wanted.filter((name) => !names.includes(name));
  if (absent.length > 0)
    throw new MinutehandError('DATA_MISSING', {
      seen: `${path} has no column ${absent.map(quote).join(', ')}`,
      expected: `columns ${names.slice(0, 30).map(quote).join(', ')}${names.length > 30 ? ' …' : ''} are there`,
      next: 'Correct the name, or add the column.',
    });
  if (features.length === 0) throw malformed(path, 'no feature column', 'at least one column beside the label');
  const places = new Map(features.map((name, place) => [name, place]));
  const targets = Int32Array.from(names, (name) =>
    name === label ? TO.label : name === weight ? TO.weight : (places.get(name) ?? TO.nothing),
  );
  return { names, targets, features, ignored: names.filter((_, column) => targets[column] === TO.nothing), hasLabel };
}

function malformed(path: string, seen: string, expected: string, next?: string): MinutehandError {
  return new MinutehandError('TABLE_FORMAT', {
    seen: `${path} line 1: ${seen}`,
    expected,
    ...(next === undefined ? {} : { next }),
  });
}

function quote(text: string): string {
  return `"${text.length > 60 ? `${text.slice(0, 60)}…` : text}"`;
}
