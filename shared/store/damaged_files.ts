import { knownError } from '../errors.ts';

/**
 * SQLite files in which this process has met damage. A query that fails reports it to its caller alone, and others may
 * still succeed from undamaged pages: without this memory a process whose database is overwritten counts as well.
 */
const damaged = new Map<string, unknown>();

/** Whether an error of SQLite says that the bytes of a database, or those of its write-ahead log, are damaged. */
export function isDatabaseDamage(error: unknown): boolean {
  return knownError(error)?.code === 'DATABASE_DAMAGED';
}

/** Remembers the file if this error says that it is damaged. @param path as it was opened */
export function noteDamage(path: string, error: unknown): void {
  if (isDatabaseDamage(error) && !damaged.has(path)) damaged.set(path, error);
}

/** The first error by which this process knew of the damage; undefined = none was met. */
export function damageOf(path: string): unknown {
  return damaged.get(path);
}
