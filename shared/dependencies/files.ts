import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { MinutehandError } from '../errors.ts';
import type { DependencyCheck } from './watch.ts';

/** With less, the next minutes of journal and signal files may not fit. */
const MIN_FREE_BYTES = 16 * 1024 ** 2;
/** Of a small disk, such as a file system in memory for signal files alone. */
const MIN_FREE_SHARE = 1 / 8;

interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly isFolder: boolean;
}

/**
 * Checks that the file at a path is the one of the first check: a program that keeps a deleted file open writes into
 * nothing.
 */
export function fileInUse(path: string): DependencyCheck {
  let first: Identity | null = null;
  return async () => {
    const found = await identityOf(path);
    first ??= found;
    if (first === null) return;
    if (found === null) throw new MinutehandError('FILE_REPLACED', { seen: `${path} is gone` });
    if (found.dev !== first.dev || found.ino !== first.ino)
      throw new MinutehandError('FILE_REPLACED', { seen: `${path} is another file` });
  };
}

export interface FolderInUseOptions {
  /** It may be removed and made again, as long as it is on the same file system. */
  readonly mayBeRemade?: boolean;
  /** It may be absent until something is written into it. */
  readonly mayBeAbsent?: boolean;
  /** Free space below which the disk counts as full, at most an eighth of it. */
  readonly minFreeBytes?: number;
  /** Space of the disk of a path; absent: as the system tells it. */
  spaceOf?(path: string): Promise<{ readonly bavail: number; readonly blocks: number; readonly bsize: number }>;
  /**
   * Whether a folder on another file system is the same one: a mount of a network folder has a new number each time.
   */
  isSame?(): boolean;
}

/** Checks that a folder is the one of the first check, can be written, and has space on its disk. */
export function folderInUse(path: string, options: FolderInUseOptions = {}): DependencyCheck {
  const { mayBeRemade = false, mayBeAbsent = false, minFreeBytes = MIN_FREE_BYTES, isSame, spaceOf = statfs } = options;
  let first: Identity | null = null;
  return async () => {
    const found = await identityOf(path);
    if (found === null) {
      if (mayBeAbsent && first === null) return;
      throw new MinutehandError('FOLDER_UNUSABLE', { seen: `${path} is gone` });
    }
    if (!found.isFolder) throw new MinutehandError('FOLDER_UNUSABLE', { seen: `${path} is no folder` });
    first ??= found;
    if (found.dev !== first.dev && isSame?.() === true) first = found;
    if (found.dev !== first.dev)
      throw new MinutehandError('FOLDER_UNUSABLE', { seen: `${path} is on another file system than at the start` });
    if (!mayBeRemade && found.ino !== first.ino)
      throw new MinutehandError('FOLDER_UNUSABLE', { seen: `${path} is another folder than at the start` });
    try {
      await access(path, constants.W_OK);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new MinutehandError('FOLDER_UNUSABLE', { seen: `${path} cannot be written (${code})`, cause });
    }
    await requireSpace(path, minFreeBytes, 0, spaceOf);
  };
}

/**
 * Checks that a disk has space.
 * @param minFreeBytes with less it counts as full; at most an eighth of it
 * @param bytes that are to be written in addition
 * @throws MinutehandError DISK_FULL
 */
export async function requireSpace(
  path: string,
  minFreeBytes: number,
  bytes: number,
  spaceOf: NonNullable<FolderInUseOptions['spaceOf']> = statfs,
): Promise<void> {
  const { bavail, blocks, bsize } = await spaceOf(path);
  const free = bavail * bsize;
  if (free - bytes >= Math.min(minFreeBytes, blocks * bsize * MIN_FREE_SHARE)) return;
  const seen = `${path}: ${Math.floor(free / 1024)} kB free`;
  throw new MinutehandError('DISK_FULL', { seen: bytes === 0 ? seen : `${seen}, for ${Math.ceil(bytes / 1024)} kB` });
}

/** Checks that files can be read. */
export function readableFiles(paths: readonly string[]): DependencyCheck {
  return async () => {
    for (const path of paths) {
      try {
        await access(path, constants.R_OK);
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        throw new MinutehandError('FOLDER_UNUSABLE', { seen: `${path} cannot be read (${code})`, cause });
      }
    }
  };
}

async function identityOf(path: string): Promise<Identity | null> {
  try {
    const found = await stat(path, { bigint: true });
    return { dev: found.dev, ino: found.ino, isFolder: found.isDirectory() };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new MinutehandError('FOLDER_UNUSABLE', { seen: `${path} (${code})`, cause: error });
  }
}
