import { parse } from 'csv-parse/sync';

export type Delimiter = ',' | ';' | '\t' | '|';

/**
 * The cells of one line, without quotes and blanks around them; null when its quotes do not close. A line without
 * quotes, as nearly all are, is split directly, which is ten times as fast and the same.
 */
export function cellsOf(line: string, delimiter: Delimiter): string[] | null {
  if (!line.includes('"')) {
    const cells = line.split(delimiter);
    return hasBlanks(line, delimiter) ? cells.map((cell) => cell.trim()) : cells;
  }
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
