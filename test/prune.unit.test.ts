import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

const { prune } = (await import(pathToFileURL(join(packageRoot(), 'bin', 'prune.mjs')).href)) as {
  prune(modules: string, machine?: { platform: string; arch: string }): void;
};

const FILES = [
  ...['darwin/arm64', 'linux/arm64', 'linux/x64', 'win32/arm64', 'win32/x64'].map(
    (machine) => `onnxruntime-node/bin/napi-v6/${machine}/onnxruntime_binding.node`,
  ),
  ...['darwin-arm64', 'linux-arm64', 'linux-x64', 'linuxmusl-x64', 'win32-arm64', 'win32-x64'].map(
    (machine) => `better-sqlite3/prebuilds/${machine}.node`,
  ),
  'better-sqlite3/deps/sqlite3/sqlite3.c',
  'better-sqlite3/src/better_sqlite3.cpp',
  'better-sqlite3/lib/index.js',
  'onnxruntime-node/dist/index.js',
  'zod/index.js',
];

let modules: string;
beforeEach(() => {
  modules = mkdtempSync(join(tmpdir(), 'minutehand-prune-'));
  for (const file of FILES) {
    mkdirSync(dirname(join(modules, file)), { recursive: true });
    writeFileSync(join(modules, file), file);
  }
});
afterEach(() => rmSync(modules, { recursive: true }));

const left = (): string[] => FILES.filter((file) => existsSync(join(modules, file)));
const STAYS = ['better-sqlite3/lib/index.js', 'onnxruntime-node/dist/index.js', 'zod/index.js'];

describe('pruning', () => {
  it.each([
    ['linux', 'x64', ['linux/x64'], ['linux-x64', 'linuxmusl-x64']],
    ['win32', 'arm64', ['win32/arm64'], ['win32-arm64']],
    ['darwin', 'arm64', ['darwin/arm64'], ['darwin-arm64']],
  ])('leaves the libraries of %s %s, and all that is no library', (platform, arch, onnxruntime, sqlite) => {
    const kept = [
      ...onnxruntime.map((machine) => `onnxruntime-node/bin/napi-v6/${machine}/onnxruntime_binding.node`),
      ...sqlite.map((machine) => `better-sqlite3/prebuilds/${machine}.node`),
      ...STAYS,
    ];
    for (const _ of ['first', 'again']) {
      prune(modules, { platform, arch });
      expect(left()).toEqual(kept);
    }
  });

  it('removes no library where there is none of this machine', () => {
    prune(modules, { platform: 'sunos', arch: 'sparc' });
    const sources = ['better-sqlite3/deps/sqlite3/sqlite3.c', 'better-sqlite3/src/better_sqlite3.cpp'];
    expect(left()).toEqual(FILES.filter((file) => !sources.includes(file)));
  });

  it('takes packages that are not there', () => {
    rmSync(join(modules, 'onnxruntime-node'), { recursive: true });
    rmSync(join(modules, 'better-sqlite3'), { recursive: true });
    prune(modules);
    expect(readdirSync(modules)).toEqual(['zod']);
  });

  it('knows the layout of the installed packages', () => {
    for (const name of ['onnxruntime-node', 'better-sqlite3']) {
      rmSync(join(modules, name), { recursive: true });
      cpSync(join(packageRoot(), 'node_modules', name), join(modules, name), { recursive: true });
    }
    prune(modules);
    const sizeOf = (folder: string): number =>
      readdirSync(join(modules, folder), { recursive: true, encoding: 'utf8' })
        .map((name) => statSync(join(modules, folder, name)))
        .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0) / 1e6;
    expect(sizeOf('onnxruntime-node')).toBeLessThan(100);
    expect(sizeOf('onnxruntime-node')).toBeGreaterThan(20);
    expect(sizeOf('better-sqlite3')).toBeLessThan(6);
    expect(sizeOf('better-sqlite3')).toBeGreaterThan(1);
  });
});
