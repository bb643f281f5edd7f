import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import { MinutehandError, type ErrorCode } from '../../../shared/errors.ts';
import { fillKey, FILLS_STREAM, latencyMs, parseFill, slippageBps, type Fill } from '../../../shared/fill/fill.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import type { Store } from '../../store/store.ts';
import type { LiveTradesTable } from '../../store/schema/trades.ts';
import type { Tables } from '../../store/schema/schema.ts';
import type { SignalLookup } from './signal_lookup.ts';

export interface IntakeCounts {
  /** Rows that are new in `core.live_trades`. */
  readonly added: number;
  /** Lines that were already stored. */
  readonly duplicates: number;
  /** Lines that are not fills, or contradict a known one; the store keeps them for `trades check`. */
  readonly refused: number;
}

export interface FillIntake {
  /**
   * Stores lines. Lines may repeat, in any order and from any source. If it rejects, nothing is lost: call it again
   * with them.
   * @param place the file, or the stream
   */
  take(lines: readonly string[], source: 'file' | 'redis', place: string): Promise<IntakeCounts>;
  /**
   * Retries the lookup of signals for fills that arrived before their signal was journaled.
   * @returns number of matches
   */
  join(): Promise<number>;
}

/** Rows per statement: SQLite accepts 32,766 parameters. */
const ROWS_AT_ONCE = 200;
const KEPT_LINE = 500;
/** Marks the start of a line after a truncated one without a newline. */
const LINE_BEGIN = '{"schema":"';
/**
 * The journal lags behind the signal by milliseconds; a signal missing this long after the fill is treated as absent.
 */
const JOIN_MS = 600_000;
const JOIN_ROWS = 500;

interface Refused {
  readonly line: string;
  readonly code: ErrorCode;
  readonly message: string;
}

type TradeRow = LiveTradesTable;
type SignalColumns = Pick<
  TradeRow,
  | 'signal_action'
  | 'signal_reason'
  | 'signal_bar'
  | 'signal_price'
  | 'model_version'
  | 'z_score'
  | 'return_prob'
  | 'risk_score'
  | 'position_scale'
  | 'beta'
  | 'max_age_bars'
>;

const UNKNOWN_SIGNAL: SignalColumns = {
  signal_action: null,
  signal_reason: null,
  signal_bar: null,
  signal_price: null,
  model_version: null,
  z_score: null,
  return_prob: null,
  risk_score: null,
  position_scale: null,
  beta: null,
  max_age_bars: null,
};

/** Converts lines to rows: validated, deduplicated, and joined with their signals. */
export function createIntake({ db }: Store, signals: SignalLookup, clock: Clock): FillIntake {
  return new StoreIntake(db, signals, clock);
}

class StoreIntake implements FillIntake {
  readonly #db: Kysely<Tables>;
  readonly #signals: SignalLookup;
  readonly #clock: Clock;

  constructor(db: Kysely<Tables>, signals: SignalLookup, clock: Clock) {
    this.#db = db;
    this.#signals = signals;
    this.#clock = clock;
  }

  async take(lines: readonly string[], source: 'file' | 'redis', place: string): Promise<IntakeCounts> {
    const { fills, refused } = readLines(lines);
    const nowMs = this.#clock.nowMs();
    const found = this.#signals.findAll(fills.map(({ fill }) => fill));
    const rows = fills.map(({ fill, line }, index) => ({
      ...rowOf(fill, line, found[index] ?? null),
      source,
      place,
      received_ms: nowMs,
    }));
    let added = 0;
    const conflicts: Refused[] = [];
    for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
      const part = rows.slice(at, at + ROWS_AT_ONCE);
      const inserted = await this.#add(part);
      added += inserted;
      if (inserted === part.length) continue;
      conflicts.push(...(await this.#contradicting(part)));
      if (source === 'file') await this.#keepPlace(part, place);
    }
    await this.#keepRefused([...refused, ...conflicts], place);
    return {
      added,
      duplicates: rows.length - added - conflicts.length,
      refused: refused.length + conflicts.length,
    };
  }

  async join(): Promise<number> {
    const rows = await this.#db
      .selectFrom('core.live_trades')
      .select(['fill_key', 'market', 'pair_id', 'signal_id', 'leg', 'signal_ms', 'time_ms'])
      .where('signal_action', 'is', null)
      .where('time_ms', '>=', this.#clock.nowMs() - JOIN_MS)
      .orderBy('time_ms', 'desc')
      .limit(JOIN_ROWS)
      .execute();
    const found = this.#signals.findAll(rows);
    let joined = 0;
    for (const [index, { fill_key, leg }] of rows.entries()) {
      const signal = found[index] ?? null;
      if (signal === null) continue;
      await this.#db
        .updateTable('core.live_trades')
        .set(signalColumns(signal, leg))
        .where('fill_key', '=', fill_key)
        .execute();
      joined++;
    }
    return joined;
  }

  /** @returns number of new rows */
  async #add(rows: readonly TradeRow[]): Promise<number> {
    const inserted = await this.#db
      .insertInto('core.live_trades')
      .values(rows)
      .onConflict((conflict) => conflict.column('fill_key').doNothing())
      .returning('fill_key')
      .execute();
    return inserted.length;
  }

  async #keepRefused(refused: readonly Refused[], place: string): Promise<void> {
    const rows = refused.map(({ line, code, message }) => ({
      line_sha256: createHash('sha256').update(line).digest('hex'),
      code,
      message,
      place,
      line: line.slice(0, KEPT_LINE),
      received_ms: this.#clock.nowMs(),
    }));
    for (let at = 0; at < rows.length; at += ROWS_AT_ONCE)
      await this.#db
        .insertInto('core.refused_fills')
        .values(rows.slice(at, at + ROWS_AT_ONCE))
        .onConflict((conflict) => conflict.doNothing())
        .execute();
  }

  /** Rows that contradict the stored row with their key. */
  async #contradicting(rows: readonly TradeRow[]): Promise<Refused[]> {
    const keys = rows.map(({ fill_key }) => fill_key);
    const known = await this.#db
      .selectFrom('core.live_trades')
      .select(['fill_key', 'line'])
      .where('fill_key', 'in', keys)
      .execute();
    const lineOf = new Map(known.map(({ fill_key, line }) => [fill_key, line]));
    return rows.flatMap(({ fill_key, line }) => {
      if (lineOf.get(fill_key) === line) return [];
      const { message } = new MinutehandError('FILL_CONFLICT', { seen: fill_key });
      return [{ line, code: 'FILL_CONFLICT' as const, message }];
    });
  }

  /** Sets the file of fills that Redis delivered earlier. */
  async #keepPlace(rows: readonly TradeRow[], place: string): Promise<void> {
    const lines = rows.map(({ line }) => line);
    const keys = rows.map(({ fill_key }) => fill_key);
    await this.#db
      .updateTable('core.live_trades')
      .set({ place })
      .where('fill_key', 'in', keys)
      .where('line', 'in', lines)
      .where('place', '=', FILLS_STREAM)
      .execute();
  }
}

function readLines(lines: readonly string[]): { fills: { fill: Fill; line: string }[]; refused: Refused[] } {
  const fills: { fill: Fill; line: string }[] = [];
  const refused: Refused[] = [];
  const read = (line: string): MinutehandError | null => {
    try {
      fills.push({ fill: parseFill(line), line });
      return null;
    } catch (error) {
      if (error instanceof MinutehandError) return error;
      throw error;
    }
  };
  for (const line of lines) {
    const error = read(line);
    if (error === null) continue;
    const second = line.lastIndexOf(LINE_BEGIN);
    const isGlued = second > 0 && read(line.slice(second)) === null;
    refused.push({ line: isGlued ? line.slice(0, second) : line, code: error.code, message: error.message });
  }
  return { fills, refused };
}

/** A row of `core.live_trades`. @param signal null if unknown (yet) */
export function rowOf(
  fill: Fill,
  line: string,
  signal: SignalBody | null,
): Omit<TradeRow, 'source' | 'place' | 'received_ms'> {
  // Derived values are computed here.
  const { schema: _schema, slippage_bps: _slippage, latency_ms: _latency, ...own } = fill;
  const isKnown = fill.signal_ms > 0;
  return {
    ...own,
    fill_key: fillKey(fill),
    signal_ms: isKnown ? fill.signal_ms : null,
    latency_ms: isKnown ? latencyMs(fill.signal_ms, fill.time_ms) : null,
    slippage_bps: fill.kind === 'refused' ? null : slippageBps(fill.side, fill.requested_price, fill.filled_price),
    line,
    ...(signal === null ? UNKNOWN_SIGNAL : signalColumns(signal, fill.leg)),
  };
}

function signalColumns(signal: SignalBody, leg: string): SignalColumns {
  return {
    signal_action: signal.action,
    signal_reason: signal.reason,
    signal_bar: signal.timestamp,
    signal_price: leg === 'A' ? signal.price_a : leg === 'B' ? signal.price_b : null,
    model_version: signal.model_version,
    z_score: signal.z_score,
    return_prob: signal.return_prob,
    risk_score: signal.risk_score,
    position_scale: signal.position_scale,
    beta: signal.beta,
    max_age_bars: signal.max_age_bars,
  };
}
