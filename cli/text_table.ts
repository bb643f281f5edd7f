import type { Output } from './output.ts';

/** Prints rows whose columns are as wide as their widest cell. The first row names the columns. */
export function printTable(output: Output, rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)) + 2);
  for (const row of rows) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column]!));
    output.line(cells.join('').trimEnd());
  }
}
