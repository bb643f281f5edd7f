import { existsSync, readFileSync } from 'node:fs';
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
