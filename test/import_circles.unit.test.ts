import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { importCircles, importsOf, readImportGraph } from './import_graph.ts';

const FOLDERS = ['shared', 'daemon', 'trainer', 'dashboard', 'cli', 'sim', 'bench', 'bin', 'test', 'mt5'];

describe('the import graph', () => {
  const graph = readImportGraph(packageRoot(), FOLDERS);

  it('has no circle, type imports included', () => {
    expect(importCircles(graph)).toEqual([]);
  });

  it('names only files that exist', () => {
    const missing = [...graph].flatMap(([file, imports]) =>
      imports.filter((path) => /\.(ts|mjs)$/.test(path) && !graph.has(path)).map((path) => `${file} → ${path}`),
    );
    expect(missing).toEqual([]);
  });
});

describe('the circle check', () => {
  it.each([
    ["import './b.ts';"],
    ["import { b } from './b.ts';"],
    ["import type { B } from './b.ts';"],
    ["import { type B } from './b.ts';"],
    ["export type { B } from './b.ts';"],
    ["export * from './b.ts';"],
    ["const b = await import('./b.ts');"],
    ["type B = import('./b.ts').B;"],
  ])('reads %s as an import', (text) => {
    expect(importsOf('shared/a.ts', text)).toEqual(['shared/b.ts']);
  });

  it('finds every circle of a graph, each once', () => {
    const graph = new Map([
      ['a', ['b', 'c']],
      ['b', ['a']],
      ['c', ['d']],
      ['d', ['a', 'e']],
      ['e', []],
    ]);
    expect(importCircles(graph)).toEqual(['a → b → a', 'a → c → d → a']);
  });

  it('finds none where imports have one direction', () => {
    const graph = new Map([
      ['a', ['b', 'c']],
      ['b', ['c']],
      ['c', []],
    ]);
    expect(importCircles(graph)).toEqual([]);
  });
});
