/** The only import of better-sqlite3: every other module takes SQLite from here. */
import { createRequire } from 'node:module';
import type BetterSqlite3 from 'better-sqlite3';
import { MinutehandError } from '../errors.ts';

type SqliteModule = typeof BetterSqlite3;

/** @throws MinutehandError SQLITE_MISSING when the package or its native part does not load */
function loadSqlite(): SqliteModule {
  try {
    const loaded = createRequire(import.meta.url)('better-sqlite3') as SqliteModule;
    // Its native part is loaded with the first database.
    new loaded(':memory:').close();
    return loaded;
  } catch (cause) {
    throw sqliteMissing(cause);
  }
}

export function sqliteMissing(cause: unknown): MinutehandError {
  const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
  const { version, versions } = process;
  return new MinutehandError('SQLITE_MISSING', {
    seen: `Node ${version} (abi ${versions.modules}), better-sqlite3: ${reason}`,
    cause,
  });
}

export const Database = loadSqlite();
export type Database = BetterSqlite3.Database;
export type Statement = BetterSqlite3.Statement;
export const SqliteError = Database.SqliteError;

/** A log that one large transaction has made longer is cut to this at the next checkpoint. */
export const MAX_WAL_BYTES = 16 << 20;

/**
 * Bounds the write-ahead log of a database. SQLite reuses its bytes after a checkpoint, which comes every 4 MB, but
 * never gives back what one large transaction or one long reader has taken, unless it is told to.
 */
export function boundWal(db: Database): void {
  db.pragma(`journal_size_limit = ${MAX_WAL_BYTES}`);
}
