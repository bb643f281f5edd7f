import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { importsOf, readImportGraph } from './import_graph.ts';
import { PUBLISHED_MODULES } from './published_modules.ts';
import { mutualFolders, upwardImports } from './rooms.ts';

const FOLDERS = ['shared', 'daemon', 'trainer', 'dashboard', 'cli', 'sim', 'bench', 'bin', 'test', 'mt5'];

describe('the layers of the program', () => {
  const graph = readImportGraph(packageRoot(), ['shared', 'daemon', 'trainer']);

  it('import nothing above them', () => {
    expect(upwardImports(graph)).toEqual([]);
  });

  it('have no two folders that import each other', () => {
    expect(mutualFolders(graph)).toEqual([]);
  });
});

it('commands import of control and store what these publish, and all of that', () => {
  const graph = readImportGraph(packageRoot(), ['cli', 'trainer']);
  const isOfCommands = (file: string): boolean => file.startsWith('cli/') && !/\.(test|fixture)\.ts$/.test(file);
  const imported = [...graph].flatMap(([file, imports]) =>
    isOfCommands(file) ? imports.filter((path) => /^trainer\/(control|store)\//.test(path)) : [],
  );
  const published = Object.entries(PUBLISHED_MODULES).flatMap(([folder, names]) =>
    names.map((name) => `${folder}/${name}.ts`),
  );
  expect([...new Set(imported)].sort()).toEqual(published.sort());
});

describe('the check of layers', () => {
  it('finds an import of a higher layer, and none of a lower one', () => {
    const graph = new Map([
      ['trainer/learning/label/a.ts', ['trainer/control/monitor/b.ts', 'shared/bar.ts']],
      ['trainer/control/monitor/b.ts', ['trainer/learning/label/c.ts', 'trainer/store/store.ts']],
      ['trainer/store/store.ts', ['trainer/learning/label/c.ts']],
      ['trainer/learning/label/c.ts', []],
      ['trainer/main.ts', ['trainer/control/monitor/b.ts']],
      ['trainer/learning/label/a.test.ts', ['trainer/control/monitor/b.ts']],
      ['shared/bar.ts', []],
    ]);
    expect(upwardImports(graph)).toEqual([
      'trainer/learning/label/a.ts → trainer/control/monitor/b.ts',
      'trainer/store/store.ts → trainer/learning/label/c.ts',
    ]);
  });

  it('finds two folders that import each other, also the folder that holds them', () => {
    const graph = new Map([
      ['daemon/feed/a.ts', ['daemon/serve/b.ts', 'daemon/x.ts']],
      ['daemon/serve/b.ts', ['daemon/feed/c.ts']],
      ['daemon/feed/c.ts', ['daemon/feed/d.ts']],
      ['daemon/feed/d.ts', []],
      ['daemon/x.ts', ['daemon/feed/d.ts', 'shared/core/x.ts']],
      ['shared/core/x.ts', ['shared/bar.ts']],
      ['shared/bar.ts', []],
    ]);
    expect(mutualFolders(graph)).toEqual(['daemon ↔ daemon/feed', 'daemon/feed ↔ daemon/serve']);
  });
});

describe('the reading of imports', () => {
  it('finds only files that exist', () => {
    const graph = readImportGraph(packageRoot(), FOLDERS);
    const missing = [...graph].flatMap(([file, imports]) =>
      imports.filter((path) => /\.(ts|mjs)$/.test(path) && !graph.has(path)).map((path) => `${file} → ${path}`),
    );
    expect(missing).toEqual([]);
  });

  it.each([
    ["import './b.ts';"],
    ["import { b } from './b.ts';"],
    ["import type { B } from './b.ts';"],
    ["import { type B } from './b.ts';"],
    ["export type { B } from './b.ts';"],
    ["export * from './b.ts';"],
    ["const b = await import('./b.ts');"],
    ["type B = import('./b.ts').B;"],
  ])('takes %s for an import', (text) => {
    expect(importsOf('shared/a.ts', text)).toEqual(['shared/b.ts']);
  });
});
