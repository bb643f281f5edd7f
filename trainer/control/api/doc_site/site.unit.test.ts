import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildDocs } from '../../../../cli/docs/build_docs.ts';
import { createProgram } from '../../../../cli/main.ts';
import { packageRoot } from '../../../../shared/root.ts';
import { openDocs, type DocsSite } from './site.ts';

const folder = mkdtempSync(join(tmpdir(), 'minutehand-site-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hrefsOf = (html: string | Buffer): string[] =>
  [...String(html).matchAll(/ (?:href|src)="([^"]+)"/g)].map(([, href]) => href!);

describe('the pages of this checkout', () => {
  let site: DocsSite;
  let files: readonly string[];
  beforeAll(async () => {
    files = buildDocs(packageRoot(), join(folder, 'checkout', 'var', 'docs'), await createProgram());
    site = openDocs(join(folder, 'checkout'))!;
  });

  it('are listed with their titles, and each is there', () => {
    const index = String(site.index().body);
    expect(index).toContain('<li><a href="/docs/reference/ERRORS.md">Error codes</a></li>');
    expect(index).toContain('<li><a href="/docs/README.md">');
    const listed = hrefsOf(index).filter((href) => href.startsWith('/docs/'));
    expect(listed.length).toBeGreaterThan(80);
    for (const href of listed) expect(site.page(href.slice('/docs/'.length)), href).not.toBeNull();
  });

  it('have no link to a page, picture or heading of this site that is not there', () => {
    const pages = files.filter((path) => path.endsWith('.md')).map((path) => path.replace(/^docs\//, ''));
    const htmlOf = new Map(pages.map((page) => [page, String(site.page(page)!.body)]));
    const broken: string[] = [];
    let checked = 0;
    for (const [page, html] of htmlOf)
      for (const href of hrefsOf(html)) {
        if (/^(?:https?:|mailto:|\/docs$|\/favicon\.svg$)/.test(href)) continue;
        checked++;
        const [path = '', anchor] = href.split('#');
        const target = path === '' ? page : path.replace('/docs/', '');
        const isThere =
          site.page(target) !== null && (anchor === undefined || htmlOf.get(target)!.includes(` id="${anchor}"`));
        if (!isThere) broken.push(`${page}: ${href}`);
      }
    expect(broken).toEqual([]);
    expect(checked).toBeGreaterThan(300);
  });

  it('show no Markdown that is left: no fence, no row of a table, no link', () => {
    for (const path of files.filter((own) => own.endsWith('.md') && own !== 'CHANGELOG.md')) {
      const html = String(site.page(path.replace(/^docs\//, ''))!.body).replace(/<(pre|code)>[^]*?<\/\1>/g, '');
      expect(html, path).not.toMatch(/```|^\||\]\([\w./#-]+\)|\*\*\w/m);
    }
  });

  it('are pictures and reports of the folder too, each with its type', () => {
    expect(site.page('examples/dashboard.png')!.type).toBe('image/png');
    const report = site.page('examples/backtest_report.html')!;
    expect([report.type, report.policy]).toEqual(['text/html; charset=utf-8', expect.stringMatching(/^sandbox;/)]);
  });

  it('are nothing else of the machine', () => {
    for (const address of [
      '../package.json',
      '../../etc/passwd',
      'reference',
      'reference/',
      '',
      'guides/../../README.md',
    ])
      expect(site.page(address), address).toBeNull();
  });
});

it('a release has README.md and docs/, and nothing beside them; without the built pages there is no site', () => {
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, 'release', path)), { recursive: true });
    writeFileSync(join(folder, 'release', path), text);
  };
  write('README.md', '# Product\n\n[a](docs/guides/NEWS.md) [c](config/c.yaml)\n');
  write('docs/guides/NEWS.md', '# A\n');
  write('config/c.yaml', 'secret: 1\n');
  expect(openDocs(join(folder, 'release'))).toBeNull();
  write('docs/reference/ERRORS.md', '# Error codes\n');
  const site = openDocs(join(folder, 'release'))!;
  expect(String(site.page('README.md')!.body)).toContain('<p><a href="/docs/guides/NEWS.md">a</a> c</p>');
  expect(site.page('config/c.yaml')).toBeNull();
});
