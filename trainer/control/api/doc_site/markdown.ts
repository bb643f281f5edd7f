import { escapeHtml } from '../../../learning/backtest/report/chart.ts';

/** Where a link of the page leads; null: nowhere here, so that only its text is shown. */
export type LinkOf = (target: string) => string | null;

/** GitHub's anchors of headings, for one page: a repeated title gets a number. */
export function anchorNames(): (title: string) => string {
  const given = new Set<string>();
  return (title) => {
    const slug = title
      .toLowerCase()
      .replace(/\[([^[\]]*)\]\([^()]*\)/g, '$1')
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let count = 1; given.has(anchor); count++) anchor = `${slug}-${count}`;
    given.add(anchor);
    return anchor;
  };
}

/** The text of the first heading. */
export function titleOf(markdown: string): string | null {
  const heading = markdown.split('\n').find((line) => line.startsWith('# '));
  return heading?.slice(2).trim() ?? null;
}

/**
 * The Markdown of this documentation as HTML: headings, paragraphs, lists, tables, quotations, code, links and
 * pictures. Anything else, HTML included, is shown as text.
 */
export function renderMarkdown(markdown: string, linkOf: LinkOf): string {
  const anchorOf = anchorNames();
  const blocks = (lines: readonly string[]): string => {
    const html: string[] = [];
    for (let at = 0; at < lines.length;) {
      const block = blockAt(lines, at);
      html.push(block.html());
      at = block.end;
    }
    return html.filter((block) => block !== '').join('\n');
  };
  const inline = (text: string): string => inlineHtml(text, linkOf);

  function blockAt(lines: readonly string[], start: number): { end: number; html: () => string } {
    const line = lines[start]!;
    if (line.trim() === '') return { end: start + 1, html: () => '' };
    const fence = /^ *(`{3,})/.exec(line)?.[1];
    if (fence !== undefined) {
      let end = start + 1;
      while (end < lines.length && !lines[end]!.trim().startsWith(fence)) end++;
      const code = lines.slice(start + 1, end).join('\n');
      return { end: end + 1, html: () => `<pre><code>${escapeHtml(code)}</code></pre>` };
    }
    const heading = /^(#{1,6}) (.*)$/.exec(line);
    if (heading !== null) {
      const [, { length: level } = '', title = ''] = heading;
      const html = (): string =>
        `<h${level} id="${escapeHtml(anchorOf(title.trim()))}">${inline(title.trim())}</h${level}>`;
      return { end: start + 1, html };
    }
    if (line.startsWith('|')) {
      const end = endOf(lines, start, (own) => own.startsWith('|'));
      return { end, html: () => tableHtml(lines.slice(start, end), inline) };
    }
    if (line.startsWith('>')) {
      const end = endOf(lines, start, (own) => own.startsWith('>'));
      const quoted = lines.slice(start, end).map((own) => own.replace(/^> ?/, ''));
      return { end, html: () => `<blockquote>${blocks(quoted)}</blockquote>` };
    }
    if (ITEM.test(line)) return listAt(lines, start);
    const end = endOf(lines, start, (own, index) => own.trim() !== '' && (index === start || !BEGINS.test(own)));
    return { end, html: () => `<p>${inline(lines.slice(start, end).join('\n'))}</p>` };
  }

  /** A list and what is indented below its items. */
  function listAt(lines: readonly string[], start: number): { end: number; html: () => string } {
    const [, indent = '', marker = ''] = ITEM.exec(lines[start]!)!;
    const isItem = (line: string): boolean => ITEM.exec(line)?.[1] === indent;
    const items: string[][] = [];
    let end = start;
    for (; end < lines.length; end++) {
      const line = lines[end]!;
      if (isItem(line)) items.push([line.slice(ITEM.exec(line)![0].length)]);
      else if (line.trim() === '') {
        const next = lines.slice(end).find((own) => own.trim() !== '') ?? '';
        if (!isItem(next) && leading(next) <= indent.length) break;
        items.at(-1)!.push('');
      } else if (leading(line) <= indent.length && BEGINS.test(line)) break;
      else items.at(-1)!.push(line);
    }
    const tag = /\d/.test(marker) ? 'ol' : 'ul';
    const first = tag === 'ol' && marker !== '1.' ? ` start="${parseInt(marker)}"` : '';
    const html = (): string =>
      `<${tag}${first}>\n${items.map((item) => `<li>${itemHtml(item)}</li>`).join('\n')}\n</${tag}>`;
    return { end, html };
  }

  function itemHtml([first = '', ...others]: readonly string[]): string {
    const depth = Math.min(...others.filter((line) => line.trim() !== '').map(leading));
    const whole = blocks([first, ...others.map((line) => line.slice(Math.min(depth, leading(line))))]);
    // An item of one paragraph is a line, not a paragraph.
    return whole.replace(/^<p>((?:(?!<\/?p>)[^])*)<\/p>/, '$1');
  }

  return blocks(markdown.replace(/<!--[^]*?-->\n?/g, '').split('\n'));
}

/** A marker of a list with its indentation. */
const ITEM = /^( *)([-*]|\d+\.) +/;
/** What ends a paragraph without an empty line. */
const BEGINS = /^(?:#{1,6} |\||>|`{3,}| *(?:[-*]|\d+\.) )/;

function endOf(lines: readonly string[], start: number, belongs: (line: string, index: number) => boolean): number {
  let end = start;
  while (end < lines.length && belongs(lines[end]!, end)) end++;
  return end;
}

function leading(line: string): number {
  return line.length - line.trimStart().length;
}

function tableHtml(lines: readonly string[], inline: (text: string) => string): string {
  const cellsOf = (line: string): string[] =>
    line
      .trim()
      .replace(/^\||\|$/g, '')
      .split(/(?<!\\)\|/)
      .map((cell) => inline(cell.trim().replaceAll('\\|', '|')));
  const rowOf = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  const [head = '', , ...rows] = lines;
  const body = rows.map((row) => rowOf(cellsOf(row), 'td')).join('\n');
  return `<div class="wide"><table><thead>${rowOf(cellsOf(head), 'th')}</thead>\n<tbody>${body}</tbody></table></div>`;
}

/** Stands for a piece of code, which nothing else is read in. */
const MARK = '\u0000';

function inlineHtml(text: string, linkOf: LinkOf): string {
  const codes: string[] = [];
  const marked = text.replaceAll(MARK, '').replace(/`([^`]+)`/g, (_whole, code: string) => {
    codes.push(`<code>${escapeHtml(code)}</code>`);
    return `${MARK}${codes.length - 1}${MARK}`;
  });
  return escapeHtml(marked)
    .replace(/!\[([^[\]]*)\]\(([^()\s]+)\)/g, (_whole, label: string, target: string) => {
      const href = linkOf(unescaped(target));
      return href === null ? label : `<img src="${escapeHtml(href)}" alt="${label}">`;
    })
    .replace(/\[([^[\]]*)\]\(([^()\s]+)\)/g, (_whole, label: string, target: string) => {
      const href = linkOf(unescaped(target));
      return href === null ? label : `<a href="${escapeHtml(href)}">${label}</a>`;
    })
    .replace(/(?<=^|[\s(])https?:\/\/[^\s<>)]+[^\s<>).,;:]/g, (url) => `<a href="${url}">${url}</a>`)
    .replace(/\*\*(\S(?:[^]*?\S)?)\*\*/g, '<strong>$1</strong>')
    .replace(/(?<![\w*])\*([^\s*](?:[^*]*[^\s*])?)\*(?![\w*])/g, '<em>$1</em>')
    .replace(/(?<!\w)_([^\s_](?:[^_]*[^\s_])?)_(?!\w)/g, '<em>$1</em>')
    .replaceAll(new RegExp(`${MARK}(\\d+)${MARK}`, 'g'), (_whole, index: string) => codes[Number(index)]!);
}

function unescaped(target: string): string {
  return target.replace(/&#(\d+);/g, (_entity, code: string) => String.fromCodePoint(Number(code)));
}
