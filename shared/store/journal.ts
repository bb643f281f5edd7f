import type { Bar, OpenTime } from '../bar.ts';
import type { Pair } from '../pair.ts';
import { durably, openDatabase, writing } from './journal_database.ts';
import { JournalPruner } from './journal_pruner.ts';
import {
  signalFingerprint,
  type AnsweredSignal,
  type BootRow,
  type ForgetBounds,
  type InputKind,
  type InputRow,
  type JournaledAnswer,
  type JournalFile,
  type JournalStore,
  type LastSignal,
  type InputRange,
  type SignalRange,
  type LateSignals,
  type PruneBounds,
  type PrunedSignals,
  type RowNumbers,
  type ShadowRow,
  type SignalRow,
} from './journal_store.ts';
import { fenceOf } from './lease_text.ts';
import { JournalWriter } from './journal_writer.ts';
import type { Database } from './sqlite.ts';

export * from './journal_store.ts';

/**
 * Opens the journal file, creating it when `readOnly` is not set.
 * @throws MinutehandError JOURNAL_WRITE when it cannot be opened, JOURNAL_DAMAGED when it is no journal, DATA_MISSING
 * when it is to be read only and is not there
 */
export function openJournal(path: string, options: { readOnly?: boolean } = {}): JournalFile {
  return new SqliteJournal(path, openDatabase(path, options.readOnly === true));
}

const ALL_ROWS = Number.MAX_SAFE_INTEGER;
/** Kinds of inputs that are about a minute, and hold no longer. */
const OF_MINUTES = ['bar', 'empty', 'suspect', 'timeout', 'silence', 'silence_halt', 'shutdown', 'series', 'earlier']
  .map((kind) => `'${kind}'`)
  .join(', ');

const SIGNAL_ROWS =
  'SELECT min(signal_row) AS first, max(signal_row) AS last FROM signals WHERE time >= ? AND time < ?';
const INPUT_IDS = 'SELECT min(input_id) AS first, max(input_id) AS last FROM inputs WHERE time >= ? AND time <= ?';

class SqliteJournal implements JournalFile {
  readonly #path: string;
  readonly #db: Database;
  readonly #writer: JournalWriter;
  readonly #pruner: JournalPruner;

  constructor(path: string, db: Database) {
    this.#path = path;
    this.#db = db;
    this.#writer = new JournalWriter(db);
    this.#pruner = new JournalPruner(db);
  }

  append(
    inputs: readonly InputRow[],
    signals: readonly SignalRow[],
    shadows: readonly ShadowRow[] = [],
    feedPosition: string | null = null,
  ): void {
    writing(this.#path, () => {
      const store = (): void => this.#writer.append(inputs, signals, shadows, feedPosition);
      if (inputs.some(({ kind }) => kind === 'halts' || kind === 'policy')) durably(this.#db, store);
      else store();
    });
  }

  feedPosition(): string | null {
    const row = this.#db.prepare('SELECT position FROM feed_position').get() as { position: string } | undefined;
    return row?.position ?? null;
  }

  addBoot({ bootId, market, featureSchema, policyHash, policyText, startedMs }: BootRow): void {
    writing(this.#path, () =>
      durably(this.#db, () => {
        // First: a boot whose policy is missing could not be replayed.
        if (policyText !== undefined) this.#writer.addPolicy(policyText);
        const insert = this.#db.prepare('INSERT INTO boots VALUES (?, ?, ?, ?, ?)');
        insert.run(bootId, market, featureSchema, policyHash, startedMs);
      }),
    );
  }

  policyText(policyHash: string): string | null {
    return this.#policyText('SELECT text FROM policies WHERE policy_hash = ?', policyHash);
  }

  policyTextOfBoot(bootId: string): string | null {
    return this.#policyText('SELECT text FROM policies NATURAL JOIN boots WHERE boot_id = ?', bootId);
  }

  #policyText(query: string, key: string): string | null {
    // A journal of an earlier version that is read only has no such table.
    const isThere = this.#db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'policies'").get() !== undefined;
    if (!isThere) return null;
    return (this.#db.prepare(query).get(key) as { text: string } | undefined)?.text ?? null;
  }

  lastBoot(): BootRow | null {
    const row = this.#db
      .prepare(
        'SELECT boot_id AS bootId, market, feature_schema AS featureSchema, policy_hash AS policyHash, started_ms AS startedMs FROM boots ORDER BY boot_id DESC LIMIT 1',
      )
      .get() as BootRow | undefined;
    return row ?? null;
  }

  newestRows(): RowNumbers {
    return this.#db
      .prepare(
        `SELECT (SELECT coalesce(max(input_id), 0) FROM inputs) AS inputs,
           (SELECT coalesce(max(signal_row), 0) FROM signals) AS signals,
           (SELECT coalesce(max(shadow_row), 0) FROM shadow_signals) AS shadows`,
      )
      .get() as RowNumbers;
  }

  lastSignals(): LastSignal[] {
    return this.#db
      .prepare(
        'SELECT pair_id AS pairId, time, position FROM signals WHERE signal_row IN (SELECT max(signal_row) FROM signals GROUP BY pair_id)',
      )
      .all() as LastSignal[];
  }

  lastShadows(modelVersion: string): LastSignal[] {
    return this.#db
      .prepare(
        `SELECT pair_id AS pairId, time, position FROM shadow_signals WHERE shadow_row IN
           (SELECT max(shadow_row) FROM shadow_signals WHERE model_version = ? GROUP BY pair_id)`,
      )
      .all(modelVersion) as LastSignal[];
  }

  lastHalts(): string {
    const row = this.#db
      .prepare("SELECT subject FROM inputs WHERE kind = 'halts' ORDER BY input_id DESC LIMIT 1")
      .get() as { subject: string } | undefined;
    return row?.subject ?? '';
  }

  lastFence(): number {
    const row = this.#db
      .prepare("SELECT subject FROM inputs WHERE kind = 'lease' AND subject <> '' ORDER BY input_id DESC LIMIT 1")
      .get() as { subject: string } | undefined;
    return fenceOf(row?.subject ?? '');
  }

  *shadows(): IterableIterator<ShadowRow> {
    yield* this.#shadowRows('', [], 0);
  }

  hasInput(kind: InputKind, subject: string, from: OpenTime): boolean {
    const found = this.#db.prepare('SELECT 1 FROM inputs WHERE time >= ? AND kind = ? AND subject = ? LIMIT 1');
    return found.get(from, kind, subject) !== undefined;
  }

  *shadowsOf(modelVersion: string, from: OpenTime): IterableIterator<ShadowRow> {
    const first = this.#db.prepare('SELECT min(shadow_row) FROM shadow_signals WHERE time >= ?').pluck().get(from);
    if (first === null) return;
    // The unary plus: in the order of rows, not of times.
    yield* this.#shadowRows('+time >= ? AND model_version = ? AND ', [from, modelVersion], (first as number) - 1);
  }

  /** @param filter conditions, each with its AND, and what they are compared with */
  *#shadowRows(filter: string, values: readonly (string | number)[], after: number): IterableIterator<ShadowRow> {
    const rows = this.#db.prepare(
      `SELECT shadow_row AS row, ${SHADOW_COLUMNS} FROM shadow_signals
       WHERE ${filter}shadow_row > ? AND shadow_row <= ? ORDER BY shadow_row LIMIT ?`,
    );
    const { shadows: end } = this.newestRows();
    const page = (last: number): Numbered<ShadowRow>[] =>
      rows.all(...values, last, end, PAGE_ROWS) as Numbered<ShadowRow>[];
    for (const { row: _, ...shadow } of inPages(page, after, rowOf)) yield shadow as ShadowRow;
  }

  commonMinuteBefore(pair: Pair, count: number, until: OpenTime): OpenTime | null {
    const common = `
      SELECT a.time FROM inputs a WHERE a.kind = 'bar' AND a.subject = ? AND a.time <= ?
      AND EXISTS (SELECT 1 FROM inputs b WHERE b.kind = 'bar' AND b.subject = ? AND b.time = a.time)
      AND NOT EXISTS (SELECT 1 FROM inputs t WHERE t.kind = 'timeout' AND t.subject = ? AND t.time = a.time)`;
    const ofPair = [pair.a, until, pair.b, pair.id];
    const last = this.#db
      .prepare(
        `SELECT min(time) AS time, count(*) AS found FROM (${common}
         AND NOT EXISTS (SELECT 1 FROM inputs s WHERE s.kind = 'suspect' AND s.subject IN (?, ?) AND s.time = a.time)
         ORDER BY a.time DESC LIMIT ?)`,
      )
      .get(...ofPair, pair.a, pair.b, count) as { time: OpenTime | null; found: number };
    if (last.found === count) return last.time;
    const first = this.#db.prepare(`SELECT min(time) AS time FROM (${common})`).get(...ofPair);
    return (first as { time: OpenTime | null }).time;
  }

  commonBars(pair: Pair, count: number, until: OpenTime): { a: Bar; b: Bar }[] {
    const columns = (leg: string): string => BAR_NUMBERS.map((name) => `${leg}.${name} AS ${leg}_${name}`).join(', ');
    const rows = this.#db
      .prepare(
        `SELECT a.time, ${columns('a')}, ${columns('b')}
         FROM inputs a JOIN inputs b ON b.kind = 'bar' AND b.subject = ? AND b.time = a.time
         WHERE a.kind = 'bar' AND a.subject = ? AND a.time <= ?
         AND NOT EXISTS (SELECT 1 FROM inputs t WHERE t.time = a.time
           AND ((t.kind = 'timeout' AND t.subject = ?) OR (t.kind = 'suspect' AND t.subject IN (?, ?))))
         ORDER BY a.time DESC LIMIT ?`,
      )
      .all(pair.b, pair.a, until, pair.id, pair.a, pair.b, count) as Record<string, number | null>[];
    const legOf = (row: Record<string, number | null>, leg: string, symbol: string): Bar =>
      toBar({
        subject: symbol,
        time: row['time'],
        ...Object.fromEntries(BAR_NUMBERS.map((name) => [name, row[`${leg}_${name}`]])),
      } as unknown as StoredInput);
    return rows.reverse().map((row) => ({ a: legOf(row, 'a', pair.a), b: legOf(row, 'b', pair.b) }));
  }

  answerAt(pairId: string, time: OpenTime): JournaledAnswer | null {
    const row = this.#db
      .prepare(
        `SELECT boot_id AS bootId, pair_id AS pairId, time, body, features_crc AS featuresCrc, position, signal_id AS signalId,
           risk_prob AS riskProb, generated_at_ms AS generatedAtMs,
           (SELECT p.position FROM signals p WHERE p.pair_id = s.pair_id AND p.signal_row < s.signal_row
            ORDER BY p.signal_row DESC LIMIT 1) AS positionBefore
         FROM signals s WHERE time = ? AND pair_id = ? ORDER BY signal_row LIMIT 1`,
      )
      .get(time, pairId) as JournaledAnswer | undefined;
    return row ?? null;
  }

  publishedAt(pairId: string, fromMs: number, toMs: number): OpenTime | null {
    const row = this.#db
      .prepare(
        'SELECT time, generated_at_ms AS atMs FROM signals WHERE pair_id = ? AND generated_at_ms <= ? ORDER BY signal_row DESC LIMIT 1',
      )
      .get(pairId, toMs) as { readonly time: OpenTime; readonly atMs: number } | undefined;
    return row === undefined || row.atMs < fromMs ? null : row.time;
  }

  /** The last input that was journaled when a bar was answered; undefined: it was not. */
  #lastInputAt({ pairId, time }: Pick<JournaledAnswer, 'pairId' | 'time'>): number | undefined {
    return this.#db
      .prepare('SELECT after_input FROM signals WHERE time = ? AND pair_id = ? ORDER BY signal_row LIMIT 1')
      .pluck()
      .get(time, pairId) as number | undefined;
  }

  failedRuleAt(answer: Pick<JournaledAnswer, 'pairId' | 'time'>): string | null {
    const { pairId } = answer;
    const answered = this.#lastInputAt(answer);
    if (answered === undefined) return null;
    const [last, before] = this.#db
      .prepare(
        `SELECT input_id, subject FROM inputs WHERE kind = 'rule' AND input_id <= ?
           AND (subject = ? OR subject LIKE ?) ORDER BY input_id DESC LIMIT 2`,
      )
      .all(answered, `${pairId} `, `${pairId} %`) as { input_id: number; subject: string }[];
    if (last === undefined || last.subject !== `${pairId} `) return null;
    // The rule that has ended was not stopped by a person, and no process has started since.
    const isFailed = this.#db
      .prepare(`SELECT 1 FROM inputs WHERE input_id = ? AND kind = 'degraded' AND subject = ?`)
      .get(last.input_id + 1, `rules ${pairId}`);
    const boot = this.#db
      .prepare(`SELECT 1 FROM inputs WHERE kind = 'boot' AND input_id > ? AND input_id <= ? LIMIT 1`)
      .get(last.input_id, answered);
    if (isFailed === undefined || boot !== undefined) return null;
    return before?.subject.slice(pairId.length + 1) ?? '';
  }

  newsAt(answer: Pick<JournaledAnswer, 'pairId' | 'time'>): string | null {
    const answered = this.#lastInputAt(answer);
    if (answered === undefined) return null;
    const last = (kind: 'news' | 'boot') =>
      this.#db
        .prepare(
          `SELECT input_id, subject FROM inputs WHERE kind = '${kind}' AND input_id <= ? ORDER BY input_id DESC LIMIT 1`,
        )
        .get(answered) as { input_id: number; subject: string } | undefined;
    const news = last('news');
    // Each process journals its own.
    return news === undefined || news.input_id < (last('boot')?.input_id ?? 0) ? null : news.subject;
  }

  positionAt(pairId: string, answer: Pick<JournaledAnswer, 'pairId' | 'time'>): string | null {
    const row = this.#db
      .prepare(
        `SELECT position FROM signals WHERE pair_id = ? AND signal_row <
           (SELECT signal_row FROM signals WHERE time = ? AND pair_id = ? ORDER BY signal_row LIMIT 1)
         ORDER BY signal_row DESC LIMIT 1`,
      )
      .get(pairId, answer.time, answer.pairId) as { position: string } | undefined;
    return row?.position ?? null;
  }

  barBefore(symbol: string, count: number, until: OpenTime): OpenTime | null {
    const row = this.#db
      .prepare(
        `SELECT min(time) AS time FROM (
           SELECT time FROM inputs WHERE kind = 'bar' AND subject = ? AND time <= ? ORDER BY time DESC LIMIT ?)`,
      )
      .get(symbol, until, count) as { time: OpenTime | null };
    return row.time;
  }

  *inputsFrom(
    from: OpenTime,
    { after = 0, through = ALL_ROWS, until = ALL_ROWS as OpenTime, between = false }: InputRange = {},
  ): IterableIterator<InputRow> {
    // Times ascend almost as ids do: the index of times tells where to begin and to end.
    const found = this.#db.prepare(INPUT_IDS).get(from, until) as { first: number | null; last: number };
    if (found.first === null) return;
    const ofLater = between ? '' : ' AND time <= ?';
    const rows = this.#db.prepare(
      `SELECT * FROM inputs WHERE time >= ?${ofLater} AND input_id >= ? AND input_id <= ?
         ORDER BY input_id LIMIT ?`,
    );
    const end = Math.min(through, found.last);
    const page = (last: number): StoredInput[] =>
      rows.all(from, ...(between ? [] : [until]), last + 1, end, PAGE_ROWS) as StoredInput[];
    for (const row of inPages(page, Math.max(after, found.first - 1), inputIdOf)) yield toInput(row);
  }

  *seriesBetween(from: OpenTime, to: OpenTime): IterableIterator<InputRow> {
    yield* this.#inputsOfKind("kind = 'series' AND time >= ? AND time < ?", [from, to]);
  }

  *earlierChanges({
    after = 0,
    through = ALL_ROWS,
  }: Pick<InputRange, 'after' | 'through'> = {}): IterableIterator<InputRow> {
    yield* this.#inputsOfKind("kind = 'earlier' AND input_id > ? AND input_id <= ?", [after, through]);
  }

  /** Of a kind that has an index of its own, from which all ids are read at once. */
  *#inputsOfKind(filter: string, values: readonly number[]): IterableIterator<InputRow> {
    const ids = this.#db
      .prepare(`SELECT input_id FROM inputs WHERE ${filter} ORDER BY input_id`)
      .pluck()
      .all(...values);
    const rows = this.#db.prepare(
      'SELECT * FROM inputs WHERE input_id IN (SELECT value FROM json_each(?)) ORDER BY input_id',
    );
    for (let i = 0; i < ids.length; i += PAGE_ROWS)
      for (const row of rows.all(JSON.stringify(ids.slice(i, i + PAGE_ROWS))) as StoredInput[]) yield toInput(row);
  }

  *signals({ after = 0, through = ALL_ROWS, pairId }: SignalRange = {}): IterableIterator<AnsweredSignal> {
    const ofPair = pairId === undefined ? [] : [pairId];
    const rows = this.#db.prepare(
      `SELECT signal_row AS row, boot_id AS bootId, pair_id AS pairId, time, body, features_crc AS featuresCrc, position
       FROM signals WHERE ${ofPair.map(() => 'pair_id = ? AND ').join('')}signal_row > ? AND signal_row <= ?
       ORDER BY signal_row LIMIT ?`,
    );
    const end = Math.min(through, this.newestRows().signals);
    const page = (last: number): Numbered<AnsweredSignal>[] =>
      rows.all(...ofPair, last, end, PAGE_ROWS) as Numbered<AnsweredSignal>[];
    for (const { row: _, ...signal } of inPages(page, after, rowOf)) yield signal;
  }

  *signalsBetween(from: OpenTime, to: OpenTime): IterableIterator<AnsweredSignal> {
    const rows = this.#db.prepare(SIGNAL_ROWS).get(from, to) as { first: number | null; last: number };
    if (rows.first === null) return;
    // A heartbeat repeats an earlier minute than those of the signals around it.
    for (const signal of this.signals({ after: rows.first - 1, through: rows.last }))
      if (signal.time >= from && signal.time < to) yield signal;
  }

  lateSignals(from: OpenTime, to: OpenTime, limitMs: number): readonly LateSignals[] {
    const rows = this.#db.prepare(
      `SELECT pair_id AS pairId, COUNT(*) AS signals, MAX(delay) AS worstMs FROM (
         SELECT pair_id, MIN(generated_at_ms) - (time + 60) * 1000 AS delay FROM signals WHERE time >= ? AND time < ?
         GROUP BY pair_id, time
       ) WHERE delay > ? GROUP BY pair_id ORDER BY pair_id`,
    );
    return rows.all(from, to, limitMs) as LateSignals[];
  }

  lastBars(): Map<string, OpenTime> {
    // From one symbol to the next by the index: to group by symbol would read all bars of all years.
    const rows = this.#db
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
  }

  newestBars(symbol: string, count: number): OpenTime[] {
    return this.#db
      .prepare("SELECT time FROM inputs WHERE kind = 'bar' AND subject = ? ORDER BY time DESC LIMIT ?")
      .pluck()
      .all(symbol, count) as OpenTime[];
  }

  *bars(
    symbol: string,
    from = Number.MIN_SAFE_INTEGER as OpenTime,
    to = Number.MAX_SAFE_INTEGER as OpenTime,
  ): IterableIterator<Bar> {
    const rows = this.#db.prepare(
      `SELECT * FROM inputs WHERE kind = 'bar' AND subject = ? AND (time, input_id) > (?, ?) AND time < ?
         AND input_id <= ? ORDER BY time, input_id LIMIT ?`,
    );
    const { inputs: end } = this.newestRows();
    const page = ({ time, id }: TimedRow): StoredInput[] =>
      rows.all(symbol, time, id, to, end, PAGE_ROWS) as StoredInput[];
    for (const row of inPages(page, { time: from, id: 0 }, timedRowOf)) yield toBar(row);
  }

  forgetBefore(time: OpenTime): void {
    writing(this.#path, () => {
      this.#db
        .prepare(
          `DELETE FROM inputs WHERE time < ?
             AND input_id IS NOT (SELECT max(input_id) FROM inputs WHERE kind = 'halts' AND time < ?)
             AND input_id IS NOT (SELECT max(input_id) FROM inputs WHERE kind = 'news' AND time < ?)`,
        )
        .run(time, time, time);
      this.#db.prepare('DELETE FROM signals WHERE time < ?').run(time);
      this.#db.prepare('DELETE FROM shadow_signals WHERE time < ?').run(time);
    });
  }

  forgetMinutes({ signals, inputs }: ForgetBounds): void {
    writing(this.#path, () => {
      const first = this.#db.prepare('SELECT min(signal_row) FROM signals WHERE time >= ?').pluck().get(signals);
      const throughRow = ((first as number | null) ?? ALL_ROWS) - 1;
      this.#pruner.prune({ throughRow, publishedBeforeMs: Infinity }, ALL_ROWS);
      this.#db.prepare(`DELETE FROM inputs WHERE time < ? AND kind IN (${OF_MINUTES})`).run(inputs);
    });
  }

  async snapshot<T>(read: (store: JournalStore) => Promise<T>): Promise<T> {
    // Deferred: the first read fixes the moment.
    this.#db.exec('BEGIN');
    try {
      return await read(this);
    } finally {
      this.#db.exec('COMMIT');
    }
  }

  pruned(): PrunedSignals | null {
    return this.#pruner.pruned();
  }

  stateBefore(time: OpenTime): PrunedSignals | null {
    const end = this.#db
      .prepare(
        `SELECT signal_row AS signalRow, after_input AS afterInput FROM signals
         WHERE signal_row < ifnull((SELECT min(signal_row) FROM signals WHERE time >= ?), ${ALL_ROWS})
         ORDER BY signal_row DESC LIMIT 1`,
      )
      .get(time) as Pick<PrunedSignals, 'signalRow' | 'afterInput'> | undefined;
    const pruned = this.pruned();
    if (end === undefined || end.signalRow <= (pruned?.signalRow ?? 0)) return pruned;
    const last = this.#db
      .prepare(
        `SELECT pair_id AS pairId, time, position FROM signals WHERE signal_row IN
           (SELECT max(signal_row) FROM signals WHERE signal_row <= ? GROUP BY pair_id)`,
      )
      .all(end.signalRow) as LastSignal[];
    const known = new Map([...(pruned?.last ?? []), ...last].map((signal) => [signal.pairId, signal]));
    return { ...end, last: [...known.values()] };
  }

  inputBefore(time: OpenTime): number | null {
    const id = this.#db
      .prepare(
        'SELECT after_input FROM signals WHERE signal_row = (SELECT min(signal_row) FROM signals WHERE time >= ?)',
      )
      .pluck()
      .get(time) as number | undefined;
    return id ?? null;
  }

  prune(bounds: PruneBounds, limit: number): number {
    let passed = 0;
    writing(this.#path, () => (passed = this.#pruner.prune(bounds, limit)));
    return passed;
  }

  fingerprintOf(signalRow: number): string | null {
    const row = this.#db
      .prepare('SELECT boot_id, pair_id, seq, signal_id, generated_at_ms FROM signals WHERE signal_row = ?')
      .get(signalRow) as Parameters<typeof signalFingerprint>[0] | undefined;
    return row === undefined ? null : signalFingerprint(row);
  }

  close(): void {
    this.#db.close();
  }
}

const SHADOW_COLUMNS =
  'signal_id AS signalId, pair_id AS pairId, time, model_version AS modelVersion, body, risk_prob AS riskProb, position';
/** Read at once: a few milliseconds. */
const PAGE_ROWS = 1000;

type Numbered<Row> = Row & { readonly row: number };

interface TimedRow {
  readonly time: number;
  readonly id: number;
}

const rowOf = ({ row }: Numbered<object>): number => row;
const inputIdOf = ({ input_id }: StoredInput): number => input_id;
const timedRowOf = ({ time, input_id }: StoredInput): TimedRow => ({ time, id: input_id });

/**
 * Rows in the order of their keys, page by page. Each page is a read transaction of its own: whatever the reader does
 * between two rows, the log of the database is reused meanwhile. Rows that another connection deletes are left out.
 * @param page the rows behind a key, PAGE_ROWS at most
 */
function* inPages<Row, Key>(page: (after: Key) => Row[], after: Key, keyOf: (row: Row) => Key): Generator<Row> {
  for (let key = after; ;) {
    const rows = page(key);
    yield* rows;
    if (rows.length < PAGE_ROWS) return;
    key = keyOf(rows.at(-1)!);
  }
}

const BAR_NUMBERS = ['open', 'high', 'low', 'close', 'volume', 'spread'] as const;

interface StoredInput {
  input_id: number;
  kind: InputKind;
  subject: string;
  time: OpenTime;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  spread: number | null;
  /** Absent in a journal of an earlier version that is read only. */
  taker_buy_volume?: number | null;
  trades?: number | null;
  backfill: 0 | 1;
}

function toInput(row: StoredInput): InputRow {
  const { kind, subject, time, backfill } = row;
  return { kind, subject, time, bar: kind === 'bar' ? toBar(row) : null, backfill: backfill === 1 };
}

function toBar(row: StoredInput): Bar {
  const { subject, time, open, high, low, close, volume, spread, taker_buy_volume = null, trades = null } = row;
  return {
    symbol: subject,
    time,
    open,
    high,
    low,
    close,
    volume,
    ...(spread !== null && { spread }),
    ...(taker_buy_volume !== null && { takerBuyVolume: taker_buy_volume }),
    ...(trades !== null && { trades }),
  };
}
