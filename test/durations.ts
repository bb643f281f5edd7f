import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../shared/root.ts';

/** What a test file took when it last ran. */
export interface Took {
  readonly wall_s: number;
  /** Of its process and those that ended below it; null where it was not measured. */
  readonly processor_s: number | null;
}
/** By file, relative to the root of the project. */
export type Durations = Readonly<Record<string, Took>>;

/** The order of the next run, and the time that is left of a run, come from it. No part of a clone. */
export const DURATIONS_FILE = join(packageRoot(), 'node_modules', '.cache', 'durations.json');

/** Nothing where no run has left any. */
export function readDurations(path = DURATIONS_FILE): Durations {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Durations;
  } catch {
    return {};
  }
}

/** Files that are not given keep what they have. */
export function keepDurations(took: Durations, path = DURATIONS_FILE): void {
  mkdirSync(dirname(path), { recursive: true });
  const all = Object.entries({ ...readDurations(path), ...took }).sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(`${path}.${process.pid}`, `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`);
  renameSync(`${path}.${process.pid}`, path);
}
