import { dirname } from 'node:path';
import { pauseThread } from '../durable_file.ts';
import { MinutehandError } from '../errors.ts';
import { unopenedDatabase, isThere } from '../files.ts';
import { makePrivateFolder } from '../private_files.ts';
import { isDatabaseDamage } from './damaged_files.ts';
import { boundWal, Database, SqliteError } from './sqlite.ts';

/**
 * Inputs of the daemon in the order of their effect, and its answers. The order is the rowid of `inputs`; a signal
 * names the last input before it. The trainer reads the bars of the same file.
 */
const TABLES = `
  CREATE TABLE IF NOT EXISTS boots (
    boot_id TEXT PRIMARY KEY, market TEXT NOT NULL, feature_schema TEXT NOT NULL, policy_hash TEXT NOT NULL, started_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS policies (policy_hash TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS inputs (
    input_id INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, time INTEGER NOT NULL,
    open REAL, high REAL, low REAL, close REAL, volume REAL, spread REAL, backfill INTEGER NOT NULL,
    taker_buy_volume REAL, trades REAL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS inputs_by_subject ON inputs (subject, time) WHERE kind = 'bar';
  CREATE INDEX IF NOT EXISTS inputs_by_time ON inputs (time);
  CREATE INDEX IF NOT EXISTS inputs_of_halts ON inputs (input_id) WHERE kind = 'halts';
  CREATE INDEX IF NOT EXISTS inputs_of_news ON inputs (input_id) WHERE kind = 'news';
  CREATE INDEX IF NOT EXISTS inputs_of_rules ON inputs (input_id) WHERE kind = 'rule';
  CREATE INDEX IF NOT EXISTS inputs_of_boots ON inputs (input_id) WHERE kind = 'boot';
  CREATE INDEX IF NOT EXISTS inputs_of_leases ON inputs (input_id) WHERE kind = 'lease' AND subject <> '';
  CREATE INDEX IF NOT EXISTS inputs_of_earlier ON inputs (input_id) WHERE kind = 'earlier';
  CREATE INDEX IF NOT EXISTS inputs_of_series ON inputs (time) WHERE kind = 'series';
  CREATE TABLE IF NOT EXISTS signals (
    signal_row INTEGER PRIMARY KEY, after_input INTEGER NOT NULL, boot_id TEXT NOT NULL, seq INTEGER NOT NULL, pair_id TEXT NOT NULL,
    time INTEGER NOT NULL, signal_id TEXT NOT NULL, body TEXT NOT NULL, features_crc TEXT, risk_prob REAL, position TEXT NOT NULL,
    generated_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS signals_by_time ON signals (time);
  CREATE INDEX IF NOT EXISTS signals_by_pair ON signals (pair_id, signal_row);
  CREATE TABLE IF NOT EXISTS shadow_signals (
    shadow_row INTEGER PRIMARY KEY, signal_id TEXT NOT NULL, pair_id TEXT NOT NULL, time INTEGER NOT NULL, model_version TEXT NOT NULL,
    body TEXT NOT NULL, risk_prob REAL, position TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS shadow_signals_by_time ON shadow_signals (time);
  CREATE INDEX IF NOT EXISTS shadow_signals_by_pair ON shadow_signals (pair_id, shadow_row);
  CREATE TABLE IF NOT EXISTS feed_position (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), position TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS pruned_signals (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1), signal_row INTEGER NOT NULL, after_input INTEGER NOT NULL, last TEXT NOT NULL
  ) STRICT;
`;

/** For the tables of a file that is being created. */
const TABLES_WAIT_MS = 1000;
const TABLES_POLL_MS = 20;

/**
 * Opens the database of a journal, creating it when `readOnly` is not set.
 * @throws MinutehandError JOURNAL_WRITE, JOURNAL_DAMAGED, DATA_MISSING
 */
export function openDatabase(path: string, readOnly: boolean): Database {
  if (readOnly && !isThere(path)) {
    throw new MinutehandError('DATA_MISSING', {
      seen: path,
      next: 'Start the daemon first, or name its journal file.',
    });
  }
  let db: Database | null = null;
  try {
    if (!readOnly) makePrivateFolder(dirname(path));
    db = new Database(path, { readonly: readOnly, timeout: 5000 });
    if (readOnly) {
      waitForTables(db, path);
      db.prepare('SELECT 1 FROM inputs, signals, boots LIMIT 1').get();
    } else {
      db.pragma('journal_mode = WAL');
      boundWal(db);
      // A killed process loses nothing that was committed; only a power cut may lose the last moments.
      db.pragma('synchronous = NORMAL');
      // At once: a reader sees all tables or none.
      db.exec(`BEGIN; ${TABLES} COMMIT;`);
      addFlowColumns(db);
    }
    return db;
  } catch (cause) {
    db?.close();
    if (cause instanceof MinutehandError) throw cause;
    const unopened = unopenedDatabase(path, cause, { readOnly });
    if (unopened !== null) throw unopened;
    const isNoJournal = cause instanceof SqliteError && /^SQLITE_(NOTADB|CORRUPT|ERROR)/.test(cause.code);
    throw new MinutehandError(isNoJournal ? 'JOURNAL_DAMAGED' : readOnly ? 'JOURNAL_READ' : 'JOURNAL_WRITE', {
      seen: `${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}

/** A daemon that starts for the first time creates the file before its tables. @throws MinutehandError DATA_MISSING */
function waitForTables(db: Database, path: string): void {
  const tables = db.prepare("SELECT count(*) FROM sqlite_master WHERE type = 'table'").pluck();
  for (let waitedMs = 0; tables.get() === 0; waitedMs += TABLES_POLL_MS) {
    if (waitedMs >= TABLES_WAIT_MS)
      throw new MinutehandError('DATA_MISSING', {
        seen: `${path} is empty: its daemon has not created the tables yet`,
        next: 'Try again in some seconds, or start the daemon.',
      });
    pauseThread(TABLES_POLL_MS);
  }
}

/** A journal of an earlier version has bars without taker volume and trades. */
function addFlowColumns(db: Database): void {
  const columns = db.pragma('table_info(inputs)') as readonly { readonly name: string }[];
  for (const name of ['taker_buy_volume', 'trades'])
    if (!columns.some((column) => column.name === name)) db.exec(`ALTER TABLE inputs ADD COLUMN ${name} REAL`);
}

/** Runs what writes. @throws MinutehandError JOURNAL_WRITE, or JOURNAL_DAMAGED for a file that is no whole database */
export function writing(path: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    throw new MinutehandError(isDatabaseDamage(cause) ? 'JOURNAL_DAMAGED' : 'JOURNAL_WRITE', {
      seen: `${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}

/**
 * A commit that survives a power cut, and with it all before. For what is rare and must not be taken back: a boot,
 * which could be followed by one that sorts before it, a change of the halts, whose file a power cut may undo as
 * well, and a change of the policy.
 */
export function durably(db: Database, work: () => void): void {
  db.pragma('synchronous = FULL');
  try {
    work();
  } finally {
    db.pragma('synchronous = NORMAL');
  }
}
