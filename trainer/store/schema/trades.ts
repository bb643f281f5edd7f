import { BIGINT, DOUBLE, INTEGER, TEXT, optional, table, type RowOf } from './table.ts';

/**
 * One row for each fill or refused order reported by an expert advisor; with the signal that caused it, where the
 * journal has it.
 */
const LIVE_TRADES = table(
  'core.live_trades',
  {
    key: ['fill_key'],
    indexes: [
      { name: 'live_trades_time', columns: ['market', 'time_ms'] },
      { name: 'live_trades_unjoined', columns: ['time_ms'], where: 'signal_action is null' },
    ],
  },
  {
    /** account/signal_id/leg/ticket/kind: identifies duplicates. */
    fill_key: TEXT,
    account: TEXT,
    market: TEXT,
    pair_id: TEXT,
    position_id: TEXT,
    signal_id: TEXT,
    /** A, B, or empty when the whole pair was refused. */
    leg: TEXT,
    ticket: BIGINT,
    /** open, close or refused. */
    kind: TEXT,
    reason: TEXT,
    symbol: TEXT,
    broker_symbol: TEXT,
    /** BUY or SELL; empty when the whole pair was refused. */
    side: TEXT,
    lots: DOUBLE,
    requested_price: optional(DOUBLE),
    filled_price: optional(DOUBLE),
    /** Against the requested price, computed here; above zero is worse. */
    slippage_bps: optional(DOUBLE),
    time_ms: BIGINT,
    /** Publication of the signal; null without a signal. */
    signal_ms: optional(BIGINT),
    latency_ms: optional(BIGINT),
    /** Of a close, in `currency`. */
    pnl: optional(DOUBLE),
    currency: TEXT,
    error: TEXT,
    /** Fields of the signal, all null until the journal has it. */
    signal_action: optional(TEXT),
    signal_reason: optional(TEXT),
    /** Close of its bar, ISO 8601 in UTC. */
    signal_bar: optional(TEXT),
    /** Close of this leg's bar. */
    signal_price: optional(DOUBLE),
    model_version: optional(TEXT),
    z_score: optional(DOUBLE),
    return_prob: optional(DOUBLE),
    risk_score: optional(DOUBLE),
    position_scale: optional(DOUBLE),
    beta: optional(DOUBLE),
    max_age_bars: optional(INTEGER),
    /** The line as received. */
    line: TEXT,
    /** file or redis: the transport that delivered it first. */
    source: TEXT,
    /**
     * The file that contains it; the stream while no file does. Two programs that trade on paper have separate rows.
     */
    place: TEXT,
    received_ms: BIGINT,
  },
);
export type LiveTradesTable = RowOf<typeof LIVE_TRADES>;

/** Lines that are no fills or contradict a known one; each once, however often it is received. */
const REFUSED_FILLS = table(
  'core.refused_fills',
  { key: ['line_sha256'] },
  {
    /** Of the line. */
    line_sha256: TEXT,
    /** Of shared/errors.ts. */
    code: TEXT,
    message: TEXT,
    /** The file, or the stream. */
    place: TEXT,
    /** Its first characters. */
    line: TEXT,
    received_ms: BIGINT,
  },
);
export type RefusedFillsTable = RowOf<typeof REFUSED_FILLS>;

/** Read position of each result.json. */
const FILL_FILES = table(
  'core.fill_files',
  { key: ['file'] },
  {
    /** Machine and absolute path. */
    file: TEXT,
    read_bytes: BIGINT,
    /** Hash of the beginning and the end of the part read; differs for another file at this path. */
    fingerprint: TEXT,
    updated_ms: BIGINT,
  },
);

export const TRADE_TABLES = [LIVE_TRADES, REFUSED_FILLS, FILL_FILES] as const;
