import type { InstrumentBody } from '../../../shared/signal/instrument_signal.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import { Database, SqliteError } from '../../../shared/store/sqlite.ts';
import { isThere } from '../../../shared/files.ts';

/** A signal as published and journaled by the daemon. */
export interface JournaledSignal {
  readonly body: SignalBody;
  readonly generatedAtMs: number;
}

/** What a direction model answered to a bar. */
export interface JournaledDirection {
  /** Up, down, range. */
  readonly probabilities: readonly [number, number, number];
  /** NaN: not known, or no candidate of an entry. */
  readonly novelty: number;
}

/** Looks up signals in a journal while the daemon writes it. */
export interface JournalSignals {
  /** Signals of a pair by id, published from `fromMs` to `toMs` (epoch ms), with a tolerance of an hour. */
  find(pairId: string, signalIds: readonly string[], fromMs: number, toMs: number): JournaledSignal[];
  /** ENTER signals published from `fromMs` until before `toMs` (epoch ms), in order. */
  entries(fromMs: number, toMs: number): JournaledSignal[];
  /** The last signal of each subject that bars still come for. */
  newest(): JournaledSignal[];
  /** The minutes (bar opens) among `minutes` at which the pair was answered by models of this version. */
  spokenBy(modelVersion: string, pairId: string, minutes: readonly number[]): Set<number>;
  /** What an instrument's model of this version answered at these minutes. */
  answersBy(modelVersion: string, instrumentId: string, minutes: readonly number[]): Map<number, JournaledDirection>;
  close(): void;
}

/** Tolerance for clock changes and for differences between machines. */
const CLOCK_MS = 3_600_000;
/** Signals of 1,000 subjects for several bars. */
const NEWEST_ROWS = 5000;

interface Row {
  readonly body: string;
  readonly generatedAtMs: number;
}

/**
 * Opens a journal for looking up signals. Never writes.
 * @returns null if it is absent or unreadable
 */
export function openJournalSignals(path: string): JournalSignals | null {
  if (!isThere(path)) return null;
  let db: Database | null = null;
  try {
    db = new Database(path, { readonly: true, timeout: 5000 });
    return lookInto(db);
  } catch (error) {
    db?.close();
    // A daemon is just creating it.
    if (error instanceof SqliteError) return null;
    throw error;
  }
}

function lookInto(db: Database): JournalSignals {
  // There is no index by id: it would cost the daemon time at every bar, and is needed only at a trade.
  const byId = db.prepare(
    `SELECT body, generated_at_ms AS generatedAtMs FROM signals
     WHERE pair_id = ? AND signal_row >= ? AND signal_row < ? AND signal_id IN (SELECT value FROM json_each(?)) ORDER BY signal_row`,
  );
  const ends = db.prepare('SELECT min(signal_row) AS first, max(signal_row) AS last FROM signals');
  const publishedAt = db.prepare(
    'SELECT signal_row AS row, generated_at_ms AS ms FROM signals WHERE signal_row >= ? ORDER BY signal_row LIMIT 1',
  );
  const enters = db.prepare(
    `SELECT body, generated_at_ms AS generatedAtMs FROM signals
     WHERE signal_row >= ? AND signal_row < ? AND generated_at_ms >= ? AND generated_at_ms < ? AND instr(body, '"action":"ENTER"') > 0
     ORDER BY signal_row`,
  );
  const last = db.prepare(
    `SELECT body, generated_at_ms AS generatedAtMs FROM signals
     WHERE signal_row IN (SELECT max(signal_row) FROM signals WHERE signal_row > ? GROUP BY pair_id) ORDER BY signal_row`,
  );
  // The unary plus makes SQLite look up the minutes instead of scanning all signals of the pair.
  const spoken = db.prepare(
    `SELECT time, body FROM signals WHERE time IN (SELECT value FROM json_each(?)) AND +pair_id = ? AND instr(body, ?) > 0`,
  );

  /** The first row published at or after `ms`, assuming that the clock never stepped back. */
  function rowAt(ms: number): number {
    const { first, last } = ends.get() as { first: number | null; last: number | null };
    if (first === null || last === null) return 0;
    let low = first;
    let high = last + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const found = publishedAt.get(middle) as { row: number; ms: number } | undefined;
      if (found === undefined || found.ms >= ms) high = middle;
      else low = found.row + 1;
    }
    return low;
  }

  const answered = (modelVersion: string, pairId: string, minutes: readonly number[]) =>
    spoken.all(JSON.stringify(minutes), pairId, `"model_version":${JSON.stringify(modelVersion)}`) as {
      readonly time: number;
      readonly body: string;
    }[];

  return {
    find: (pairId, signalIds, fromMs, toMs) =>
      (byId.all(pairId, rowAt(fromMs - CLOCK_MS), rowAt(toMs + CLOCK_MS), JSON.stringify(signalIds)) as Row[]).map(
        signalOf,
      ),
    entries: (fromMs, toMs) =>
      (enters.all(rowAt(fromMs - CLOCK_MS), rowAt(toMs + CLOCK_MS), fromMs, toMs) as Row[]).map(signalOf),
    newest() {
      const { last: end } = ends.get() as { last: number | null };
      return end === null ? [] : (last.all(end - NEWEST_ROWS) as Row[]).map(signalOf);
    },
    spokenBy: (modelVersion, pairId, minutes) =>
      new Set(answered(modelVersion, pairId, minutes).map(({ time }) => time)),
    answersBy: (modelVersion, instrumentId, minutes) =>
      new Map(
        answered(modelVersion, instrumentId, minutes).flatMap(({ time, body }) => {
          const { ml_up_prob, ml_down_prob, ml_range_prob, novelty } = JSON.parse(`${body}}`) as InstrumentBody;
          if (ml_up_prob === null || ml_down_prob === null || ml_range_prob === null) return [];
          const probabilities = [ml_up_prob, ml_down_prob, ml_range_prob] as const;
          return [[time, { probabilities, novelty: novelty ?? NaN }] as const];
        }),
      ),
    close: () => db.close(),
  };
}

/** The journal keeps the body without its closing brace. */
function signalOf({ body, generatedAtMs }: Row): JournaledSignal {
  return { body: JSON.parse(`${body}}`) as SignalBody, generatedAtMs };
}
