import Database from 'better-sqlite3';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { MinutehandError } from '../errors.ts';

/**
 * Takes the one place of its kind in a home. The lock is the operating system's on an open file, so it ends with the
 * process, however that ends.
 * @returns a function that gives it back
 * @throws MinutehandError HOME_LOCKED; HOME_UNUSABLE when the file cannot be made or is not a lock
 */
export function lockHome(path: string): () => void {
  let db: Database.Database | null = null;
  try {
    mkdirSync(dirname(path), { recursive: true });
    const opened = (db = new Database(path, { timeout: 0 }));
    opened.exec('BEGIN EXCLUSIVE');
    return () => void opened.close();
  } catch (cause) {
    db?.close();
    if (cause instanceof Database.SqliteError && cause.code.startsWith('SQLITE_BUSY'))
      throw new MinutehandError('HOME_LOCKED', { seen: path, cause });
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MinutehandError('HOME_UNUSABLE', { seen: `${path}: ${reason}`, cause });
  }
}
