import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GoldenPart } from './part.ts';
import { entriesOf } from './summary.ts';
import type { Value } from './values.ts';

/** @throws RangeError for a folder that has files: what another commit had more would stay among those of this one */
export function refuseOldDump(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new RangeError(`--dump: ${folder} is not empty. Name a new folder`);
}

/** Writes the value of a part, a file for each entry as JSON with sorted names, for `diff -r` with another commit's. */
export function dumpPart(folder: string, { name, depth }: GoldenPart, whole: Value): void {
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  for (const [entry, value] of entriesOf(whole, depth)) {
    const text = JSON.stringify(value, sortedNames, 1);
    writeFileSync(join(own, `${fileName(entry)}.json`), `${text}\n`);
  }
}

function sortedNames(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** An entry may be named by a route. */
function fileName(entry: string): string {
  return entry.replaceAll(/[^\w.@=-]+/g, '_');
}
