import { dirname } from 'node:path';
import type { FileSystem } from './ports.ts';

/**
 * On Windows a program that has a file open without sharing delete (MetaTrader does, a virus scanner may) blocks its replacement, mostly for
 * less than a millisecond. Elsewhere these errors of a rename are lasting, and rare.
 */
const BLOCKED_CODES: readonly unknown[] = ['EPERM', 'EACCES', 'EBUSY'];

/** How long to wait before a blocked file is tried again, each time: an eighth of a second in all. */
export const BLOCKED_PAUSES_MS: readonly number[] = [1, 2, 4, 8, 16, 32, 64];

/** Whether another program that has the file open may be the reason. */
export function isBlocked(error: unknown): boolean {
  return error instanceof Error && 'code' in error && BLOCKED_CODES.includes(error.code);
}

/** Holds this thread. */
export function pauseThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** The bytes are on the disk when this returns. */
export function writeDurably(files: FileSystem, path: string, data: string | Uint8Array): void {
  files.write(path, data);
  files.sync(path);
}

/**
 * A reader, and a machine that lost its power, sees the old or the new text. A file that a reader blocks is waited for, an eighth of
 * a second at most.
 */
export function replaceDurably(files: FileSystem, path: string, text: string, pause = pauseThread): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeDurably(files, temporary, text);
  for (const pauseMs of [...BLOCKED_PAUSES_MS, null]) {
    try {
      files.rename(temporary, path);
      break;
    } catch (error) {
      if (pauseMs === null || !isBlocked(error)) {
        files.remove(temporary);
        throw error;
      }
      pause(pauseMs);
    }
  }
  files.sync(dirname(path));
}
