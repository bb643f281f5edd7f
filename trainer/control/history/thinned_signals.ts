import { setImmediate as loopTurn } from 'node:timers/promises';
import { sql, type RawBuilder } from 'kysely';
import { NOVELTY_BUCKETS } from '../../../shared/signal/novelty_buckets.ts';
import type { Store } from '../../store/store.ts';
import type { SignalRow } from './signal_row.ts';
import { where, type SignalFilter, type SignalKey, type SignalTables } from './signal_tables.ts';

/** Number of parts of the period for counting reasons. */
export const REASON_COLUMNS = 120;

export interface ReasonCounts {
  readonly reason: string;
  readonly action: string;
  readonly count: number;
  /** Count by part of the period. */
  readonly columns: number[];
}

/** A period of one subject, reduced to about as many signals as a chart has points. */
export interface ThinnedSignals {
  readonly rows: readonly SignalRow[];
  /** Signals of the period. */
  readonly total: number;
  readonly isThinned: boolean;
  /** The most frequent first. */
  readonly reasons: readonly ReasonCounts[];
  /** Candidates of entries in each of NOVELTY_BUCKETS, without heartbeats; empty: none has a novelty. */
  readonly novelties: readonly number[];
}

export interface ThinnedFilter extends Pick<SignalFilter, 'market' | 'fromMs' | 'toMs'> {
  readonly pairId: string;
}

/** Number of parts of the period that novelties are counted in. */
const NOVELTY_PARTS = 12;
const BUCKET = sql.raw(`CASE ${NOVELTY_BUCKETS.map((to, i) => `WHEN novelty <= ${to} THEN ${i}`).join(' ')} END`);
/** Parts that one statement reads: SQLite runs in this process, and a turn of its event loop must be short. */
const PARTS_AT_ONCE = 100;
const KEY = sql.raw('generated_at_ms, boot_id, seq');
const KEY_TEXT = sql.raw("generated_at_ms || '/' || boot_id || '/' || seq");
const BACKWARDS = sql.raw('generated_at_ms DESC, boot_id DESC, seq DESC');
/** Drawn values whose extremes are kept: z, or an instrument's confidence, and the prices. */
const VALUES = ['coalesce(z_score, confidence)', 'price_a', 'price_b'];
/** Signals that a part keeps at most, apart from entries and exits. */
const PER_PART = 2 * VALUES.length;

/**
 * Reads a period of one subject of any length; the database groups it in slices, with other work in between. With more
 * than `points` signals, each of `points / 6` equal parts keeps the signals with the smallest and largest z (or an
 * instrument's confidence) and prices; first, last, entries and exits are kept.
 */
export async function readThinned(
  { db }: Pick<Store, 'db'>,
  tables: SignalTables,
  { pairId, ...period }: ThinnedFilter,
  points: number,
): Promise<ThinnedSignals> {
  const { market } = period;
  const filter = { ...period, pairIds: [pairId] };
  const source: Source = { db, table: sql.table(tables.history), subject: where({ market, pairIds: [pairId] }) };
  const ends = await endsOf(source, where(filter));
  if (ends === null) return { rows: [], total: 0, isThinned: false, reasons: [], novelties: [] };
  const counted = await countsOf(source, ends);
  const total = counted.reduce((sum, { count }) => sum + count, 0);
  const isThinned = total > points;
  const rows = isThinned
    ? await tables.rowsAt(market, pairId, await keysOf(source, ends, counted, points))
    : await tables.newest(filter, points);
  return { rows, total, isThinned, reasons: reasonsOf(counted), novelties: await noveltiesOf(source, ends) };
}

interface Source extends Pick<Store, 'db'> {
  readonly table: RawBuilder<unknown>;
  /** Condition for the rows of the subject, at any time. */
  readonly subject: RawBuilder<unknown>;
}

type Ends = readonly [first: SignalKey, last: SignalKey];

async function endsOf({ db, table }: Source, period: RawBuilder<unknown>): Promise<Ends | null> {
  const end = async (order: RawBuilder<unknown>): Promise<SignalKey | undefined> =>
    (await sql<SignalKey>`SELECT ${KEY} FROM ${table} WHERE ${period} ORDER BY ${order} LIMIT 1`.execute(db)).rows[0];
  const first = await end(KEY);
  const last = await end(BACKWARDS);
  return first === undefined || last === undefined ? null : [first, last];
}

interface Part {
  readonly number: number;
  /** From inclusive, to exclusive. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** Equal spans of a period. */
interface Spans {
  readonly firstMs: number;
  readonly spanMs: number;
  readonly count: number;
}

function spansOf([first, last]: Ends, count: number): Spans {
  return { firstMs: first.generated_at_ms, spanMs: last.generated_at_ms - first.generated_at_ms + 1, count };
}

function startOf({ firstMs, spanMs, count }: Spans, number: number): number {
  return firstMs + Math.ceil((number * spanMs) / count);
}

function partsOf(spans: Spans): Part[] {
  return Array.from({ length: spans.count }, (_, number) => {
    return { number, fromMs: startOf(spans, number), toMs: startOf(spans, number + 1) };
  });
}

function within({ fromMs, toMs }: Pick<Part, 'fromMs' | 'toMs'>): RawBuilder<unknown> {
  return sql`generated_at_ms >= ${fromMs} AND generated_at_ms < ${toMs}`;
}

/** Signals of a part of the period, by reason and action, in order of their first. */
interface Counted extends Pick<ReasonCounts, 'reason' | 'action' | 'count'> {
  readonly part: Part;
}

async function countsOf({ db, table, subject }: Source, ends: Ends): Promise<Counted[]> {
  const counted: Counted[] = [];
  for (const part of partsOf(spansOf(ends, REASON_COLUMNS))) {
    const { rows } = await sql<Omit<Counted, 'part'>>`SELECT reason, action, count(*) AS count
      FROM ${table} WHERE ${subject} AND ${within(part)}
      GROUP BY reason, action ORDER BY min(generated_at_ms)`.execute(db);
    for (const { reason, action, count } of rows) counted.push({ part, reason, action, count: Number(count) });
    await loopTurn();
  }
  return counted;
}

async function noveltiesOf({ db, table, subject }: Source, ends: Ends): Promise<number[]> {
  const counts = NOVELTY_BUCKETS.map(() => 0);
  for (const part of partsOf(spansOf(ends, NOVELTY_PARTS))) {
    const { rows } = await sql<{ bucket: number; count: number }>`SELECT ${BUCKET} AS bucket, count(*) AS count
      FROM ${table} WHERE ${subject} AND ${within(part)}
      AND novelty IS NOT NULL AND reason NOT IN ('SILENCE', 'SHUTDOWN') GROUP BY 1`.execute(db);
    for (const { bucket, count } of rows) counts[Number(bucket)]! += Number(count);
    await loopTurn();
  }
  return counts.every((count) => count === 0) ? [] : counts;
}

function reasonsOf(counted: readonly Counted[]): ReasonCounts[] {
  const found = new Map<string, ReasonCounts & { count: number }>();
  for (const { part, reason, action, count } of counted) {
    let own = found.get(reason);
    if (own === undefined)
      found.set(reason, (own = { reason, action, count: 0, columns: Array.from({ length: REASON_COLUMNS }, () => 0) }));
    own.count += count;
    own.columns[part.number]! += count;
  }
  return [...found.values()].sort((a, b) => b.count - a.count);
}

/** Keys of the points that a chart needs, in order. */
async function keysOf(source: Source, ends: Ends, counted: readonly Counted[], points: number): Promise<SignalKey[]> {
  const { db, table, subject } = source;
  const kept = new Map(ends.map((key) => [textOf(key), key]));
  const spans = spansOf(ends, Math.max(1, Math.floor(points / PER_PART)));
  for (let first = 0; first < spans.count; first += PARTS_AT_ONCE) {
    const slice = { fromMs: startOf(spans, first), toMs: startOf(spans, Math.min(spans.count, first + PARTS_AT_ONCE)) };
    const { rows } = await extremesOf(source, spans, slice).execute(db);
    for (const text of rows.flatMap(Object.values<string | null>)) if (text !== null) kept.set(text, keyOf(text));
    await loopTurn();
  }
  for (const part of new Set(counted.filter(({ action }) => action !== 'HOLD').map((one) => one.part))) {
    const { rows } = await sql<SignalKey>`SELECT ${KEY} FROM ${table}
      WHERE ${subject} AND ${within(part)} AND action <> 'HOLD'`.execute(db);
    for (const key of rows) kept.set(textOf(key), key);
    await loopTurn();
  }
  return [...kept.values()].sort(inOrder);
}

/** The first signals with the smallest and the largest of each value of each part, as texts; else its first signal. */
function extremesOf(
  { table, subject }: Source,
  spans: Spans,
  { fromMs, toMs }: Pick<Part, 'fromMs' | 'toMs'>,
): RawBuilder<Readonly<Record<string, string | null>>> {
  const [firstMs, span, count] = [spans.firstMs, spans.spanMs, spans.count].map((value) => sql.lit(value));
  const startOf = (number: string): RawBuilder<unknown> =>
    sql`${firstMs} + (${sql.raw(number)} * ${span} + ${count} - 1) / ${count}`;
  const first = (condition: string): RawBuilder<unknown> =>
    sql`(SELECT ${KEY_TEXT} FROM ${table} WHERE ${subject} AND generated_at_ms >= from_ms AND generated_at_ms < to_ms
      ${sql.raw(condition)} ORDER BY ${KEY} LIMIT 1)`;
  const bounds = VALUES.map((value, i) => sql.raw(`min(${value}) AS low${i}, max(${value}) AS high${i}`));
  const keys = VALUES.flatMap((value, i) => [first(`AND ${value} = low${i}`), first(`AND ${value} = high${i}`)]);
  keys[0] = sql`coalesce(${keys[0]}, ${first('')})`;
  const named = keys.map((key, i) => sql`${key} AS ${sql.raw(`key${i}`)}`);
  return sql`WITH bound AS MATERIALIZED (
      SELECT (generated_at_ms - ${firstMs}) * ${count} / ${span} AS number, ${sql.join(bounds)} FROM ${table}
      WHERE ${subject} AND ${within({ fromMs, toMs })} GROUP BY 1),
    part AS MATERIALIZED (SELECT bound.*, ${startOf('number')} AS from_ms, ${startOf('(number + 1)')} AS to_ms FROM bound)
    SELECT ${sql.join(named)} FROM part`;
}

function inOrder(a: SignalKey, b: SignalKey): number {
  const byBoot = a.boot_id < b.boot_id ? -1 : Number(a.boot_id > b.boot_id);
  return a.generated_at_ms - b.generated_at_ms || byBoot || a.seq - b.seq;
}

/** As KEY_TEXT. */
function textOf({ generated_at_ms, boot_id, seq }: SignalKey): string {
  return `${generated_at_ms}/${boot_id}/${seq}`;
}

function keyOf(text: string): SignalKey {
  const [ms, boot, seq] = text.split('/') as [string, string, string];
  return { generated_at_ms: Number(ms), boot_id: boot, seq: Number(seq) };
}
