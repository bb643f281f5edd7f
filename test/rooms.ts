import type { ImportGraph } from './import_graph.ts';

/**
 * Layers of the program, lowest first: a layer imports itself and the layers below it. `trainer/learning` turns bars
 * into bundles; `trainer/store` has the tables; `trainer/jobs` runs a job; `trainer/control` is the trainer process.
 * See docs/ARCHITECTURE.md.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  daemon: ['shared'],
  'trainer/learning': ['shared'],
  'trainer/store': ['shared'],
  'trainer/jobs': ['shared', 'trainer/store', 'trainer/learning'],
  'trainer/control': ['shared', 'trainer/store', 'trainer/learning', 'trainer/jobs'],
  'trainer/main.ts': ['shared', 'trainer/store', 'trainer/learning', 'trainer/jobs', 'trainer/control'],
};

/** Files that only tests use may import anything. */
const TEST_ONLY = /\.(test|fixture|oracle)\.tsx?$/;

/** The layer of a file: the longest name in `ALLOWED` that it starts with; null outside all of them. */
function layerOf(file: string): string | null {
  const names = Object.keys(ALLOWED).filter((name) => file === name || file.startsWith(`${name}/`));
  return names.sort((a, b) => b.length - a.length)[0] ?? null;
}

/** Folders of this one are the rooms of one strategy, each with folders of its own. */
const STRATEGIES = 'trainer/learning/strategies';

/**
 * The folder of a file within its layer, such as `trainer/learning/label` or
 * `trainer/learning/strategies/pair_reversion/dataset`; the layer itself for a file beside them.
 */
function folderOf(file: string): string {
  const layer = layerOf(file)!;
  if (file === layer) return layer;
  const folders = file
    .slice(layer.length + 1)
    .split('/')
    .slice(0, -1);
  const depth = file.startsWith(`${STRATEGIES}/`) ? 3 : 1;
  return [layer, ...folders.slice(0, depth)].join('/');
}

/** Imports of a higher layer, or of one beside it, as `file → file`. */
export function upwardImports(graph: ImportGraph): string[] {
  return production(graph)
    .filter(([file, target]) => {
      const from = layerOf(file)!;
      const to = layerOf(target)!;
      return from !== to && !ALLOWED[from]!.includes(to);
    })
    .map(([file, target]) => `${file} → ${target}`)
    .sort();
}

/** Pairs of folders of one layer that import each other, as `a ↔ b`. */
export function mutualFolders(graph: ImportGraph): string[] {
  const arrows = new Set<string>();
  for (const [file, target] of production(graph)) {
    if (layerOf(file) === layerOf(target)) arrows.add(`${folderOf(file)} ${folderOf(target)}`);
  }
  const pairs: string[] = [];
  for (const arrow of arrows) {
    const [from, to] = arrow.split(' ') as [string, string];
    if (from < to && arrows.has(`${to} ${from}`)) pairs.push(`${from} ↔ ${to}`);
  }
  return pairs.sort();
}

/** Imports between files of layers, without those of tests. */
function production(graph: ImportGraph): [string, string][] {
  const imports: [string, string][] = [];
  for (const [file, targets] of graph) {
    if (TEST_ONLY.test(file) || layerOf(file) === null) continue;
    for (const target of targets) if (layerOf(target) !== null) imports.push([file, target]);
  }
  return imports;
}
