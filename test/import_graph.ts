import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import ts from 'typescript';

/**
 * Files that each file imports. Type imports count; packages and Node modules do not. Paths are relative to the root.
 */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

const SOURCE = /\.(tsx?|mjs)$/;
/** AssemblyScript has its own compiler. */
const KERNEL_SOURCE = /\.as\.ts$/;

/** The imports of every source file below these folders. */
export function readImportGraph(root: string, folders: readonly string[]): ImportGraph {
  const graph = new Map<string, readonly string[]>();
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !SOURCE.test(entry.name) || KERNEL_SOURCE.test(entry.name)) continue;
      const path = relative(root, join(entry.parentPath, entry.name)).split(sep).join('/');
      graph.set(path, importsOf(path, readFileSync(join(root, path), 'utf8')));
    }
  }
  return graph;
}

/** The files that this source text imports, exports from, or names in an import type, each once. */
export function importsOf(path: string, text: string): string[] {
  const names = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  const local = names.filter((name) => name.startsWith('.'));
  return [...new Set(local.map((name) => posix.join(dirname(path).split(sep).join('/'), name)))];
}

/**
 * For each import that closes a circle, the shortest circle through it, as `a → b → a`. Empty if and only if there are
 * no circles.
 */
export function importCircles(graph: ImportGraph): string[] {
  const circles = new Set<string>();
  for (const [file, imports] of graph) {
    for (const next of imports) {
      const back = shortestPath(graph, next, file);
      if (back !== null) circles.add(fromFirst(back).join(' → '));
    }
  }
  return [...circles].sort();
}

/** Files from `start` to `end`, inclusive; null if there is no path. */
function shortestPath(graph: ImportGraph, start: string, end: string): string[] | null {
  const before = new Map<string, string | null>([[start, null]]);
  // A map keeps insertion order and may grow during iteration, so it serves as the queue.
  for (const file of before.keys()) {
    if (file === end) break;
    for (const next of graph.get(file) ?? []) if (!before.has(next)) before.set(next, file);
  }
  if (!before.has(end)) return null;
  const path: string[] = [];
  for (let file: string | null = end; file !== null; file = before.get(file) ?? null) path.unshift(file);
  return path;
}

/** The same circle, starting and ending with its first file by name. */
function fromFirst(circle: readonly string[]): string[] {
  const first = circle.indexOf([...circle].sort()[0]!);
  const turned = [...circle.slice(first), ...circle.slice(0, first)];
  return [...turned, turned[0]!];
}
