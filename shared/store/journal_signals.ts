import Database from 'better-sqlite3';
import { existsSync } from 'node:fs';
import type { SignalBody } from '../signal/signal.ts';

/** A signal as the daemon published and journalled it. */
export interface JournalledSignal {
  readonly body: SignalBody;
  readonly generatedAtMs: number;
}

/** Looks into the signals of a journal while the daemon writes it. */
export interface JournalSignals {
  /**
   * The newest signal of this id.
   * @param within how many signals of the pair are looked through, newest first
   */
  find(pairId: string, signalId: string, within: number): JournalledSignal | null;
  /** ENTER signals published from `fromMs` on, before `toMs` (epoch ms), in order. */
  entries(fromMs: number, toMs: number): JournalledSignal[];
  close(): void;
}

interface Row {
  readonly body: string;
  readonly generatedAtMs: number;
}

/**
 * Opens a journal for looking up signals. Never writes.
 * @returns null when there is none, or none that can be read
 */
export function openJournalSignals(path: string): JournalSignals | null {
  if (!existsSync(path)) return null;
  let db: Database.Database | null = null;
  try {
    db = new Database(path, { readonly: true, timeout: 5000 });
    return lookInto(db);
  } catch (error) {
    db?.close();
    // A daemon that is just making it.
    if (error instanceof Database.SqliteError) return null;
    throw error;
  }
}

function lookInto(db: Database.Database): JournalSignals {
  // Newest first and lazily: what is asked for is nearly always among the last few.
  const byId = db.prepare(
    `SELECT body, generated_at_ms AS generatedAtMs FROM
       (SELECT signal_id, body, generated_at_ms FROM signals WHERE pair_id = ? ORDER BY signal_row DESC LIMIT ?)
     WHERE signal_id = ? LIMIT 1`,
  );
  const ends = db.prepare('SELECT min(signal_row) AS first, max(signal_row) AS last FROM signals');
  const publishedAt = db.prepare(
    'SELECT signal_row AS row, generated_at_ms AS ms FROM signals WHERE signal_row >= ? ORDER BY signal_row LIMIT 1',
  );
  const enters = db.prepare(
    `SELECT body, generated_at_ms AS generatedAtMs FROM signals
     WHERE signal_row >= ? AND generated_at_ms >= ? AND generated_at_ms < ? AND instr(body, '"action":"ENTER"') > 0 ORDER BY signal_row`,
  );

  /** The first row that was published at or after a moment, as far as the clock never went back by more than a day. */
  function rowAt(ms: number): number {
    const { first, last } = ends.get() as { first: number | null; last: number | null };
    if (first === null || last === null) return 0;
    const soughtMs = ms - 86_400_000;
    let [low, high] = [first, last + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const found = publishedAt.get(middle) as { row: number; ms: number } | undefined;
      if (found === undefined || found.ms >= soughtMs) high = middle;
      else low = found.row + 1;
    }
    return low;
  }

  return {
    find(pairId, signalId, within) {
      const row = byId.get(pairId, within, signalId) as Row | undefined;
      return row === undefined ? null : signalOf(row);
    },
    entries: (fromMs, toMs) => (enters.all(rowAt(fromMs), fromMs, toMs) as Row[]).map(signalOf),
    close: () => db.close(),
  };
}

/** The journal keeps the body without its closing brace. */
function signalOf({ body, generatedAtMs }: Row): JournalledSignal {
  return { body: JSON.parse(`${body}}`) as SignalBody, generatedAtMs };
}
