import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { renameFile, replaceDurably, writeDurably } from './durable_file.ts';
import { knownError } from './errors.ts';
import { MACHINE_FILES } from './files.ts';
import type { FileSystem } from './ports.ts';

/*
 * A file that only holds space. On a full disk, what a person orders then (`halt`, a rollback and the other changes of
 * `halts.json` and of pointers) and its entry of the audit are written into its blocks, which needs no new ones.
 */

/** Enough for a thousand stops. */
export const RESERVE_BYTES = 256 << 10;
/** A reserve that took the last of a disk would itself stop what writes there. */
const LEAST_FREE_BYTES = 64 * RESERVE_BYTES;

/** Windows has no such flag, nor links that would need it. */
const { O_RDWR, O_NOFOLLOW = 0 }: Partial<typeof constants> = constants;

export function reservePath(folder: string): string {
  return join(folder, 'disk.reserve');
}

/**
 * Makes the reserve of a folder where it is missing and the disk has room.
 * @returns whether there is one now; false also where this process may not write
 */
export function keepReserve(folder: string): boolean {
  const path = reservePath(folder);
  if ((MACHINE_FILES.stat(path)?.bytes ?? 0) >= RESERVE_BYTES) return true;
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < LEAST_FREE_BYTES) return false;
    // Random, so that a file system that compresses has to give it blocks.
    writeDurably(MACHINE_FILES, temporary, randomBytes(RESERVE_BYTES));
    MACHINE_FILES.rename(temporary, path);
    return true;
  } catch {
    MACHINE_FILES.remove(temporary);
    return false;
  }
}

/**
 * Replaces a file as `replaceDurably` does; on a full disk, in the space of the reserve of its folder, or of the folder
 * above, which is used up then.
 * @throws the system's error; ENOSPC where there is no reserve
 */
export function replaceEvenWhenFull(files: FileSystem, path: string, text: string): void {
  try {
    replaceDurably(files, path, text);
  } catch (error) {
    if (files !== MACHINE_FILES || knownError(error)?.code !== 'DISK_FULL') throw error;
    const reserve = reserveNear(path);
    if (reserve === null) throw error;
    replaceFromReserve(reserve, path, text);
  }
}

/** That of the folder of a file, or of the folder above it; null when neither has one. */
function reserveNear(path: string): string | null {
  const folder = dirname(path);
  const candidates = [folder, dirname(folder)].map(reservePath);
  return candidates.find((candidate) => MACHINE_FILES.stat(candidate) !== null) ?? null;
}

/** A reader sees the old or the new text, also after a power cut. What the text does not need becomes free. */
function replaceFromReserve(reserve: string, path: string, text: string): void {
  try {
    overwrite(reserve, Buffer.from(text));
  } catch (error) {
    if (knownError(error)?.code !== 'DISK_FULL') throw error;
    // The text is longer, or the file system writes every change into new blocks: with what the reserve gives back.
    MACHINE_FILES.remove(reserve);
    return replaceDurably(MACHINE_FILES, path, text);
  }
  renameFile(reserve, path);
  MACHINE_FILES.sync(dirname(path));
}

/** Writes bytes over the start of a regular file, and cuts off the rest. */
function overwrite(path: string, bytes: Buffer): void {
  const file = openSync(path, O_RDWR! | O_NOFOLLOW);
  try {
    if (!fstatSync(file).isFile()) throw new Error(`${path} is not a regular file`);
    writeFileSync(file, bytes);
    ftruncateSync(file, bytes.length);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
