import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Bar, OpenTime } from '../bar.ts';
import { MinutehandError } from '../errors.ts';
import { makePrivateFolder } from '../private_files.ts';
import type { Pair } from '../pair.ts';
import { Database, SqliteError, type Statement } from './sqlite.ts';

/**
 * What took effect on the daemon, in that order, and what it answered. The order is the rowid of `inputs`; a signal names
 * the last input before it. The trainer reads the bars of the same file.
 */
const TABLES = `
  CREATE TABLE IF NOT EXISTS boots (
    boot_id TEXT PRIMARY KEY, market TEXT NOT NULL, feature_schema TEXT NOT NULL, policy_hash TEXT NOT NULL, started_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS inputs (
    input_id INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, time INTEGER NOT NULL,
    open REAL, high REAL, low REAL, close REAL, volume REAL, spread REAL, backfill INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS inputs_by_subject ON inputs (subject, time) WHERE kind = 'bar';
  CREATE INDEX IF NOT EXISTS inputs_by_time ON inputs (time);
  CREATE INDEX IF NOT EXISTS inputs_of_halts ON inputs (input_id) WHERE kind = 'halts';
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

export type InputKind =
  | 'bar'
  | 'empty'
  | 'suspect'
  | 'timeout'
  | 'silence'
  | 'silence_halt'
  | 'shutdown'
  | 'swap'
  | 'halts'
  | 'degraded'
  | 'recovered'
  | 'boot';

/**
 * One thing that took effect: a bar or an empty minute of a symbol, the mark of a bar that was held back as suspect, a leg time-out of a pair, a heartbeat of its silence or of the
 * daemon's end, a swap to a version, a change of the halts, a degradation or its end, a boot.
 */
export interface InputRow {
  readonly kind: InputKind;
  /**
   * By kind: symbol, pair id, model version (empty: no models any more), all halts that stand from here on (`standingText` of
   * shared/bundle/halts.ts), what is degraded, or boot id.
   */
  readonly subject: string;
  readonly time: OpenTime;
  readonly bar: Bar | null;
  readonly backfill: boolean;
}

export interface SignalRow {
  readonly bootId: string;
  readonly seq: number;
  readonly pairId: string;
  readonly time: OpenTime;
  readonly signalId: string;
  /** The deterministic part of the signal, as encodeBody gives it. */
  readonly body: string;
  /** CRC-32 of the pair's feature values (float64, little endian); null when the bar moved no features. */
  readonly featuresCrc: string | null;
  readonly riskProb: number | null;
  /** The virtual position after the bar, as JSON. */
  readonly position: string;
  readonly generatedAtMs: number;
}

/** What the shadow set would have said in the place of a published signal. */
export interface ShadowRow {
  /** Of the published signal. */
  readonly signalId: string;
  readonly pairId: string;
  readonly time: OpenTime;
  readonly modelVersion: string;
  readonly body: string;
  readonly riskProb: number | null;
  /** The shadow's own virtual position after the bar, as JSON. */
  readonly position: string;
}

export interface BootRow {
  readonly bootId: string;
  readonly market: string;
  readonly featureSchema: string;
  readonly policyHash: string;
  readonly startedMs: number;
}

interface StoredInput {
  kind: InputKind;
  subject: string;
  time: OpenTime;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  spread: number | null;
  backfill: 0 | 1;
}

/** What a replay of the inputs must give again, to the byte. */
export interface AnsweredSignal {
  readonly pairId: string;
  readonly time: OpenTime;
  readonly body: string;
  readonly featuresCrc: string | null;
  readonly position: string;
}

export interface LastSignal {
  readonly pairId: string;
  readonly time: OpenTime;
  readonly position: string;
}

export interface JournalStore {
  /**
   * Stores all or nothing, inputs before signals.
   * @param feedPosition where a feed that remembers stands behind these inputs, in its own words; none = where it stood
   * @throws MinutehandError JOURNAL_WRITE
   */
  append(
    inputs: readonly InputRow[],
    signals: readonly SignalRow[],
    shadows?: readonly ShadowRow[],
    feedPosition?: string | null,
  ): void;
  /** The newest one that was stored; null when there is none. */
  feedPosition(): string | null;
  /** Survives a power cut, and with it all that was stored before. @throws MinutehandError JOURNAL_WRITE */
  addBoot(boot: BootRow): void;
  lastBoot(): BootRow | null;
  /** The newest signal of each pair. */
  lastSignals(): LastSignal[];
  /** The newest answer of each pair by the shadow set of this version. */
  lastShadows(modelVersion: string): LastSignal[];
  /** The halts that stood at the end, in the words of their row; empty when there are none. They outlive boots. */
  lastHalts(): string;
  /** All answers of shadow sets, in order. */
  shadows(): IterableIterator<ShadowRow>;
  /**
   * Open time of the oldest of the last `count` minutes up to `until` that moved the pair's features: both legs have
   * them, none of the two bars was suspect, and they were not given up before the second leg came. When there are fewer: of the oldest minute
   * that both legs have and that was not given up, suspect or not; null when there is none.
   */
  commonMinuteBefore(pair: Pair, count: number, until: OpenTime): OpenTime | null;
  /** Open time of the `count`-th last bar of a symbol up to `until`; of its first when there are fewer, null when there is none. */
  barBefore(symbol: string, count: number, until: OpenTime): OpenTime | null;
  /** All inputs from minute `from` on, in the order in which they took effect. */
  inputsFrom(from: OpenTime): IterableIterator<InputRow>;
  /** All signals in the order in which they were published. */
  signals(): IterableIterator<AnsweredSignal>;
  /** Symbols with bars, and the open of their last one. */
  lastBars(): Map<string, OpenTime>;
  /** Bars of the symbol that has most. */
  mostBars(): number;
  /** The bars of one symbol in ascending time, from `from` on and before `to`; no others are read. */
  bars(symbol: string, from?: OpenTime, to?: OpenTime): IterableIterator<Bar>;
  /** Forgets inputs and signals of minutes before `time`, but not which halts stood then. @throws MinutehandError JOURNAL_WRITE */
  forgetBefore(time: OpenTime): void;
  /**
   * Gives `read` a store whose contents are those of one moment (one read transaction), whatever other connections write meanwhile.
   * Nothing may be written to either store until it resolves.
   */
  snapshot<T>(read: (store: JournalStore) => Promise<T>): Promise<T>;
  close(): void;
}

/** What `prune` may delete. */
export interface PruneBounds {
  /** Row of the last signal that may go. */
  readonly throughRow: number;
  readonly publishedBeforeMs: number;
}

/** What pruning has passed so far. */
export interface PrunedSignals {
  /** Signals up to this row are gone, but for the newest of each pair. */
  readonly signalRow: number;
  /** The last input before that signal. All inputs stay. */
  readonly afterInput: number;
  /** The last signal of each pair up to there. */
  readonly last: readonly LastSignal[];
}

/** A journal on disk. */
export interface JournalFile extends JournalStore {
  /** @param ids input ids after `after` and up to `through` only */
  inputsFrom(from: OpenTime, ids?: { readonly after?: number; readonly through?: number }): IterableIterator<InputRow>;
  /** @param afterRow signals behind this row only */
  signals(afterRow?: number): IterableIterator<AnsweredSignal>;
  /** null when nothing was ever pruned. */
  pruned(): PrunedSignals | null;
  /**
   * Deletes the oldest signals within the bounds and the shadow answers of their minutes, in one transaction. Inputs stay, and so does the newest
   * signal of each pair, which has its position. Their pages are used again; the file does not shrink.
   * @param limit signals at most
   * @returns how many signals were passed; 0 when none is left within the bounds
   * @throws MinutehandError JOURNAL_WRITE
   */
  prune(bounds: PruneBounds, limit: number): number;
  /** See `signalFingerprint`; null when the row is not there. */
  fingerprintOf(signalRow: number): string | null;
}

/** Tells a signal of one journal from the one in the same row of another. */
export function signalFingerprint(row: {
  readonly boot_id: string;
  readonly pair_id: string;
  readonly seq: number;
  readonly signal_id: string;
  readonly generated_at_ms: number;
}): string {
  return `${row.boot_id}/${row.pair_id}/${row.seq}/${row.signal_id}/${row.generated_at_ms}`;
}

/**
 * Opens the journal file, creating it when `readOnly` is not set.
 * @throws MinutehandError JOURNAL_WRITE when it cannot be opened, JOURNAL_DAMAGED when it is no journal, DATA_MISSING when
 * it is to be read only and is not there
 */
export function openJournal(path: string, options: { readOnly?: boolean } = {}): JournalFile {
  const db = openDatabase(path, options.readOnly === true);
  const insertInput = (): Statement =>
    db.prepare(
      'INSERT INTO inputs (kind, subject, time, open, high, low, close, volume, spread, backfill) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
  const insertSignal = (): Statement =>
    db.prepare(
      `INSERT INTO signals (after_input, boot_id, seq, pair_id, time, signal_id, body, features_crc, risk_prob, position, generated_at_ms)
       VALUES ((SELECT coalesce(max(input_id), 0) FROM inputs), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
  const insertShadow = (): Statement =>
    db.prepare(
      'INSERT INTO shadow_signals (signal_id, pair_id, time, model_version, body, risk_prob, position) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
  let input: Statement | null = null;
  let signal: Statement | null = null;
  let shadow: Statement | null = null;
  let position: Statement | null = null;
  /**
   * A commit that survives a power cut, and with it all before. For what is rare and must not be taken back: a boot, which could be followed by
   * one that sorts before it, and a change of the halts, whose file a power cut may undo as well.
   */
  const durably = (work: () => void): void => {
    db.pragma('synchronous = FULL');
    try {
      work();
    } finally {
      db.pragma('synchronous = NORMAL');
    }
  };
  const appendAll = db.transaction(
    (
      inputs: readonly InputRow[],
      signals: readonly SignalRow[],
      shadows: readonly ShadowRow[],
      feedPosition: string | null,
    ) => {
      input ??= insertInput();
      signal ??= insertSignal();
      shadow ??= insertShadow();
      for (const { kind, subject, time, bar, backfill } of inputs) {
        input.run(
          kind,
          subject,
          time,
          bar?.open,
          bar?.high,
          bar?.low,
          bar?.close,
          bar?.volume,
          bar?.spread,
          backfill ? 1 : 0,
        );
      }
      for (const s of signals) {
        signal.run(
          s.bootId,
          s.seq,
          s.pairId,
          s.time,
          s.signalId,
          s.body,
          s.featuresCrc,
          s.riskProb,
          s.position,
          s.generatedAtMs,
        );
      }
      for (const s of shadows) shadow.run(s.signalId, s.pairId, s.time, s.modelVersion, s.body, s.riskProb, s.position);
      if (feedPosition === null) return;
      position ??= db.prepare('INSERT OR REPLACE INTO feed_position VALUES (1, ?)');
      position.run(feedPosition);
    },
  );
  const writing = (work: () => void): void => {
    try {
      work();
    } catch (cause) {
      throw new MinutehandError('JOURNAL_WRITE', {
        seen: `${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
        cause,
      });
    }
  };
  const pruned = (): PrunedSignals | null => {
    // A journal of an older version that is opened to be read does not have the table.
    if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'pruned_signals'").get() === undefined) return null;
    const row = db
      .prepare('SELECT signal_row AS signalRow, after_input AS afterInput, last FROM pruned_signals')
      .get() as { signalRow: number; afterInput: number; last: string } | undefined;
    return row === undefined ? null : { ...row, last: JSON.parse(row.last) as LastSignal[] };
  };
  const prune = db.transaction(({ throughRow, publishedBeforeMs }: PruneBounds, limit: number): number => {
    const before = pruned();
    const rows = db.prepare(SIGNALS_TO_PRUNE).all(before?.signalRow ?? 0, throughRow, limit) as PrunableSignal[];
    const kept = rows.findIndex(({ generatedAtMs }) => generatedAtMs >= publishedBeforeMs);
    const passed = kept < 0 ? rows : rows.slice(0, kept);
    const end = passed.at(-1);
    if (end === undefined) return 0;
    const last = new Map(before?.last.map((signal) => [signal.pairId, signal]));
    for (const { pairId, time, position } of passed) last.set(pairId, { pairId, time, position });
    const newest = JSON.stringify(db.prepare(NEWEST_ROWS).pluck().all());
    db.prepare(
      'DELETE FROM signals WHERE signal_row > ? AND signal_row <= ? AND signal_row NOT IN (SELECT value FROM json_each(?))',
    ).run(before?.signalRow ?? 0, end.signalRow, newest);
    db.prepare(SHADOWS_TO_PRUNE).run(end.time, limit);
    db.prepare('INSERT OR REPLACE INTO pruned_signals VALUES (1, ?, ?, ?)').run(
      end.signalRow,
      end.afterInput,
      JSON.stringify([...last.values()]),
    );
    return passed.length;
  });
  const store: JournalFile = {
    append: (inputs, signals, shadows = [], feedPosition = null) =>
      writing(() => {
        const store = (): void => appendAll(inputs, signals, shadows, feedPosition);
        if (inputs.some(({ kind }) => kind === 'halts')) durably(store);
        else store();
      }),
    feedPosition: () =>
      (db.prepare('SELECT position FROM feed_position').get() as { position: string } | undefined)?.position ?? null,
    addBoot: ({ bootId, market, featureSchema, policyHash, startedMs }) =>
      writing(() =>
        durably(
          () =>
            void db
              .prepare('INSERT INTO boots VALUES (?, ?, ?, ?, ?)')
              .run(bootId, market, featureSchema, policyHash, startedMs),
        ),
      ),
    lastBoot: () =>
      (db
        .prepare(
          'SELECT boot_id AS bootId, market, feature_schema AS featureSchema, policy_hash AS policyHash, started_ms AS startedMs FROM boots ORDER BY boot_id DESC LIMIT 1',
        )
        .get() as BootRow | undefined) ?? null,
    lastSignals: () =>
      db
        .prepare(
          'SELECT pair_id AS pairId, time, position FROM signals WHERE signal_row IN (SELECT max(signal_row) FROM signals GROUP BY pair_id)',
        )
        .all() as LastSignal[],
    lastShadows: (modelVersion) =>
      db
        .prepare(
          `SELECT pair_id AS pairId, time, position FROM shadow_signals WHERE shadow_row IN
             (SELECT max(shadow_row) FROM shadow_signals WHERE model_version = ? GROUP BY pair_id)`,
        )
        .all(modelVersion) as LastSignal[],
    lastHalts: () =>
      (
        db.prepare("SELECT subject FROM inputs WHERE kind = 'halts' ORDER BY input_id DESC LIMIT 1").get() as
          { subject: string } | undefined
      )?.subject ?? '',
    *shadows() {
      const rows = db.prepare(
        'SELECT signal_id AS signalId, pair_id AS pairId, time, model_version AS modelVersion, body, risk_prob AS riskProb, position FROM shadow_signals ORDER BY shadow_row',
      );
      yield* rows.iterate() as IterableIterator<ShadowRow>;
    },
    commonMinuteBefore: (pair, count, until) => {
      const common = `
        SELECT a.time FROM inputs a WHERE a.kind = 'bar' AND a.subject = ? AND a.time <= ?
        AND EXISTS (SELECT 1 FROM inputs b WHERE b.kind = 'bar' AND b.subject = ? AND b.time = a.time)
        AND NOT EXISTS (SELECT 1 FROM inputs t WHERE t.kind = 'timeout' AND t.subject = ? AND t.time = a.time)`;
      const ofPair = [pair.a, until, pair.b, pair.id];
      const last = db
        .prepare(
          `SELECT min(time) AS time, count(*) AS found FROM (${common}
           AND NOT EXISTS (SELECT 1 FROM inputs s WHERE s.kind = 'suspect' AND s.subject IN (?, ?) AND s.time = a.time)
           ORDER BY a.time DESC LIMIT ?)`,
        )
        .get(...ofPair, pair.a, pair.b, count) as { time: OpenTime | null; found: number };
      if (last.found === count) return last.time;
      return (db.prepare(`SELECT min(time) AS time FROM (${common})`).get(...ofPair) as { time: OpenTime | null }).time;
    },
    barBefore: (symbol, count, until) => {
      const row = db
        .prepare(
          `SELECT min(time) AS time FROM (
             SELECT time FROM inputs WHERE kind = 'bar' AND subject = ? AND time <= ? ORDER BY time DESC LIMIT ?)`,
        )
        .get(symbol, until, count) as { time: OpenTime | null };
      return row.time;
    },
    *inputsFrom(from, { after = 0, through = Number.MAX_SAFE_INTEGER } = {}) {
      const rows = db
        .prepare('SELECT * FROM inputs WHERE time >= ? AND input_id > ? AND input_id <= ? ORDER BY input_id')
        .iterate(from, after, through) as IterableIterator<StoredInput>;
      for (const row of rows) yield toInput(row);
    },
    *signals(afterRow = 0) {
      const rows = db.prepare(
        'SELECT pair_id AS pairId, time, body, features_crc AS featuresCrc, position FROM signals WHERE signal_row > ? ORDER BY signal_row',
      );
      yield* rows.iterate(afterRow) as IterableIterator<AnsweredSignal>;
    },
    lastBars: () => {
      // From one symbol to the next by the index: to group by symbol would read all bars of all years.
      const rows = db
        .prepare(
          `WITH RECURSIVE symbols (subject) AS (
             SELECT min(subject) FROM inputs WHERE kind = 'bar'
             UNION ALL
             SELECT (SELECT min(subject) FROM inputs WHERE kind = 'bar' AND subject > symbols.subject) FROM symbols
             WHERE symbols.subject IS NOT NULL)
           SELECT subject, (SELECT max(time) FROM inputs WHERE kind = 'bar' AND inputs.subject = symbols.subject) AS time
           FROM symbols WHERE subject IS NOT NULL`,
        )
        .all() as { subject: string; time: OpenTime }[];
      return new Map(rows.map(({ subject, time }) => [subject, time]));
    },
    mostBars: () => {
      const row = db
        .prepare("SELECT count(*) AS bars FROM inputs WHERE kind = 'bar' GROUP BY subject ORDER BY bars DESC LIMIT 1")
        .get() as { bars: number } | undefined;
      return row?.bars ?? 0;
    },
    *bars(symbol, from = Number.MIN_SAFE_INTEGER as OpenTime, to = Number.MAX_SAFE_INTEGER as OpenTime) {
      const rows = db
        .prepare("SELECT * FROM inputs WHERE kind = 'bar' AND subject = ? AND time >= ? AND time < ? ORDER BY time")
        .iterate(symbol, from, to) as IterableIterator<StoredInput>;
      for (const row of rows) yield toBar(row);
    },
    forgetBefore: (time) =>
      writing(() => {
        db.prepare(
          `DELETE FROM inputs WHERE time < ?
             AND input_id IS NOT (SELECT max(input_id) FROM inputs WHERE kind = 'halts' AND time < ?)`,
        ).run(time, time);
        db.prepare('DELETE FROM signals WHERE time < ?').run(time);
        db.prepare('DELETE FROM shadow_signals WHERE time < ?').run(time);
      }),
    async snapshot(read) {
      // Deferred: the first read fixes the moment.
      db.exec('BEGIN');
      try {
        return await read(store);
      } finally {
        db.exec('COMMIT');
      }
    },
    pruned,
    prune(bounds, limit) {
      let passed = 0;
      writing(() => (passed = prune(bounds, limit)));
      return passed;
    },
    fingerprintOf(signalRow) {
      const row = db
        .prepare('SELECT boot_id, pair_id, seq, signal_id, generated_at_ms FROM signals WHERE signal_row = ?')
        .get(signalRow) as Parameters<typeof signalFingerprint>[0] | undefined;
      return row === undefined ? null : signalFingerprint(row);
    },
    close: () => db.close(),
  };
  return store;
}

interface PrunableSignal extends LastSignal {
  readonly signalRow: number;
  readonly afterInput: number;
  readonly generatedAtMs: number;
}

const SIGNALS_TO_PRUNE = `
  SELECT signal_row AS signalRow, after_input AS afterInput, pair_id AS pairId, time, position, generated_at_ms AS generatedAtMs
  FROM signals WHERE signal_row > ? AND signal_row <= ? ORDER BY signal_row LIMIT ?`;
// From one pair to the next by the index: to group by pair would read all of it.
const NEWEST_ROWS = `
  WITH RECURSIVE pairs (pair_id) AS (
    SELECT min(pair_id) FROM signals
    UNION ALL
    SELECT (SELECT min(pair_id) FROM signals WHERE pair_id > pairs.pair_id) FROM pairs WHERE pairs.pair_id IS NOT NULL)
  SELECT (SELECT max(signal_row) FROM signals WHERE signals.pair_id = pairs.pair_id) FROM pairs WHERE pair_id IS NOT NULL`;
const SHADOWS_TO_PRUNE = `
  DELETE FROM shadow_signals WHERE shadow_row IN (SELECT shadow_row FROM shadow_signals WHERE time < ? ORDER BY time LIMIT ?)
    AND shadow_row < (SELECT max(newer.shadow_row) FROM shadow_signals newer WHERE newer.pair_id = shadow_signals.pair_id)`;

function openDatabase(path: string, readOnly: boolean): Database {
  if (readOnly && !existsSync(path)) {
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
      db.prepare('SELECT 1 FROM inputs, signals, boots LIMIT 1').get();
    } else {
      db.pragma('journal_mode = WAL');
      // A killed process loses nothing that was committed; only a power cut may lose the last moments.
      db.pragma('synchronous = NORMAL');
      db.exec(TABLES);
    }
    return db;
  } catch (cause) {
    db?.close();
    const isNoJournal = cause instanceof SqliteError && /^SQLITE_(NOTADB|CORRUPT|ERROR)/.test(cause.code);
    throw new MinutehandError(isNoJournal ? 'JOURNAL_DAMAGED' : 'JOURNAL_WRITE', {
      seen: `${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}

function toInput(row: StoredInput): InputRow {
  const { kind, subject, time, backfill } = row;
  return { kind, subject, time, bar: kind === 'bar' ? toBar(row) : null, backfill: backfill === 1 };
}

function toBar(row: StoredInput): Bar {
  const { subject, time, open, high, low, close, volume, spread } = row;
  return { symbol: subject, time, open, high, low, close, volume, ...(spread === null ? {} : { spread }) };
}
