import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ALL_SHELVES } from '../../../shared/bundle/shelves/registry.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { TEMPORARY_FOLDER } from '../../../shared/temporary_folder.ts';

/** `<name>.<process id>.tmp`, or `.<name>.<process id>.tmp`. */
const TEMPORARY = /\.(\d+)\.tmp$/;
/** A process in another container has a number that means nothing here: its file is replaced within seconds. */
const FILE_LIFE_MS = 3_600_000;
/** The longest command that has such a folder trains models again. */
const FOLDER_LIFE_MS = 7 * 86_400_000;

/**
 * Removes temporary files and folders that killed processes have left: of a power cut in the middle of a replacement,
 * one each time. Those of signal files and bundles have their own owners.
 * @param systemFolder of temporary files
 * @returns the removed paths
 */
export function removeLeftovers(paths: HomePaths, nowMs: number, systemFolder = tmpdir()): readonly string[] {
  const { home, models, policy } = paths;
  const bundles = ALL_SHELVES.map((shelf) => shelf.folder(models));
  const removed: string[] = [];
  for (const folder of [home, ...bundles, policy, join(home, 'cache'), join(home, 'reports')])
    for (const name of namesIn(folder)) {
      const pid = TEMPORARY.exec(name)?.[1];
      if (pid === undefined || isRunning(Number(pid))) continue;
      if (ageMs(join(folder, name), nowMs) > FILE_LIFE_MS) removed.push(join(folder, name));
    }
  for (const name of namesIn(systemFolder))
    if (TEMPORARY_FOLDER.test(name) && ageMs(join(systemFolder, name), nowMs) > FOLDER_LIFE_MS)
      removed.push(join(systemFolder, name));
  return removed.filter(remove);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** Negative for what belongs to another user, or is gone. */
function ageMs(path: string, nowMs: number): number {
  try {
    const { mtimeMs, uid } = lstatSync(path);
    return process.getuid === undefined || uid === process.getuid() ? nowMs - mtimeMs : -1;
  } catch {
    return -1;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function remove(path: string): boolean {
  try {
    rmSync(path, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}
