import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/*
 * Instead of `recursive: true` of Node: where a folder that exists answers ENOENT to the creation of one in it, as
 * /proc and some network drives do, that never returns, neither to the thread nor to a signal (Node 20 to 24).
 */

/**
 * Makes a folder and those above it, where they are absent.
 * @returns the highest that was made, if any.
 * @throws Error of mkdir
 */
export function makeFolder(path: string, mode?: number): string | undefined {
  try {
    mkdirSync(path, mode);
    return path;
  } catch (error) {
    if (isFolder(path)) return undefined;
    if (codeOf(error) !== 'ENOENT' || isFolder(dirname(path)) || dirname(path) === path) throw error;
  }
  const highest = makeFolder(dirname(path), mode);
  return makeFolder(path, mode) === undefined ? highest : (highest ?? path);
}

/** The same without holding this thread. */
export async function makeFolderAsync(path: string, mode?: number): Promise<string | undefined> {
  try {
    await mkdir(path, mode);
    return path;
  } catch (error) {
    const isThere = async (folder: string): Promise<boolean> =>
      (await stat(folder).catch(() => null))?.isDirectory() === true;
    if (await isThere(path)) return undefined;
    if (codeOf(error) !== 'ENOENT' || (await isThere(dirname(path))) || dirname(path) === path) throw error;
  }
  const highest = await makeFolderAsync(dirname(path), mode);
  return (await makeFolderAsync(path, mode)) === undefined ? highest : (highest ?? path);
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
