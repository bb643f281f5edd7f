import { renameSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FileSystem } from './ports.ts';

/**
 * On Windows a program that has a file open without sharing delete (MetaTrader does, a virus scanner may) blocks its
 * replacement, mostly for less than a millisecond. Elsewhere these errors of a rename are lasting, and rare.
 */
const BLOCKED_CODES: readonly unknown[] = ['EPERM', 'EACCES', 'EBUSY'];

/** Waits before each retry of a blocked file: an eighth of a second in all. */
export const BLOCKED_PAUSES_MS: readonly number[] = [1, 2, 4, 8, 16, 32, 64];

/** Retry delays for a program that may block: five seconds in total. */
export const PATIENT_PAUSES_MS: readonly number[] = [...BLOCKED_PAUSES_MS, ...Array<number>(20).fill(250)];

/** Returns whether another program that has the file open may be the reason. */
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

/** The same without holding this thread. @param flags of open: `w`, or `wx` where there must be no such file */
export async function writeSynced(path: string, data: Uint8Array, flags: 'w' | 'wx'): Promise<void> {
  const file = await open(path, flags);
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Repeats what another program that has a file open blocks, after each of these pauses, which hold this thread. */
export function patiently<Result>(
  work: () => Result,
  pausesMs: readonly number[] = BLOCKED_PAUSES_MS,
  pause: (ms: number) => void = pauseThread,
): Result {
  for (const pauseMs of pausesMs) {
    try {
      return work();
    } catch (error) {
      if (!isBlocked(error)) throw error;
      pause(pauseMs);
    }
  }
  return work();
}

/** Renames a file or a folder; one that another program has open is waited for, an eighth of a second at most. */
export function renamePatiently(files: Pick<FileSystem, 'rename'>, from: string, to: string): void {
  patiently(() => files.rename(from, to));
}

/** Renames a file or a folder of this machine. On Windows, one that another program has open is waited for. */
export function renameFile(from: string, to: string, platform: NodeJS.Platform = process.platform): void {
  // Elsewhere a reader blocks nothing, and a refusal is lasting.
  if (platform === 'win32') renamePatiently({ rename: renameSync }, from, to);
  else renameSync(from, to);
}

/** The same without holding this thread. */
export async function renameFileAsync(
  from: string,
  to: string,
  platform: NodeJS.Platform = process.platform,
): Promise<void> {
  for (const pauseMs of platform === 'win32' ? BLOCKED_PAUSES_MS : []) {
    try {
      return await rename(from, to);
    } catch (error) {
      if (!isBlocked(error)) throw error;
      await sleep(pauseMs);
    }
  }
  await rename(from, to);
}

/** A reader sees the old or the new text, also after a power cut. */
export function replaceDurably(files: FileSystem, path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeDurably(files, temporary, text);
    renamePatiently(files, temporary, path);
  } catch (error) {
    files.remove(temporary);
    throw error;
  }
  files.sync(dirname(path));
}
