import { readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { writerOf } from './column_file.ts';

/** A folder of files that can be computed again, each named by the SHA-256 of what it was computed from. */
export interface CacheOptions {
  /** Such as `<home>/cache/dataset`; created if absent. */
  readonly folder: string;
  /** The least recently used files are removed until the rest fits. */
  readonly maxBytes: number;
}

const ENTRY = /^[0-9a-f]{64}$/;

/** Removes partial files of dead processes, then the least recently used entries until the rest fits. */
export function pruneFolder(folder: string, maxBytes: number): void {
  const entries: { path: string; bytes: number; usedMs: number }[] = [];
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const writer = writerOf(name);
    if (writer !== null && !isRunning(writer)) rmSync(path, { force: true });
    const stat = statSync(path, { throwIfNoEntry: false });
    if (ENTRY.test(name) && stat !== undefined) entries.push({ path, bytes: stat.size, usedMs: stat.mtimeMs });
  }
  let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  for (const entry of entries.sort((a, b) => a.usedMs - b.usedMs)) {
    if (bytes <= maxBytes) break;
    rmSync(entry.path, { force: true });
    bytes -= entry.bytes;
  }
}

/** Marks an entry as just used. */
export function touch(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // A read-only folder can still be read.
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // EPERM: it runs as another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
