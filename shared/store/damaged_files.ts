/**
 * SQLite files in which this process has met damage. A query that fails reports it to its caller alone, and others may
 * still succeed from undamaged pages: without this memory a process whose database is overwritten counts as well.
 */
const damaged = new Map<string, unknown>();

const CODES = /^SQLITE_(?:CORRUPT|NOTADB)/;

/** Remembers the file if this error says that it is damaged. @param path as it was opened */
export function noteDamage(path: string, error: unknown): void {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  if (typeof code === 'string' && CODES.test(code) && !damaged.has(path)) damaged.set(path, error);
}

/** The first error by which this process knew of the damage; undefined = none was met. */
export function damageOf(path: string): unknown {
  return damaged.get(path);
}
