import Database from 'better-sqlite3';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { MinutehandError } from '../errors.ts';

/**
 * Takes the one place of its kind in a home. The lock is the operating system's on an open file, so it ends with the
 * process, however that ends.
 * @returns a function that gives it back
 * @throws MinutehandError HOME_LOCKED
 */
export function lockHome(path: string): () => void {
  mkdirSync(dirname(path), { recursive: true });
  const db = new Database(path, { timeout: 0 });
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    db.close();
    throw new MinutehandError('HOME_LOCKED', { seen: path, cause });
  }
  return () => db.close();
}
