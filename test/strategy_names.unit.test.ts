import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { readImportGraph } from './import_graph.ts';
import { branchesOnName, countedByFolder, knowDirection } from './strategy_names.ts';

const FOLDERS = ['shared', 'daemon', 'trainer', 'dashboard', 'cli', 'sim', 'bench'];

/**
 * Files outside of its rooms that import direction by path, at most. A number may only shrink: what asks for a training
 * takes it from `trainer/jobs/strategies/registry.ts`, what asks for a bundle from `shared/bundle/shelves/registry.ts`,
 * and a command that takes bundles of any strategy from `cli/strategies/registry.ts`.
 */
const KNOW_DIRECTION: Readonly<Record<string, readonly [files: number, why: string]>> = {
  bench: [8, 'measurements of this model'],
  cli: [8, 'lists of commands and of gates; replay, parity, rules and their probabilities'],
  daemon: [20, 'instruments are a second line of stations: matrix, slots, decision'],
  dashboard: [1, 'the card of an instrument'],
  shared: [8, 'signals and explanations of instruments'],
  sim: [9, 'its worlds have instruments'],
  'trainer/control': [13, 'requests and routes of direction models, the table of routes, measurements of the monitor'],
  'trainer/jobs': [8, 'the runner of its job, and rules on its probabilities'],
  'trainer/learning': [3, 'rows of instruments, which formulas and rules use too'],
};

/** Comparisons with the name of a strategy, or of the slot of pairs, outside of the rooms, at most. */
const BRANCHES = 35;

const graph = readImportGraph(packageRoot(), FOLDERS);

describe('the strategies', () => {
  const counts = countedByFolder(knowDirection(graph));

  it.each(Object.entries(KNOW_DIRECTION))('are known by path in %s by no more files', (folder, [files]) => {
    expect(counts[folder] ?? 0).toBeLessThanOrEqual(files);
  });

  it('are known by path in no other folder', () => {
    expect(Object.keys(counts).filter((folder) => !(folder in KNOW_DIRECTION))).toEqual([]);
  });

  it('are told apart by name in no more places', () => {
    const text = (file: string): string => readFileSync(join(packageRoot(), file), 'utf8');
    const branches = [...graph.keys()].reduce((sum, file) => sum + branchesOnName(file, text(file)), 0);
    expect(branches).toBeLessThanOrEqual(BRANCHES);
  });
});

describe('the count', () => {
  it('leaves out rooms, tests, and files that import other paths', () => {
    const graph = new Map([
      ['trainer/control/a.ts', ['shared/bundle/direction/x.ts']],
      ['trainer/control/b.ts', ['trainer/jobs/strategies/registry.ts']],
      ['trainer/control/a.unit.test.ts', ['shared/bundle/direction/x.ts']],
      ['trainer/jobs/strategies/direction/training.ts', ['shared/bundle/direction/x.ts']],
      ['cli/direction_lines.ts', ['trainer/learning/strategies/direction/y.ts']],
    ]);
    expect(knowDirection(graph)).toEqual(['cli/direction_lines.ts', 'trainer/control/a.ts']);
    expect(countedByFolder(knowDirection(graph))).toEqual({ cli: 1, 'trainer/control': 1 });
  });

  it('finds comparisons with a name', () => {
    const text = "if (kind === 'direction' || shelf !== 'pairs') return name === 'directions';";
    expect(branchesOnName('cli/a.ts', text)).toBe(2);
    expect(branchesOnName('cli/a.unit.test.ts', text)).toBe(0);
  });
});
