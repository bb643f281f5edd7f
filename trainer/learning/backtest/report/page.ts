import { escapeHtml } from './chart.ts';
import { STYLE } from './style.ts';

/** A self-contained HTML page. @param sections HTML */
export function htmlPage(title: string, sections: readonly string[]): string {
  return (
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">` +
    `<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>\n<body><main>\n${sections.join('\n')}\n</main></body></html>\n`
  );
}

/** A table of plain text that scrolls if it is too wide. */
export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]): string =>
    `<tr>${row.map((text) => `<${tag}>${escapeHtml(text)}</${tag}>`).join('')}</tr>`;
  return `<div class="wide"><table><thead>${cells('th', head)}</thead><tbody>${rows.map((row) => cells('td', row)).join('')}</tbody></table></div>`;
}
