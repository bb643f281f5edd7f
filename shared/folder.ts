import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { MinutehandError } from './errors.ts';

/*
 * Instead of `recursive: true` of Node: where a folder that exists answers ENOENT to the creation of one in it, as
 * /proc and some network drives do, that never returns, neither to the thread nor to a signal (Node 20 to 24).
 */

const held: string[] = [];

/**
 * Keeps this process from creating this folder, or a folder above it, again after it was removed: whoever has moved a
 * folder away for a while could not move it back onto a new one. An absent folder is not held.
 * @returns ends that
 */
export function holdFolder(path: string): () => void {
  const own = resolve(path);
  if (!isFolder(own)) return () => undefined;
  held.push(own);
  return () => {
    const at = held.indexOf(own);
    if (at >= 0) held.splice(at, 1);
  };
}

/** @returns the refusal to make a folder that is held, or above a held one, and is gone */
function refusalToMake(path: string): Error | null {
  if (held.length === 0) return null;
  const own = resolve(path);
  const isHeld = held.some((one) => one === own || one.startsWith(own === sep ? sep : own + sep));
  return isHeld && !isFolder(own) ? new MinutehandError('FOLDER_UNUSABLE', { seen: `${own} is gone` }) : null;
}

/**
 * Makes a folder and those above it, where they are absent.
 * @returns the highest that was made, if any.
 * @throws Error of mkdir; MinutehandError FOLDER_UNUSABLE where `holdFolder` forbids it
 */
export function makeFolder(path: string, mode?: number): string | undefined {
  const first = attempt(path, mode);
  if (first === null) return path;
  if (isFolder(path)) return undefined;
  if (codeOf(first) !== 'ENOENT' || dirname(path) === path) throw first;
  // Another process may have made the parent since; where ENOENT has another reason, the second attempt fails too.
  const highest = isFolder(dirname(path)) ? undefined : makeFolder(dirname(path), mode);
  const second = attempt(path, mode);
  if (second === null) return highest ?? path;
  if (isFolder(path)) return highest;
  throw second;
}

function attempt(path: string, mode?: number): Error | null {
  const refusal = refusalToMake(path);
  if (refusal !== null) return refusal;
  try {
    mkdirSync(path, mode);
    return null;
  } catch (error) {
    return error as Error;
  }
}

/** The same without holding this thread. */
export async function makeFolderAsync(path: string, mode?: number): Promise<string | undefined> {
  const first = await attemptAsync(path, mode);
  if (first === null) return path;
  if (await isFolderAsync(path)) return undefined;
  const parent = dirname(path);
  if (codeOf(first) !== 'ENOENT' || parent === path) throw first;
  const highest = (await isFolderAsync(parent)) ? undefined : await makeFolderAsync(parent, mode);
  const second = await attemptAsync(path, mode);
  if (second === null) return highest ?? path;
  if (await isFolderAsync(path)) return highest;
  throw second;
}

function attemptAsync(path: string, mode?: number): Promise<Error | null> {
  const refusal = refusalToMake(path);
  if (refusal !== null) return Promise.resolve(refusal);
  return mkdir(path, mode).then(
    () => null,
    (error: Error) => error,
  );
}

async function isFolderAsync(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() === true;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** @throws MinutehandError OUTPUT_UNWRITABLE */
export function makeOutputFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: folder, cause });
  }
}
