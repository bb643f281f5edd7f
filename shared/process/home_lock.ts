import { existsSync, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pauseThread } from '../durable_file.ts';
import { knownError, MinutehandError } from '../errors.ts';
import { holdFolder } from '../folder.ts';
import { createOnly } from '../outside_files.ts';
import { makePrivateFolder } from '../private_files.ts';
import { Database, SqliteError } from '../store/sqlite.ts';

/** Gives a lock back. */
export type Unlock = () => void;

/** A look of another process (`isLocked`) holds a lock for microseconds: that is no reason to fail. */
const LOOK_MS = 20;
/** A change takes some milliseconds: a disk that flushes slowly. */
const CHANGE_MS = 5000;
/** After such a wait it is no process of a kind that runs once, but one that changes the same file. */
const NEXT_OF_CHANGES =
  'Another process changes the same file. Try again; if it stays so, `minutehand status` names what runs here.';
/** Pause between two attempts. */
const POLL_MS = 5;

/**
 * Takes a lock of a home, or fails at once. The lock is the operating system's on an open file, so it ends with the
 * process, however that ends: with its last thread, when nothing of the process can write any more.
 * @param next what to do where it is held; default: that of HOME_LOCKED
 * @returns a function that releases it
 * @throws MinutehandError HOME_LOCKED; DISK_FULL; HOME_UNUSABLE when the file cannot be made or is not a lock
 */
export function lockHome(path: string, next?: string): Unlock {
  const unlock = tryLock(path);
  if (unlock === null) throw new MinutehandError('HOME_LOCKED', { seen: path, ...(next !== undefined && { next }) });
  return unlock;
}

/**
 * As lockHome, and waits for another process to release it.
 * @throws MinutehandError HOME_LOCKED when it was not free within `waitMs`; DISK_FULL, HOME_UNUSABLE
 */
export function lockHomeSoon(path: string, waitMs = LOOK_MS, next?: string): Promise<Unlock> {
  return whenUnlocked(() => lockHome(path, next), waitMs);
}

/**
 * Makes a change that takes its lock by `lockHome` before it does anything: again while another process has the lock.
 * @throws the error of the change; HOME_LOCKED when that was not free within `waitMs`
 */
export async function whenUnlocked<Result>(change: () => Result, waitMs = CHANGE_MS): Promise<Result> {
  const untilMs = performance.now() + waitMs;
  for (;;) {
    const made = unlessLocked(change, untilMs, waitMs);
    if (made !== null) return made.result;
    await sleep(POLL_MS);
  }
}

/** As whenUnlocked, blocking this thread: for processes of jobs, for whose answers nobody waits meanwhile. */
export function blockUntilUnlocked<Result>(change: () => Result, waitMs = CHANGE_MS): Result {
  const untilMs = performance.now() + waitMs;
  for (;;) {
    const made = unlessLocked(change, untilMs, waitMs);
    if (made !== null) return made.result;
    pauseThread(POLL_MS);
  }
}

/** null: locked, and the time is not over. */
function unlessLocked<Result>(
  change: () => Result,
  untilMs: number,
  waitMs: number,
): { readonly result: Result } | null {
  try {
    return { result: change() };
  } catch (error) {
    const isLockedNow = error instanceof MinutehandError && error.code === 'HOME_LOCKED';
    if (!isLockedNow) throw error;
    if (performance.now() < untilMs) return null;
    const isToldMore = error.next !== new MinutehandError('HOME_LOCKED').next;
    if (waitMs < CHANGE_MS || isToldMore) throw error;
    throw new MinutehandError('HOME_LOCKED', { seen: error.seen ?? '', next: NEXT_OF_CHANGES });
  }
}

/**
 * Returns whether a process holds the lock at this moment. Makes no folder: a home that was moved away can be moved
 * back.
 * @throws MinutehandError HOME_UNUSABLE
 */
export function isLocked(path: string): boolean {
  if (!existsSync(dirname(path))) return false;
  const unlock = tryLock(path);
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
    const unlock = tryLock(path);
    if (unlock !== null) return unlock;
    await sleep(pollMs, undefined, { signal: ending }).catch(() => undefined);
  }
  return null;
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

/** @returns null when another process has it */
function tryLock(path: string): Unlock | null {
  let db: Database | null = null;
  try {
    makePrivateFolder(dirname(path));
    const inode = lockFileOf(path);
    const opened = (db = new Database(path, { timeout: 0 }));
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
