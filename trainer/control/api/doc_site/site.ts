import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, posix } from 'node:path';
import { escapeHtml } from '../../../learning/backtest/report/chart.ts';
import { renderMarkdown, titleOf } from './markdown.ts';

const STYLE = `
:root { color-scheme: light dark; --text: #1c2127; --soft: #5d6772; --page: #ffffff; --shade: #f3f5f7; --line: #e3e7eb; --link: #1f6fb5; }
@media (prefers-color-scheme: dark) { :root { --text: #e5e9ed; --soft: #9aa5b0; --page: #14181c; --shade: #1f252b; --line: #2a3138; --link: #66aee6; } }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: break-word; }
nav { color: var(--soft); font-size: 0.9rem; } a { color: var(--link); }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; } h3 { font-size: 1.05rem; margin-top: 1.6rem; }
code { background: var(--shade); border-radius: 3px; padding: 0.1em 0.3em; font-size: 0.88em; }
pre { background: var(--shade); border-radius: 6px; padding: 0.8rem; overflow-x: auto; } pre code { background: none; padding: 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.9rem; }
th, td { padding: 0.3rem 0.6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--soft); } img { max-width: 100%; } blockquote { margin-left: 0; padding-left: 1rem; border-left: 4px solid var(--line); }
`;

const styleHash = createHash('sha256').update(STYLE).digest('base64');
/** Pages have one style sheet, pictures of this server, no scripts and nothing from elsewhere. */
export const DOCS_POLICY = `default-src 'none'; style-src 'sha256-${styleHash}'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** Its files of HTML, which are examples of reports, have style sheets of their own. */
const EXAMPLE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

const TYPES: Readonly<Record<string, string>> = { '.png': 'image/png', '.json': 'application/json' };

export interface DocsAnswer {
  readonly type: string;
  readonly policy: string;
  readonly body: string | Buffer;
}

/** The built documentation of an installation, as pages for a browser. */
export interface DocsSite {
  /** A list of all pages. */
  index(): DocsAnswer;
  /** @param address path below /docs @returns null where there is none */
  page(address: string): DocsAnswer | null;
}

/** @param root of the package: a checkout has the built pages in var/docs, a release in README.md and docs/ */
export function openDocs(root: string): DocsSite | null {
  const built = join(root, 'var', 'docs');
  if (existsSync(join(built, 'README.md'))) return siteOf(built, filesBelow(built, ''));
  if (existsSync(join(root, 'docs', 'reference', 'ERRORS.md')))
    return siteOf(root, ['README.md', ...filesBelow(root, 'docs')]);
  return null;
}

function filesBelow(folder: string, below: string): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(below, entry.name);
    return entry.isDirectory() ? filesBelow(folder, path) : [path];
  });
}

/** Pages by their folders, in this order. */
const FOLDERS: readonly (readonly [folder: string, title: string])[] = [
  ['.', 'Start'],
  ['docs', 'Overview'],
  ['docs/guides', 'Guides'],
  ['docs/guides/extend', 'Extend'],
  ['docs/reference', 'Reference'],
  ['docs/adr', 'Decisions'],
];

function siteOf(folder: string, files: readonly string[]): DocsSite {
  const known = new Set(files);
  const addressOf = (path: string): string => `/docs/${path.replace(/^docs\//, '')}`;
  const read = (path: string): string => readFileSync(join(folder, path), 'utf8');

  function linkFrom(page: string): (target: string) => string | null {
    return (target) => {
      if (/^(?:https?|mailto):/.test(target)) return target;
      const [path = '', anchor] = target.split('#');
      const suffix = anchor === undefined ? '' : `#${anchor}`;
      if (path === '') return suffix;
      const linked = posix.join(posix.dirname(page), path).replace(/\/$/, '');
      const file = [linked, posix.join(linked, 'README.md')].find((own) => known.has(own));
      return file === undefined ? null : `${addressOf(file)}${suffix}`;
    };
  }

  return {
    index() {
      const lists = FOLDERS.map(([parent, title]) => {
        const pages = files.filter((path) => path.endsWith('.md') && posix.dirname(path) === parent).sort();
        const items = pages.map((path) => {
          const name = titleOf(read(path)) ?? posix.basename(path, '.md');
          return `<li><a href="${escapeHtml(addressOf(path))}">${escapeHtml(name.replaceAll('`', ''))}</a></li>`;
        });
        return items.length === 0 ? '' : `<h2>${title}</h2>\n<ul>\n${items.join('\n')}\n</ul>`;
      });
      const api = '<p>Endpoints of the API: <a href="/api/docs">/api/docs</a>.</p>';
      return htmlAnswer('Documentation', ['<h1>Documentation</h1>', api, ...lists]);
    },
    page(address) {
      const path = [`docs/${address}`, address].find((own) => known.has(own));
      if (path === undefined) return null;
      if (path.endsWith('.md')) {
        const text = read(path);
        const title = titleOf(text) ?? posix.basename(path, '.md');
        return htmlAnswer(title, [
          '<nav><a href="/docs">Documentation</a></nav>',
          renderMarkdown(text, linkFrom(path)),
        ]);
      }
      const isExample = path.endsWith('.html');
      return {
        type: isExample ? 'text/html; charset=utf-8' : (TYPES[extname(path)] ?? 'text/plain; charset=utf-8'),
        policy: isExample ? EXAMPLE_POLICY : DOCS_POLICY,
        body: readFileSync(join(folder, path)),
      };
    },
  };
}

function htmlAnswer(title: string, sections: readonly string[]): DocsAnswer {
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/favicon.svg">`;
  const body =
    `<!doctype html>\n<html lang="en"><head>${head}<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>\n` +
    `<body><main>\n${sections.join('\n')}\n</main></body></html>\n`;
  return { type: 'text/html; charset=utf-8', policy: DOCS_POLICY, body };
}
