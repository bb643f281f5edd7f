import { lstatSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { pauseThread } from '../durable_file.ts';

const NAME = '.owner.turn';
const PRIVATE = 0o700;
/** Work in a turn takes less than a millisecond. */
const WAIT_MS = 5;
/** Of a process that ended in its turn. */
const STALE_MS = 2000;

/**
 * Does work in a folder that other users can write while no other process does it there. The turn is a folder: making
 * one follows no link, as opening a lock file does. Work is done after WAIT_MS all the same, since whoever can write
 * there could keep the turn forever.
 */
export function inTurn(folder: string, work: () => void): void {
  const path = join(folder, NAME);
  const isTaken = takeTurn(path);
  try {
    work();
  } finally {
    if (isTaken) attempt(() => rmdirSync(path));
  }
}

function takeTurn(path: string): boolean {
  for (let waitedMs = 0; ; waitedMs++) {
    if (attempt(() => mkdirSync(path, PRIVATE))) return true;
    if (isStale(path) && attempt(() => rmdirSync(path))) continue;
    if (waitedMs >= WAIT_MS) return false;
    pauseThread(1);
  }
}

/** A clock of a file server that differs takes a turn away from its owner: two that claim at once notice it later. */
function isStale(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && Math.abs(Date.now() - found.mtimeMs) > STALE_MS;
}

function attempt(step: () => unknown): boolean {
  try {
    step();
    return true;
  } catch {
    return false;
  }
}
