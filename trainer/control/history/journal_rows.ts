import type { MarketKind } from '../../../shared/signal/signal.ts';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MinutehandError } from '../../../shared/errors.ts';
import { unopenedDatabase, isThere } from '../../../shared/files.ts';
import { signalFingerprint } from '../../../shared/store/journal.ts';
import { signalRow, type SignalRow } from './signal_row.ts';
import { Database, SqliteError, type Statement } from '../../../shared/store/sqlite.ts';

/** A journal file of this home. */
export interface JournalFile {
  readonly path: string;
  readonly market: MarketKind;
}

export interface JournaledRow {
  /** Row number in the journal. */
  readonly signalRow: number;
  readonly fingerprint: string;
  readonly signal: SignalRow;
}

/**
 * Reads the signals of a journal while its daemon writes it. Every call is a short separate transaction, so that no
 * checkpoint of the daemon is delayed.
 */
export interface JournalRows {
  /** Signals after a row, oldest first. */
  after(signalRow: number, limit: number): JournaledRow[];
  /** Fingerprint of a row; null if it does not exist (any more). */
  fingerprintOf(signalRow: number): string | null;
  /** The first remaining row; null if there is none. */
  first(): number | null;
  close(): void;
}

/** All journals of daemons in this home, including former shards. */
export function journalFiles(home: string): JournalFile[] {
  let names: string[];
  try {
    names = readdirSync(home);
  } catch {
    return [];
  }
  return names.sort().flatMap((name) => {
    const market = /^(live|simulated)_.+\.db$/.exec(name)?.[1];
    return market === undefined ? [] : [{ path: join(home, name), market: market as JournalFile['market'] }];
  });
}

interface StoredSignal {
  signal_row: number;
  boot_id: string;
  seq: number;
  pair_id: string;
  time: number;
  signal_id: string;
  body: string;
  features_crc: string | null;
  risk_prob: number | null;
  generated_at_ms: number;
}

const COLUMNS =
  'signal_row, boot_id, seq, pair_id, time, signal_id, body, features_crc, risk_prob, generated_at_ms FROM signals';

/**
 * Opens a journal for copying its signals. Never writes.
 * @returns null if it is absent, or is just being created
 * @throws MinutehandError JOURNAL_READ if it exists but cannot be read
 */
export function openJournalRows({ path, market }: JournalFile): JournalRows | null {
  if (!isThere(path)) return null;
  const db = reading(path, () => new Database(path, { readonly: true, timeout: 5000 }));
  if (db === null) return null;
  let statements: { after: Statement; at: Statement; first: Statement } | null;
  try {
    statements = reading(path, () => ({
      after: db.prepare(`SELECT ${COLUMNS} WHERE signal_row > ? ORDER BY signal_row LIMIT ?`),
      at: db.prepare(`SELECT ${COLUMNS} WHERE signal_row = ?`),
      first: db.prepare('SELECT min(signal_row) AS first FROM signals'),
    }));
  } catch (error) {
    db.close();
    throw error;
  }
  if (statements === null) {
    db.close();
    return null;
  }
  const { after, at, first } = statements;
  return {
    after: (row, limit) =>
      (reading(path, () => after.all(row, limit) as StoredSignal[]) ?? []).map((stored) => ({
        signalRow: stored.signal_row,
        fingerprint: signalFingerprint(stored),
        signal: toSignal(stored, market),
      })),
    fingerprintOf(row) {
      const stored = reading(path, () => at.get(row) as StoredSignal | undefined);
      return stored === null || stored === undefined ? null : signalFingerprint(stored);
    },
    first: () => reading(path, () => first.get() as { first: number | null })?.first ?? null,
    close: () => db.close(),
  };
}

function reading<Result>(path: string, read: () => Result): Result | null {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof SqliteError)) throw cause;
    if (/no such table/.test(cause.message)) return null;
    const unopened = unopenedDatabase(path, cause, { readOnly: true });
    throw unopened ?? new MinutehandError('JOURNAL_READ', { seen: `${path}: ${cause.message}`, cause });
  }
}

function toSignal({ body, time, ...stored }: StoredSignal, market: string): SignalRow {
  const { generated_at_ms, pair_id, boot_id, seq, risk_prob, features_crc } = stored;
  return signalRow(body, {
    market,
    generated_at_ms,
    pair_id,
    boot_id,
    seq,
    bar_time: time,
    risk_prob,
    features_crc,
  });
}
