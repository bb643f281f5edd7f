import { parseDecimalText } from '../../../shared/bar_file/decimal.ts';

export const COMMA = 44;
export const LINE_FEED = 10;
export const CARRIAGE_RETURN = 13;
const ZERO = 48;
const DOT = 46;
const PLUS = 43;
const MINUS = 45;
const SPACE = 32;
const QUOTE = 34;
const SMALL_E = 101;

/** Number of digits that a double always holds exactly. */
const EXACT_DIGITS = 15;
/** Powers of ten that are exact doubles. */
const EXACT_POWER = 22;
/** Beyond it intermediate results could leave the range of doubles; such numbers are read slowly. */
const MAX_POWER = 250;
const POWERS_OF_TEN = Array.from({ length: MAX_POWER + 1 }, (_, power) => Number(`1e${power}`));
/** Bound of the relative error of a product or quotient of two numbers, each rounded twice. */
const MARGIN = 1e-15;

const MISSING = new Set(['', 'nan', 'na', 'null']);
const INFINITE = /^[+-]?inf(inity)?$/;

/** Position in the bytes, which end with a line feed: no cell is read beyond it. */
export interface Cursor {
  /** Before a cell: its first byte. After it: the comma or the line end after it. */
  at: number;
  /** Whether the cell was neither a number nor missing. */
  isText: boolean;
}

/**
 * The number in the cell at the cursor: the double nearest to the text, rounded to float32, like
 * `Math.fround(Number(text))`. A missing cell (empty, NaN, NA or null, in any case) is NaN; inf and infinity are
 * infinite, as is a number beyond float32.
 *
 * A number of up to 15 digits is one exact division or multiplication (Clinger 1990, as in shared/bar_file/decimal.ts).
 * One with more digits is approximated; when everything within the margin of error rounds to the same float32, that is
 * the result, else `Number` decides, about once in a million cells.
 */
export function readFloat32(bytes: Uint8Array, cursor: Cursor): number {
  let at = cursor.at;
  let byte = bytes[at]!;
  const isNegative = byte === MINUS;
  if (isNegative || byte === PLUS) byte = bytes[++at]!;

  // The first 15 significant digits, the next 15, and their common power of ten.
  let head = 0;
  let tail = 0;
  let headDigits = 0;
  let tailDigits = 0;
  let power = 0;
  let digits = 0;
  let hasPoint = false;
  for (;;) {
    const digit = byte - ZERO;
    if (digit >= 0 && digit <= 9) {
      digits++;
      if (hasPoint) power--;
      if (headDigits < EXACT_DIGITS) {
        head = head * 10 + digit;
        if (head !== 0) headDigits++;
      } else if (tailDigits < EXACT_DIGITS) {
        tail = tail * 10 + digit;
        tailDigits++;
      } else {
        power++;
      }
    } else if (byte === DOT && !hasPoint) {
      hasPoint = true;
    } else {
      break;
    }
    byte = bytes[++at]!;
  }
  if (digits === 0) {
    if (byte !== COMMA || at !== cursor.at) return readSlowly(bytes, cursor);
    cursor.isText = false;
    return NaN;
  }

  if ((byte | 32) === SMALL_E) {
    byte = bytes[++at]!;
    const isSmall = byte === MINUS;
    if (isSmall || byte === PLUS) byte = bytes[++at]!;
    let exponent = 0;
    const from = at;
    while (byte >= ZERO && byte <= ZERO + 9) {
      if (exponent < 1e6) exponent = exponent * 10 + (byte - ZERO);
      byte = bytes[++at]!;
    }
    if (at === from) return readSlowly(bytes, cursor);
    power += isSmall ? -exponent : exponent;
  }
  if (byte !== COMMA && !isLineEnd(bytes, at)) return readSlowly(bytes, cursor);

  let value: number;
  if (tailDigits === 0 && power >= -EXACT_POWER && power <= EXACT_POWER) {
    value = Math.fround(power < 0 ? head / POWERS_OF_TEN[-power]! : head * POWERS_OF_TEN[power]!);
  } else {
    if (power < -MAX_POWER || power > MAX_POWER) return readSlowly(bytes, cursor);
    const mantissa = tailDigits === 0 ? head : head * POWERS_OF_TEN[tailDigits]! + tail;
    const near = power < 0 ? mantissa / POWERS_OF_TEN[-power]! : mantissa * POWERS_OF_TEN[power]!;
    value = Math.fround(near - near * MARGIN);
    if (value !== Math.fround(near + near * MARGIN)) return readSlowly(bytes, cursor);
  }
  cursor.at = at;
  cursor.isText = false;
  return isNegative ? -value : value;
}

function readSlowly(bytes: Uint8Array, cursor: Cursor): number {
  const text = readText(bytes, cursor);
  if (cursor.isText) return NaN;
  const value = numberOf(text);
  cursor.isText = Number.isNaN(value) && !isMissing(text);
  return Math.fround(value);
}

/** The double nearest to the text, ±Infinity for inf and infinity, or NaN when it is not a number. */
export function numberOf(text: string): number {
  const value = parseDecimalText(text);
  if (!Number.isNaN(value)) return value;
  return INFINITE.test(text.toLowerCase()) ? (text.startsWith('-') ? -Infinity : Infinity) : NaN;
}

/** Returns whether the text of a cell means a missing value. */
export function isMissing(text: string): boolean {
  return text.length <= 4 && MISSING.has(text.toLowerCase());
}

/**
 * The text of the cell at the cursor, without surrounding blanks and quotes; a doubled quote within quotes is one.
 * `isText` is set when a quote does not close before the line ends, or something follows it: the text then is the raw
 * cell.
 */
export function readText(bytes: Uint8Array, cursor: Cursor): string {
  let from = cursor.at;
  while (bytes[from] === SPACE) from++;
  if (bytes[from] === QUOTE) return readQuoted(bytes, cursor, from);
  let end = from;
  while (bytes[end] !== COMMA && bytes[end] !== LINE_FEED) end++;
  if (bytes[end] === LINE_FEED && end > from && bytes[end - 1] === CARRIAGE_RETURN) end--;
  cursor.at = end;
  cursor.isText = false;
  return decode(bytes, from, end).trimEnd();
}

function readQuoted(bytes: Uint8Array, cursor: Cursor, from: number): string {
  let at = from + 1;
  for (; bytes[at] !== LINE_FEED; at++) {
    if (bytes[at] !== QUOTE) continue;
    if (bytes[at + 1] !== QUOTE) break;
    at++;
  }
  const isClosed = bytes[at] === QUOTE;
  let end = isClosed ? at + 1 : at;
  while (bytes[end] === SPACE) end++;
  const isWhole = isClosed && (bytes[end] === COMMA || isLineEnd(bytes, end));
  if (!isWhole) {
    if (!isClosed) end = from;
    while (bytes[end] !== COMMA && !isLineEnd(bytes, end)) end++;
  }
  cursor.at = end;
  cursor.isText = !isWhole;
  if (!isWhole) return decode(bytes, from, end);
  return decode(bytes, from + 1, at)
    .replaceAll('""', '"')
    .trim();
}

/** Moves the cursor past an unused cell. */
export function skipCell(bytes: Uint8Array, cursor: Cursor): void {
  let at = cursor.at;
  while (bytes[at] === SPACE) at++;
  if (bytes[at] === QUOTE) {
    readQuoted(bytes, cursor, at);
    return;
  }
  while (bytes[at] !== COMMA && !isLineEnd(bytes, at)) at++;
  cursor.at = at;
  cursor.isText = false;
}

/** Returns whether a line ends at this byte, with or without a carriage return. */
export function isLineEnd(bytes: Uint8Array, at: number): boolean {
  const byte = bytes[at];
  return byte === LINE_FEED || (byte === CARRIAGE_RETURN && bytes[at + 1] === LINE_FEED);
}

const utf8 = new TextDecoder();

function decode(bytes: Uint8Array, from: number, to: number): string {
  return utf8.decode(bytes.subarray(from, to));
}
