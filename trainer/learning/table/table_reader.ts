import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { MinutehandError } from '../../../shared/errors.ts';
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
import { quote, readHeader, TO, type ColumnRequest, type Header } from './header.ts';

const BLOCK_CELLS = 1 << 20;
/** A file without line ends is not a table, and must not be read into memory as one line. */
const MAX_LINE = 1 << 24;
/** Of a column; more are identifiers. */
const MAX_TEXTS = 1000;

/** Contents of a file. */
export interface TableContent {
  /** Names of the feature columns. */
  readonly features: readonly string[];
  /** [rows, features] float32, NaN = missing. */
  readonly x: Matrix;
  /** [rows]: numbers where the cell is one, else its text; null when the file has no label. */
  readonly labels: readonly (number | string)[] | null;
  /** [rows], finite and ≥ 0; null when no weight was requested. */
  readonly weights: Float64Array | null;
  /** Values of each column of texts; `x` has their positions, NaN for a text that is none of them. */
  readonly categories: ReadonlyMap<string, readonly string[]>;
  /** Cells of texts that are none of the known values. */
  readonly unknownTexts: number;
  /** Columns of the file that were not requested. */
  readonly ignored: readonly string[];
}

/** Reads a file piece by piece: splits it into lines, and counts them for messages. */
export class TableReader {
  readonly #path: string;
  readonly #request: ColumnRequest;
  readonly #cursor: Cursor = { at: 0, isText: false };
  #header: Header | null = null;
  #rows: Rows | null = null;
  /** The bytes after the last line end. */
  #rest: Buffer = Buffer.alloc(0);
  #line = 1;
  #blankLine = 0;

  constructor(path: string, request: ColumnRequest) {
    this.#path = path;
    this.#request = request;
  }

  /** @throws MinutehandError as `readTable` */
  take(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) this.#readLines(bytes.subarray(0, end));
    this.#rest = bytes.subarray(end);
    if (this.#rest.length > MAX_LINE) this.#refuse(`: more than ${MAX_LINE} bytes without a line end`, 'a CSV file');
  }

  /** @throws MinutehandError as `readTable` */
  finish(): TableContent {
    if (this.#rest.length > 0) this.#readLines(Buffer.concat([this.#rest, Buffer.of(LINE_FEED)]));
    if (this.#header === null || this.#rows === null || this.#rows.count === 0)
      throw new MinutehandError('DATA_TOO_SHORT', {
        seen: `${this.#path} has ${this.#header === null ? 'no header' : 'a header and no rows'}`,
        expected: 'a header and at least one row',
        next: 'Use a table with rows.',
      });
    const { features, ignored } = this.#header;
    return { features, ...this.#rows.finish(), ignored };
  }

  /** @param bytes whole lines */
  #readLines(bytes: Uint8Array): void {
    const cursor = this.#cursor;
    for (cursor.at = 0; cursor.at < bytes.length; this.#line++) {
      this.#readLine(bytes);
      cursor.at = bytes.indexOf(LINE_FEED, cursor.at) + 1;
    }
  }

  #readLine(bytes: Uint8Array): void {
    if (isLineEnd(bytes, this.#cursor.at)) {
      if (this.#blankLine === 0) this.#blankLine = this.#line;
      return;
    }
    if (this.#blankLine > 0) {
      this.#line = this.#blankLine;
      this.#refuse(': a blank line', 'rows without blank lines between them');
    }
    if (this.#rows !== null) return this.#rows.read(bytes);
    this.#header = readHeader(bytes, this.#cursor, this.#path, this.#request);
    const hasWeights = this.#request.weight !== null;
    const { categories } = this.#request;
    this.#rows = new Rows(this.#header, hasWeights, categories, this.#cursor, (...problem) => this.#refuse(...problem));
  }

  #refuse(seen: string, expected?: string, next?: string): never {
    throw new MinutehandError('TABLE_FORMAT', {
      seen: `${this.#path} line ${this.#line}${seen}`,
      ...(expected === undefined ? {} : { expected }),
      ...(next === undefined ? {} : { next }),
    });
  }
}

/** The rows after a header: the features in blocks of equal size, so that growth copies nothing. */
class Rows {
  readonly #header: Header;
  readonly #hasWeights: boolean;
  readonly #cursor: Cursor;
  readonly #refuse: (seen: string, expected?: string, next?: string) => never;
  readonly #blocks: Float32Array[] = [];
  readonly #blockRows: number;
  #count = 0;
  #labels: (number | string)[] = [];
  #weights: number[] = [];
  /** By the index of the feature. */
  readonly #texts = new Map<number, TextCodes>();

  constructor(
    header: Header,
    hasWeights: boolean,
    categories: ColumnRequest['categories'],
    cursor: Cursor,
    refuse: (seen: string, expected?: string, next?: string) => never,
  ) {
    this.#header = header;
    this.#hasWeights = hasWeights;
    this.#cursor = cursor;
    this.#refuse = refuse;
    for (const [name, values] of categories ?? [])
      this.#texts.set(header.features.indexOf(name), new TextCodes(values));
    this.#blockRows = Math.max(1, Math.floor(BLOCK_CELLS / Math.max(1, header.features.length)));
  }

  get count(): number {
    return this.#count;
  }

  /** Reads the row at the cursor, up to the end of its line. */
  read(bytes: Uint8Array): void {
    const cursor = this.#cursor;
    const { targets, features } = this.#header;
    const inBlock = this.#count % this.#blockRows;
    if (inBlock === 0) this.#blocks.push(new Float32Array(this.#blockRows * features.length));
    const block = this.#blocks.at(-1)!;
    const offset = inBlock * features.length;
    const last = targets.length - 1;
    for (let column = 0; column <= last; column++) {
      const target = targets[column]!;
      const from = cursor.at;
      if (target >= 0) {
        block[offset + target] = readFloat32(bytes, cursor);
        if (cursor.isText) this.#refuseFeature(bytes, from, column);
      } else if (target <= TO.category) this.#readText(bytes, column, TO.category - target, block, offset);
      else this.#readOther(bytes, column, target);
      if (column === last) break;
      if (bytes[cursor.at] !== COMMA) this.#refuse(`: ${column + 1} cells`, `${targets.length}, as in the header`);
      cursor.at++;
    }
    if (!isLineEnd(bytes, cursor.at)) this.#refuseLonger(bytes);
    this.#count++;
  }

  /** The rows as a table, once: the blocks are freed as the whole is built from them. */
  finish(): Pick<TableContent, 'x' | 'labels' | 'weights' | 'categories' | 'unknownTexts'> {
    const columns = this.#header.features.length;
    const values = new Float32Array(this.#count * columns);
    for (let i = 0; i < this.#blocks.length; i++) {
      const from = i * this.#blockRows * columns;
      values.set(this.#blocks[i]!.subarray(0, values.length - from), from);
      this.#blocks[i] = new Float32Array(0);
    }
    const categories = new Map<string, readonly string[]>();
    let unknownTexts = 0;
    for (const [feature, codes] of this.#texts) {
      categories.set(this.#header.features[feature]!, codes.sort(values, feature, columns));
      unknownTexts += codes.unknown;
    }
    const content = {
      categories,
      unknownTexts,
      x: { rows: this.#count, columns, values },
      labels: this.#header.hasLabel ? this.#labels : null,
      weights: this.#hasWeights ? Float64Array.from(this.#weights) : null,
    };
    this.#labels = [];
    this.#weights = [];
    return content;
  }

  #readText(bytes: Uint8Array, column: number, feature: number, block: Float32Array, offset: number): void {
    const from = this.#cursor.at;
    const text = readText(bytes, this.#cursor);
    if (this.#cursor.isText) this.#refuseCell(bytes, from, column, 'a text, in sound quotes if in any');
    const codes = this.#texts.get(feature)!;
    const code = isMissing(text) ? NaN : codes.codeOf(text);
    if (codes.count > MAX_TEXTS)
      this.#refuseCell(bytes, from, column, `at most ${MAX_TEXTS} different texts`, 'Leave the column out.');
    block[offset + feature] = code;
  }

  /** A cell of a column that is not a feature. */
  #readOther(bytes: Uint8Array, column: number, target: number): void {
    const cursor = this.#cursor;
    const from = cursor.at;
    if (target === TO.label) {
      const text = readText(bytes, cursor);
      if (isMissing(text)) this.#refuseCell(bytes, from, column, 'a label', 'Remove rows without a label.');
      if (cursor.isText) this.#refuseCell(bytes, from, column, 'a label, with closed quotes if any');
      const value = numberOf(text);
      this.#labels.push(Number.isNaN(value) ? text : value + 0);
    } else if (target === TO.weight) {
      const weight = numberOf(readText(bytes, cursor));
      if (cursor.isText || !(weight >= 0 && weight < Infinity)) this.#refuseCell(bytes, from, column, 'a weight ≥ 0');
      this.#weights.push(weight);
    } else {
      skipCell(bytes, cursor);
      if (cursor.isText) this.#refuseCell(bytes, from, column, 'a cell with closed quotes if any');
    }
  }

  #refuseFeature(bytes: Uint8Array, from: number, column: number): never {
    const next = 'Write it as a number, remove the column, or name it as one of texts (`--categories`).';
    return this.#refuseCell(bytes, from, column, 'a number, or an empty cell', next);
  }

  #refuseCell(bytes: Uint8Array, from: number, column: number, expected: string, next?: string): never {
    this.#cursor.at = from;
    const text = readText(bytes, this.#cursor);
    const cell = text === '' ? 'an empty cell' : quote(text);
    return this.#refuse(`, column ${quote(this.#header.names[column]!)}: ${cell}`, expected, next);
  }

  #refuseLonger(bytes: Uint8Array): never {
    const { length } = this.#header.targets;
    let cells = length;
    for (; bytes[this.#cursor.at] === COMMA; skipCell(bytes, this.#cursor)) {
      this.#cursor.at++;
      cells++;
    }
    return this.#refuse(`: ${cells} cells`, `${length}, as in the header`);
  }
}

/** Codes of the texts of a column. */
class TextCodes {
  readonly #codes: Map<string, number>;
  readonly #isKnown: boolean;
  /** Cells of texts that are none of the known values. */
  unknown = 0;

  /** @param known null: the file defines them */
  constructor(known: readonly string[] | null) {
    this.#isKnown = known !== null;
    this.#codes = new Map(known?.map((text, code) => [text, code]));
  }

  get count(): number {
    return this.#codes.size;
  }

  /** NaN for a text that is not among the known values. */
  codeOf(text: string): number {
    const code = this.#codes.get(text);
    if (code !== undefined) return code;
    if (this.#isKnown) {
      this.unknown++;
      return NaN;
    }
    this.#codes.set(text, this.#codes.size);
    return this.#codes.size - 1;
  }

  /** Replaces codes in order of appearance by those in order of the texts. @returns the texts in that order */
  sort(values: Float32Array, column: number, columns: number): string[] {
    const texts = [...this.#codes.keys()];
    if (this.#isKnown) return texts;
    const sorted = [...texts].sort(byCodeUnits);
    const places = new Map(sorted.map((text, place) => [text, place]));
    const code = texts.map((text) => places.get(text)!);
    for (let at = column; at < values.length; at += columns) values[at] = code[values[at]!] ?? NaN;
    return sorted;
  }
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
