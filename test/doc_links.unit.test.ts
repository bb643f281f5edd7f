import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildDocs } from '../cli/docs/build_docs.ts';
import { REFERENCE_PAGE_NAMES } from '../cli/docs/pages.ts';
import { createProgram } from '../cli/main.ts';
import { packageRoot } from '../shared/root.ts';
import { anchorsOf, brokenLinks, brokenMentions } from './doc_links.ts';

const ROOT = packageRoot();
const SKIPPED =
  /^(node_modules|dist|dist\..*|var|\.git|\.stryker-tmp|reports|bench\/results|models\/(?!README\.md).*)$/;
const TEXT = /(\.(md|ts|mjs|js|yaml|json|mq5|mqh|cpp|h|py|sh|service|conf|target)|\/run)$/;

function textFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (SKIPPED.test(relative(ROOT, path))) return [];
    if (entry.isDirectory()) return textFiles(path);
    return entry.isFile() && TEXT.test(path) && entry.name !== 'package-lock.json' ? [path] : [];
  });
}

const files = textFiles(ROOT).map((path) => relative(ROOT, path));
const pages = files.filter((path) => path.endsWith('.md'));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

function anchorsIn(folder: string, path: string): ReadonlySet<string> | null {
  const file = join(folder, path);
  if (!existsSync(file)) return null;
  return statSync(file).isFile() && path.endsWith('.md') ? anchorsOf(readFileSync(file, 'utf8')) : new Set();
}

/** As GitHub has it: /<owner>/<name>/blob/docs/, from a page at /<owner>/<name>/blob/main/. */
const BRANCH = '../../blob/docs/';
const GENERATED = REFERENCE_PAGE_NAMES.map((name) => `docs/reference/${name}.md`);

let built: string;
let builtFiles: readonly string[];
beforeAll(async () => {
  built = mkdtempSync(join(tmpdir(), 'minutehand-docs-'));
  builtFiles = buildDocs(ROOT, built, await createProgram());
});
afterAll(() => rmSync(built, { recursive: true, force: true }));

/** Of a page in git: only through the branch `docs` does it reach a page that is built. */
const anchors = (path: string): ReadonlySet<string> | null =>
  path.startsWith(BRANCH) ? anchorsIn(built, path.slice(BRANCH.length)) : anchorsIn(ROOT, path);

describe('the built documents', () => {
  it('have the generated pages, every page in docs/, and no link to a file or heading that is not among them', () => {
    expect(builtFiles).toEqual(expect.arrayContaining(GENERATED));
    expect(builtFiles).toEqual(expect.arrayContaining(pages.filter((path) => path.startsWith('docs'))));
    const inBuilt = (path: string): ReadonlySet<string> | null => anchorsIn(built, path);
    const builtPages = builtFiles.filter((path) => path.endsWith('.md'));
    const broken = builtPages.flatMap((page) => brokenLinks(page, readFileSync(join(built, page), 'utf8'), inBuilt));
    expect(broken).toEqual([]);
  });
});

describe('the documents', () => {
  it('have no relative link to a file or heading that does not exist', () => {
    expect(pages.length).toBeGreaterThan(20);
    expect(pages.filter((page) => GENERATED.includes(page))).toEqual([]);
    const current = pages.filter((page) => page !== 'CHANGELOG.md');
    expect(current.flatMap((page) => brokenLinks(page, read(page), anchors))).toEqual([]);
  });

  it('exist under every docs/ path that code, configuration and messages name', () => {
    const named = files.filter((file) => file !== 'test/doc_links.unit.test.ts');
    const known = (path: string): ReadonlySet<string> | null =>
      anchorsIn(GENERATED.includes(path) ? built : ROOT, path);
    expect(named.flatMap((file) => brokenMentions(file, read(file), known))).toEqual([]);
  });
});

describe('the link check', () => {
  const known = (path: string): ReadonlySet<string> | null =>
    path === 'docs/a.md'
      ? anchorsOf('# A\n\n## B `c_d` (e)\n\n```md\n## Not a heading\n```\n\n## Same\n\n## Same\n')
      : null;

  it('gives headings the anchors of GitHub', () => {
    expect([...known('docs/a.md')!]).toEqual(['a', 'b-c_d-e', 'same', 'same-1']);
  });

  it.each([
    ['[a](a.md)', []],
    ['[a](a.md#b-c_d-e)', []],
    ['[a](https://example.org/x.md)', []],
    ['`[a](gone.md)`', []],
    ['[a](gone.md)', ['docs/z.md: gone.md']],
    ['[a](a.md#gone)', ['docs/z.md: a.md#gone']],
    ['![a](gone.png)', ['docs/z.md: gone.png']],
  ])('checks the link %s', (text, broken) => {
    expect(brokenLinks('docs/z.md', text, known)).toEqual(broken);
  });

  it.each([
    ["next: 'See docs/a.md#same.'", []],
    ['// docs/gone.md: see there', ['x.ts: docs/gone.md']],
    ['docs/a.md#gone', ['x.ts: docs/a.md#gone']],
    ['https://example.org/docs/gone.md', []],
  ])('checks the mention %s', (text, broken) => {
    expect(brokenMentions('x.ts', text, known)).toEqual(broken);
  });

  it('resolves links from the folder of their page', () => {
    const seen: string[] = [];
    brokenLinks('docs/guides/z.md', '[a](../../README.md) [b](#b)', (path) => {
      seen.push(path);
      return new Set(['b']);
    });
    expect(seen).toEqual(['README.md', 'docs/guides/z.md']);
  });
});
