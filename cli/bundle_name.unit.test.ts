import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleByName } from './bundle_name.ts';

const VERSION = '20261120_0826';
let home: string;
let folders: string[];
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'minutehand-names-'));
  folders = [join(home, 'models'), join(home, 'models', 'direction')];
  mkdirSync(join(folders[0]!, VERSION), { recursive: true });
  mkdirSync(join(folders[1]!, `${VERSION}_2`), { recursive: true });
  mkdirSync(join(home, 'other'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

it('a version names a bundle in the first folder that has it, and a path one anywhere', () => {
  expect(bundleByName(folders, VERSION)).toBe(join(folders[0]!, VERSION));
  expect(bundleByName(folders, `${VERSION}_2`)).toBe(join(folders[1]!, `${VERSION}_2`));
  expect(bundleByName(folders, join(home, 'other'))).toBe(join(home, 'other'));
});

it('a name never climbs from a folder of bundles', () => {
  expect(bundleByName(folders, '..')).toBe(resolve('..'));
  expect(bundleByName(folders, '.')).toBe(resolve('.'));
  for (const name of ['../other', '..\\other', '', 'A\0B', '%2e%2e', 'x'.repeat(200)])
    expect(() => bundleByName(folders, name), JSON.stringify(name)).toThrow(
      /Seen: |not (there|found)|no such|missing/i,
    );
});
