import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { deniedPath, knownError, MinutehandError } from './errors.ts';
import { makeFolder } from './folder.ts';
import { inHeldFolder } from './held_folder.ts';
import { createFile } from './outside_files.ts';
import type { FileSystem, ReadLimits } from './ports.ts';

/** The files of this machine. */
export const MACHINE_FILES: FileSystem = {
  read: readRegular,
  write: createFile,
  sync(path) {
    const isWindows = process.platform === 'win32';
    // Windows makes names durable itself and has no fsync of a folder; for a file it requires write access.
    if (isWindows && statSync(path).isDirectory()) return;
    const file = openSync(path, isWindows ? 'r+' : 'r');
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  },
  rename(from, to) {
    if (dirname(from) !== dirname(to)) return renameSync(from, to);
    inHeldFolder(from, (held) => renameSync(held, join(dirname(held), basename(to))));
  },
  makeFolder: (path) => void makeFolder(path),
  remove(path) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // It stays: the next writer at its path reports the error.
    }
  },
  list(path) {
    try {
      return readdirSync(path, { withFileTypes: true }).map((entry) => ({
        name: entry.name,
        isFolder: entry.isDirectory(),
      }));
    } catch {
      return [];
    }
  },
  stat(path) {
    try {
      const { ino, size, mtimeMs } = statSync(path);
      return { inode: ino, bytes: size, modifiedMs: mtimeMs };
    } catch {
      return null;
    }
  },
};

/** Windows has none of these flags, nor pipes and links that would need them. */
const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 }: Partial<typeof constants> = constants;
const ANY_REGULAR: ReadLimits = { maxBytes: Infinity, followsLinks: true };

/**
 * A pipe would be waited for, and a device may never end: the file is opened without waiting, and looked at before it
 * is read.
 */
function readRegular(path: string, { maxBytes, followsLinks }: ReadLimits = ANY_REGULAR): Buffer {
  const file = openSync(path, O_RDONLY! | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW));
  try {
    const stat = fstatSync(file);
    if (stat.isDirectory()) throw errorOf('EISDIR', `${path} is a folder`);
    if (!stat.isFile()) throw errorOf('EFTYPE', `${path} is not a regular file`);
    if (stat.size > maxBytes) throw errorOf('EFBIG', `${path} has ${stat.size} bytes, more than ${maxBytes}`);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

function errorOf(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/**
 * The error of a database that this user may not open or change, by its name, or that lacks room for the log beside
 * it: SQLite's own says neither which file nor why.
 * @returns FILE_DENIED, DISK_FULL; null for another cause, or where the file may be used
 */
export function unopenedDatabase(
  path: string,
  cause: unknown,
  { readOnly }: { readonly readOnly: boolean },
): MinutehandError | null {
  const { code } = (cause ?? {}) as { code?: unknown };
  if (typeof code !== 'string' || !/^SQLITE_(?:CANTOPEN|READONLY|PERM)/.test(code)) return null;
  const { R_OK, W_OK, X_OK } = constants;
  // The log beside a database is written by its readers too.
  for (const [own, mode] of [
    [dirname(path), R_OK | W_OK | X_OK],
    [path, readOnly ? R_OK : R_OK | W_OK],
  ] as const) {
    try {
      accessSync(own, mode);
    } catch (error) {
      if (deniedPath(error) !== null) return knownError(error);
    }
  }
  return code.startsWith('SQLITE_CANTOPEN') ? noRoomBeside(path) : null;
}

/** DISK_FULL where no file can be made beside one, such as without inodes; null where it can, or for another cause. */
function noRoomBeside(path: string): MinutehandError | null {
  const trial = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  try {
    closeSync(openSync(trial, 'wx', 0o600));
    rmSync(trial);
    return null;
  } catch (error) {
    const known = knownError(error);
    return known?.code === 'DISK_FULL' ? known : null;
  }
}

/**
 * Whether a file or folder is there. One that this user may not see is not absent, as `existsSync` has it.
 * @throws MinutehandError FILE_DENIED also where symbolic links lead to themselves
 */
export function isThere(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    if (deniedPath(error) !== null) throw knownError(error)!;
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP') return false;
    throw new MinutehandError('FILE_DENIED', {
      seen: `${path} (ELOOP)`,
      next: 'Its symbolic links lead to themselves: correct them.',
      cause: error,
    });
  }
}

/**
 * What looks absent may be a file, or be in a folder, that this user may not read.
 * @throws MinutehandError FILE_DENIED
 */
export function refuseDenied(path: string): void {
  for (const own of [dirname(path), path]) {
    try {
      accessSync(own, constants.R_OK);
    } catch (error) {
      if (deniedPath(error) !== null) throw knownError(error)!;
    }
  }
}
