import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GoldenPart } from './part.ts';
import type { Value } from './values.ts';

/** @throws RangeError for a folder that has files: what another commit had more would stay among those of this one */
export function refuseOldDump(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new RangeError(`--dump: ${folder} is not empty. Name a new folder`);
}

/**
 * Writes the whole value of a part as JSON with sorted names, for `diff -r` with that of another commit: a file, or
 * where the record is condensed, a folder with a file for each entry.
 */
export function dumpPart(folder: string, { name, condense }: GoldenPart, whole: Value): void {
  mkdirSync(folder, { recursive: true });
  if (condense === undefined) return writeValue(join(folder, `${name}.json`), whole);
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  for (const [entry, value] of Object.entries(whole as Record<string, Value>))
    writeValue(join(own, `${fileName(entry)}.json`), value);
}

function writeValue(path: string, value: Value): void {
  writeFileSync(path, `${JSON.stringify(value, sortedNames, 1)}\n`);
}

function sortedNames(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** An entry may be named by a route. */
function fileName(entry: string): string {
  return entry.replaceAll(/[^\w.@=-]+/g, '_');
}
