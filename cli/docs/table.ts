/**
 * A Markdown table. Cells have no blanks around them: generated pages are read as rendered, and the formatter leaves
 * them alone.
 */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `|${cells.join('|')}|`).join('\n');
}
