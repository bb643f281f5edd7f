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
