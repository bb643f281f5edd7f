/** A cell of a table with the head of its column. */
export interface Cell {
  readonly name: string;
  readonly value: string;
}

/** Rows of a page's tables whose first cell is `entry`, in any case and without labels (`minutehand_bars_total`). */
export function entriesNamed(page: string, entry: string): readonly Cell[][] {
  const wanted = entry.toLowerCase();
  const found: Cell[][] = [];
  let head: readonly string[] | null = null;
  for (const line of page.split('\n')) {
    if (!line.startsWith('|')) {
      head = null;
      continue;
    }
    const cells = cellsOf(line);
    if (head === null) head = cells;
    const own = cells[0]!.toLowerCase();
    if (cells !== head && !/^-+$/.test(own) && (own === wanted || own.replace(/[{(].*/, '') === wanted))
      found.push(
        head.map((name, column) => ({ name, value: cells[column] ?? '' })).filter(({ value }) => value !== ''),
      );
  }
  return found;
}

/** As plain text. */
function cellsOf(line: string): string[] {
  return line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) =>
      cell
        .replaceAll('\\|', '|')
        .replaceAll('`', '')
        .replaceAll(/\[([^[\]]*)\]\([^()]*\)/g, '$1')
        .trim(),
    );
}
