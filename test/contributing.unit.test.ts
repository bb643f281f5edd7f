import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

const read = (name: string): string => readFileSync(join(packageRoot(), name), 'utf8');
const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);

describe('CHANGELOG.md', () => {
  it('has the headings of Keep a Changelog: what is unreleased first, and no other ones', () => {
    const headings = read('CHANGELOG.md').match(/^#.*/gm)!;
    expect(headings.slice(0, 2)).toEqual(['# Changelog', '## [Unreleased]']);
    const known = /^(## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d|### (Added|Changed|Deprecated|Removed|Fixed|Security))$/;
    expect(headings.slice(2).filter((heading) => !known.test(heading))).toEqual([]);
  });
});

describe('CONTRIBUTING.md', () => {
  it('names only scripts of package.json', () => {
    const named = [...read('CONTRIBUTING.md').matchAll(/npm run ([\w:]+)/g)].map(([, script]) => script!);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((script) => !scripts.includes(script))).toEqual([]);
  });

  it('names only existing files', () => {
    const paths = [...read('CONTRIBUTING.md').matchAll(/`((?:shared|daemon|trainer|cli|bin|test|config)\/[\w./]+)`/g)];
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.map(([, path]) => path!).filter((path) => !existsSync(join(packageRoot(), path)))).toEqual([]);
  });
});

/** What is between the parenthesis at `start` and the one that closes it. */
function inParentheses(text: string, start: number): string {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if ('([{'.includes(text[at]!)) depth++;
    if (')]}'.includes(text[at]!) && --depth === 0) return text.slice(start, at + 1);
  }
  return '';
}

/** Limits of a wait for a condition that a busy machine may reach. */
function shortWaits(text: string): string[] {
  const limitOf = (call: string, isPoll: boolean): number => {
    const given = /timeout: ([\d_]+)/.exec(call) ?? /,\s*([\d_]+),?\s*\)$/.exec(call);
    if (given !== null) return Number(given[1]!.replaceAll('_', ''));
    // A name; or nothing: then it is that of the configuration, or vitest's second.
    return isPoll || /timeout: [A-Z\d]|,\s*[A-Z_]+,?\s*\)$/.test(call) ? Infinity : 1000;
  };
  return [...text.matchAll(/\bvi\.wait(?:For|Until)\(|\.poll\(/g)]
    .map(({ 0: name, index }) => name + inParentheses(text, index + name.length - 1).slice(1))
    .filter((call) => limitOf(call, call.startsWith('.poll')) < 20_000);
}

describe('tests', () => {
  it('wait 20 s or more for a condition: what a busy machine cannot do in less is no fault', () => {
    expect(shortWaits('expect.poll(look, { timeout: 5_000 }); vi.waitFor(() => see(1)); vi.waitFor(see, 900)')).toEqual(
      ['.poll(look, { timeout: 5_000 })', 'vi.waitFor(() => see(1))', 'vi.waitFor(see, 900)'],
    );
    expect(shortWaits('expect.poll(look); vi.waitUntil(() => see(1), 20_000); expect.poll(look, soon)')).toEqual([]);
    const files = readdirSync(packageRoot(), { recursive: true, encoding: 'utf8' }).filter(
      (path) => path.endsWith('.test.ts') && !/^(node_modules|dist|var|test\/contributing)/.test(path),
    );
    expect(files.length).toBeGreaterThan(900);
    expect(files.flatMap((path) => shortWaits(read(path)).map((call) => `${path}: ${call}`))).toEqual([]);
  });
});
