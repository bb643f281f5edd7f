import { existsSync, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { knownError, MinutehandError } from '../errors.ts';
import { holdFolder } from '../folder.ts';
import { createOnly } from '../outside_files.ts';
import { makePrivateFolder } from '../private_files.ts';
import { Database, SqliteError } from '../store/sqlite.ts';

/** Gives a lock back. */
export type Unlock = () => void;

/** A look of another process (`isLocked`) holds a lock for microseconds: that is no reason to fail. */
const LOOK_MS = 20;

/**
 * Takes a lock of a home. The lock is the operating system's on an open file, so it ends with the process, however that
 * ends: with its last thread, when nothing of the process can write any more.
 * @param waitMs how long to wait, blocking this thread, for another process to release it
 * @param next what to do where it is held; default: that of HOME_LOCKED
 * @returns a function that releases it
 * @throws MinutehandError HOME_LOCKED; DISK_FULL; HOME_UNUSABLE when the file cannot be made or is not a lock
 */
export function lockHome(path: string, waitMs = LOOK_MS, next?: string): Unlock {
  const unlock = tryLock(path, waitMs);
  if (unlock === null) throw new MinutehandError('HOME_LOCKED', { seen: path, ...(next !== undefined && { next }) });
  return unlock;
}

/**
 * Returns whether a process holds the lock at this moment. Makes no folder: a home that was moved away can be moved
 * back.
 * @throws MinutehandError HOME_UNUSABLE
 */
export function isLocked(path: string): boolean {
  if (!existsSync(dirname(path))) return false;
  const unlock = tryLock(path, 0);
  unlock?.();
  return unlock === null;
}

/**
 * Waits until the lock is free, and takes it. It polls every `pollMs`: the end of a killed process sends no event.
 * @returns a function that releases it; null when `ending` was aborted before
 * @throws MinutehandError HOME_UNUSABLE
 */
export async function waitForLock(path: string, pollMs: number, ending: AbortSignal): Promise<Unlock | null> {
  while (!ending.aborted) {
    const unlock = tryLock(path, 0);
    if (unlock !== null) return unlock;
    await sleep(pollMs, undefined, { signal: ending }).catch(() => undefined);
  }
  return null;
}

const SOON_POLL_MS = 5;

/**
 * As lockHome, without blocking this thread.
 * @throws MinutehandError HOME_LOCKED when it was not free within `waitMs`; DISK_FULL, HOME_UNUSABLE
 */
export async function lockHomeSoon(path: string, waitMs: number): Promise<Unlock> {
  const unlock = await waitForLock(path, SOON_POLL_MS, AbortSignal.timeout(waitMs));
  if (unlock === null) throw new MinutehandError('HOME_LOCKED', { seen: path });
  return unlock;
}

/**
 * Makes the file of a lock where it is absent. Folders of an exchange are written by others: SQLite would make, or
 * lock, whatever a link under this name leads to. An existing file is not opened: closing it would end the locks that
 * this process has on it.
 * @returns its inode
 * @throws MinutehandError HOME_UNUSABLE for anything but a regular file
 */
function lockFileOf(path: string): bigint {
  let found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) {
    createOnly(path);
    found = lstatSync(path, { bigint: true });
  }
  if (found.isFile()) return found.ino;
  throw new MinutehandError('HOME_UNUSABLE', {
    seen: `${path}: ${found.isSymbolicLink() ? 'it is a link' : 'it is no regular file'}`,
    next: 'Find out who has put it there, and remove it.',
  });
}

/** A lock whose file is garbage-collected is closed and lost: each is referenced until it is released. */
const held = new Set<Database>();

/** @returns null when another process has it, after blocking this thread for `timeoutMs` */
function tryLock(path: string, timeoutMs: number): Unlock | null {
  let db: Database | null = null;
  try {
    makePrivateFolder(dirname(path));
    const inode = lockFileOf(path);
    const opened = (db = new Database(path, { timeout: timeoutMs }));
    // Without a journal on the disk, which needs a page that a full one does not have.
    opened.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    if (lockFileOf(path) !== inode) throw new Error('the file was exchanged while it was opened');
    held.add(opened);
    const release = holdFolder(dirname(path));
    return () => {
      release();
      held.delete(opened);
      opened.close();
    };
  } catch (cause) {
    db?.close();
    if (cause instanceof SqliteError && cause.code.startsWith('SQLITE_BUSY')) return null;
    throw lockFault(path, cause);
  }
}

/** Why a lock file cannot be used: DISK_FULL where that is the reason, else HOME_UNUSABLE. */
export function lockFault(path: string, cause: unknown): MinutehandError {
  if (cause instanceof MinutehandError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const code = knownError(cause)?.code === 'DISK_FULL' ? 'DISK_FULL' : 'HOME_UNUSABLE';
  return new MinutehandError(code, { seen: `${path}: ${reason}`, cause });
}
