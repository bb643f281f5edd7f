import { parse } from 'csv-parse/sync';

export type Delimiter = ',' | ';' | '\t' | '|';

/**
 * The cells of one line, without quotes and blanks around them; null when its quotes do not close. A line without
 * quotes, as nearly all are, or whose quotes enclose whole cells without separators or quotes in them, is split
 * directly, which is ten times as fast and the same.
 */
export function cellsOf(line: string, delimiter: Delimiter): string[] | null {
  const cells = line.split(delimiter);
  if (!line.includes('"')) return hasBlanks(line, delimiter) ? cells.map((cell) => cell.trim()) : cells;
  return unquoted(cells) ?? parsedCells(line, delimiter);
}

/** Pieces of a line without their quotes; null where a quote stands elsewhere than at both ends of a piece. */
function unquoted(pieces: readonly string[]): string[] | null {
  const cells: string[] = [];
  for (const piece of pieces) {
    const text = piece.trim();
    const quote = text.indexOf('"');
    if (quote < 0) {
      cells.push(text);
      continue;
    }
    const last = text.length - 1;
    if (quote !== 0 || last === 0 || text.indexOf('"', 1) !== last) return null;
    cells.push(text.slice(1, last));
  }
  return cells;
}

function parsedCells(line: string, delimiter: Delimiter): string[] | null {
  try {
    const rows = parse(line, { delimiter, relaxColumnCount: true, trim: true, bom: true }) as string[][];
    return rows.length === 1 ? rows[0]! : null;
  } catch {
    return null;
  }
}

function hasBlanks(line: string, delimiter: Delimiter): boolean {
  return line.includes(' ') || line.includes('\u00a0') || (delimiter !== '\t' && line.includes('\t'));
}

/** Without the empty cells that separators at the end of a line make. */
export function withoutTrailing(cells: readonly string[]): string[] {
  let end = cells.length;
  while (end > 0 && cells[end - 1] === '') end--;
  return cells.slice(0, end);
}

/**
 * The separator of a table by its first line. Tabs, semicolons and bars go before commas, which may be decimal commas.
 */
export function delimiterOf(firstLine: string): Delimiter {
  return (['\t', ';', '|'] as const).find((delimiter) => (cellsOf(firstLine, delimiter)?.length ?? 0) > 1) ?? ',';
}
