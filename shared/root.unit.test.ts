import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPackageRoot, packageRoot } from './root.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-root-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the package root', () => {
  it('is found from sources and from built code, past package.json files of other names or none', () => {
    const deep = join(folder, 'dist', 'shared', 'policy');
    mkdirSync(deep, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"name":"minutehand"}');
    writeFileSync(join(folder, 'dist', 'package.json'), '{"type":"module"}');
    writeFileSync(join(folder, 'dist', 'shared', 'package.json'), 'not json');
    expect(findPackageRoot(deep)).toBe(folder);
  });

  it('is CONFIG_MISSING where there is none', () => {
    expect(() => findPackageRoot(folder)).toThrow(expect.objectContaining({ code: 'CONFIG_MISSING' }));
  });

  it('is the folder above shared/ here', () => {
    expect(packageRoot()).toBe(join(import.meta.dirname, '..'));
  });
});
