import { MinutehandError } from '../../shared/errors.ts';
import { csvCell } from '../../shared/csv/csv_cell.ts';

/** Answers of an exchange have a thousand rows; a larger file is better written as CSV. */
const MAX_JSON_CHARACTERS = 64 << 20;
const MAX_DEPTH = 3;
/** Stands for a list or an object in a cell: no number is read from it. */
const NESTED = '…';

type JsonRow = readonly unknown[] | Readonly<Record<string, unknown>>;

/** Whether a text begins as JSON does: with a list or an object. */
export function beginsAsJson(text: string): boolean {
  return /^\s*(?:\[\s*[[{\]]|\{\s*["}])/.test(text);
}

/**
 * The rows of a JSON document as lines of CSV: of a list of lists as they are, of a list of objects with the keys of
 * the first as a header. The list may lie in an object, as in answers of Bybit and OKX.
 * @throws MinutehandError DATA_FORMAT when it is no sound JSON, too large, or has no such list
 */
export function jsonLines(path: string, text: string): string[] {
  const rows = rowsIn(parsed(path, text), MAX_DEPTH);
  if (rows === null)
    throw new MinutehandError('DATA_FORMAT', {
      seen: `${path}: JSON without a list of rows`,
      expected: 'a list of lists, or of objects with the same keys',
      next: 'Save the rows alone, as JSON or CSV.',
    });
  const first = rows[0]!;
  if (Array.isArray(first)) return rows.map((row) => lineOf(Array.isArray(row) ? row : Object.values(row)));
  const keys = Object.keys(first);
  const cellsOf = (row: JsonRow): unknown[] => (Array.isArray(row) ? [...row] : keys.map((key) => valueOf(row, key)));
  return [lineOf(keys), ...rows.map((row) => lineOf(cellsOf(row)))];
}

/** @throws MinutehandError DATA_FORMAT for a document that is longer than is read */
export function refuseLargeJson(path: string, characters: number): void {
  if (characters <= MAX_JSON_CHARACTERS) return;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${path}: JSON of more than ${MAX_JSON_CHARACTERS} characters`,
    expected: 'a smaller document',
    next: 'Write the rows as CSV.',
  });
}

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const isLines = /^\{[^\n\r]*\}[\n\r]/.test(text.trimStart());
    throw new MinutehandError('DATA_FORMAT', {
      seen: isLines
        ? `${path}: an object of JSON in each line`
        : `${path}: no sound JSON (${(cause as Error).message})`,
      expected: 'one JSON document, or CSV',
      next: isLines ? 'Join the lines to one list: jq -s . <file>.' : 'Fetch or save the file again.',
      cause,
    });
  }
}

function rowsIn(value: unknown, depth: number): readonly JsonRow[] | null {
  if (Array.isArray(value)) return value.length > 0 && value.every(isRow) ? value : null;
  if (depth === 0 || !isRow(value)) return null;
  for (const inner of Object.values(value)) {
    const rows = rowsIn(inner, depth - 1);
    if (rows !== null) return rows;
  }
  return null;
}

function isRow(value: unknown): value is JsonRow {
  return typeof value === 'object' && value !== null;
}

function valueOf(row: JsonRow, key: string): unknown {
  return Object.hasOwn(row, key) ? (row as Readonly<Record<string, unknown>>)[key] : null;
}

function lineOf(cells: readonly unknown[]): string {
  return cells.map(cellOf).join(',');
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return csvCell(typeof value === 'object' ? NESTED : (value as string | number | boolean));
}
