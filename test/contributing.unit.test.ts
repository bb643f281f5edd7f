import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

const read = (name: string): string => readFileSync(join(packageRoot(), name), 'utf8');
const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);

describe.each(['CONTRIBUTING.md', 'CHANGELOG.md'])('%s', (name) => {
  it('names only scripts of package.json', () => {
    const named = [...read(name).matchAll(/npm run ([\w:]+)/g)].map(([, script]) => script!);
    expect(named.filter((script) => !scripts.includes(script))).toEqual([]);
  });
});

describe('CONTRIBUTING.md', () => {
  it('names only existing files', () => {
    const paths = [...read('CONTRIBUTING.md').matchAll(/`((?:shared|daemon|trainer|cli|bin|test|config)\/[\w./]+)`/g)];
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.map(([, path]) => path!).filter((path) => !existsSync(join(packageRoot(), path)))).toEqual([]);
  });
});
