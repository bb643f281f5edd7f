import { join } from 'node:path';
import type { FileSystem } from '../../shared/ports.ts';

/** The file with all pairs, unless several daemons write into one folder. */
export const ALL_PAIRS_FILE = 'signals.json';
const ONE_SHARD = /^signals_[a-z0-9_-]+\.json$/;
const TEMPORARY_NAME = /^\.signal(?:s(?:_[a-z0-9_-]+)?)?\.json\.(\d+)\.tmp$/;

/**
 * Removes temporary files left by a crash, in `folder` and one level below, and files of all pairs that no
 * process writes any more. Files of another live process (a second shard on the same folder) stay: it may be about to
 * rename them.
 */
export function removeLeftovers(files: FileSystem, folder: string, allName: string): void {
  for (const entry of files.list(folder)) {
    const path = join(folder, entry.name);
    if (!entry.isFolder) {
      const isOutdated = allName === ALL_PAIRS_FILE ? ONE_SHARD.test(entry.name) : entry.name === ALL_PAIRS_FILE;
      if (isOutdated || isLeftover(entry.name)) files.remove(path);
      continue;
    }
    for (const inner of files.list(path)) if (isLeftover(inner.name)) files.remove(join(path, inner.name));
  }
}

function isLeftover(name: string): boolean {
  const match = TEMPORARY_NAME.exec(name);
  if (match === null) return false;
  const pid = Number(match[1]);
  return pid === process.pid || !isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
