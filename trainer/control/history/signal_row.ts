import type { InstrumentBody, SubjectBody } from '../../../shared/signal/instrument_signal.ts';
import { PAIR_ID, pairLabel, parsePair } from '../../../shared/pair.ts';
import type { Reason } from '../../../shared/strategies/pair_reversion/reasons.ts';
import { encodeBody } from '../../../shared/signal/encode.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import { MinutehandError } from '../../../shared/errors.ts';

/** Journaled data of a published signal, apart from its body. */
export interface Published {
  readonly market: string;
  /** Publication time by the daemon's clock, epoch ms. */
  readonly generated_at_ms: number;
  readonly pair_id: string;
  readonly boot_id: string;
  readonly seq: number;
  /** Open of the answered bar, epoch seconds UTC. */
  readonly bar_time: number;
  /** AI2's probability, 0 to 1, before ranking (`risk_score`). */
  readonly risk_prob: number | null;
  /** CRC-32 of the pair's features. */
  readonly features_crc: string | null;
}

/** The last fields of a body; older signals lack them. */
const LATER_FIELDS = ['expected_net_bps', 'leverage_reduction_rate'] as const;
type LaterField = (typeof LATER_FIELDS)[number];

/** A row of the history: a published signal with one column per field. */
export interface SignalRow
  extends Published, Omit<SignalBody, 'timestamp' | 'pair' | 'pair_id' | LaterField | 'novelty' | 'arm' | 'rollout'> {
  /** Close of the signal's bar: its `timestamp`, `2025-10-14T12:35:00Z`. */
  readonly bar_close: string;
  readonly expected_net_bps: number | null;
  /** null in signals from before both fields existed. */
  readonly leverage_reduction_rate: number | null;
  /** null where the signal has none. */
  readonly novelty: number | null;
  /** Text of the signal if the columns do not reproduce it byte for byte; otherwise null. */
  readonly body: string | null;
}

export type ColumnType = 'text' | 'bigint' | 'integer' | 'double precision';

/** Columns in table order. `key` columns order the rows of a market. */
export const SIGNAL_COLUMNS = [
  ['market', 'text', 'key'],
  ['generated_at_ms', 'bigint', 'key'],
  ['pair_id', 'text', 'key'],
  ['boot_id', 'text', 'key'],
  ['seq', 'bigint', 'key'],
  ['bar_time', 'bigint', 'known'],
  ['bar_close', 'text', 'known'],
  ['signal_id', 'text', 'known'],
  ['action', 'text', 'known'],
  ['reason', 'text', 'known'],
  ['mode', 'text', 'known'],
  ['target', 'integer', 'known'],
  ['position_id', 'text', 'known'],
  ['max_age_bars', 'integer', 'known'],
  ['entry', 'text', 'known'],
  ['z_score', 'double precision', 'nullable'],
  ['return_prob', 'double precision', 'nullable'],
  ['risk_score', 'double precision', 'nullable'],
  ['risk_prob', 'double precision', 'nullable'],
  ['confidence', 'double precision', 'nullable'],
  ['risk_flag', 'integer', 'nullable'],
  ['theta1', 'double precision', 'nullable'],
  ['theta2', 'double precision', 'nullable'],
  ['position_scale', 'double precision', 'nullable'],
  ['beta', 'double precision', 'nullable'],
  ['price_a', 'double precision', 'nullable'],
  ['price_b', 'double precision', 'nullable'],
  ['model_version', 'text', 'known'],
  ['feature_schema', 'text', 'known'],
  ['policy_hash', 'text', 'known'],
  ['features_crc', 'text', 'nullable'],
  ['body', 'text', 'nullable'],
  ['expected_net_bps', 'double precision', 'nullable'],
  ['leverage_reduction_rate', 'double precision', 'nullable'],
  ['novelty', 'double precision', 'nullable'],
] as const satisfies readonly (readonly [keyof SignalRow, ColumnType, 'key' | 'known' | 'nullable'])[];

const labels = new Map<string, string>();

function labelOf(pairId: string): string {
  const known = labels.get(pairId);
  if (known !== undefined) return known;
  const label = PAIR_ID.test(pairId) ? pairLabel(parsePair(pairId)) : '';
  labels.set(pairId, label);
  return label;
}

/** Body of a signal as published, without its closing brace. */
export function bodyText(row: SignalRow): string {
  // encodeBody reads from the row directly: copying a million rows would cost as much as the rest.
  if (row.body !== null) return row.body;
  const fields = Object.assign(row, { timestamp: row.bar_close, pair: labelOf(row.pair_id) });
  const text = encodeBody(fields as typeof fields & { readonly leverage_reduction_rate: number });
  return row.leverage_reduction_rate === null ? text.slice(0, text.lastIndexOf(`,"${LATER_FIELDS[0]}":`)) : text;
}

/**
 * Converts a journaled signal to a row of the history.
 * @param body as in the journal: JSON without its closing brace
 * @throws MinutehandError JOURNAL_DAMAGED if it is not a JSON object
 */
export function signalRow(body: string, published: Published): SignalRow {
  const whole = parse(`${body}}`) as SubjectBody;
  const parsed = 'ml_up_prob' in whole ? columnsOfInstrument(whole) : whole;
  // A rollout signal is stored with its text.
  const { timestamp, pair: _pair, arm: _arm, rollout: _rollout, ...fields } = parsed;
  const { expected_net_bps = null, leverage_reduction_rate = null, novelty = null } = fields as Partial<SignalBody>;
  const row: SignalRow = {
    ...fields,
    expected_net_bps,
    leverage_reduction_rate,
    novelty,
    ...published,
    bar_close: timestamp,
    body: null,
  };
  return bodyText(row) === body ? row : { ...row, body };
}

/** Signal of an instrument in the columns of a pair; its row also has the text. */
function columnsOfInstrument(body: InstrumentBody): SignalBody {
  const { ml_up_prob: _up, ml_down_prob: _down, ml_range_prob: _range, stop: _stop, ...rest } = body;
  const { take_profit: _target, price, max_age_bars, reason, ...fields } = rest;
  return {
    ...fields,
    beta: null,
    price_a: price,
    price_b: null,
    expected_net_bps: null,
    leverage_reduction_rate: 1,
    max_age_bars: max_age_bars ?? 0,
    reason: reason as Reason,
  };
}

const ENVELOPE = ',"market":"';

/** Deterministic archive line of a row: the body byte for byte, followed by the other fields. */
export function signalLine(row: SignalRow): string {
  const { market, boot_id, seq, generated_at_ms, bar_time, risk_prob, features_crc } = row;
  return (
    `${bodyText(row)}${ENVELOPE}${market}","boot_id":"${boot_id}","seq":${seq},"generated_at_ms":${generated_at_ms},` +
    `"bar_time":${bar_time},"risk_prob":${risk_prob},"features_crc":${features_crc === null ? 'null' : `"${features_crc}"`}}`
  );
}

/**
 * Parses an archive line.
 * @throws MinutehandError ARCHIVE_DAMAGED if the line is not one of `signalLine`
 */
export function rowOfLine(line: string): SignalRow {
  const at = line.lastIndexOf(ENVELOPE);
  try {
    const { market, boot_id, seq, generated_at_ms, bar_time, risk_prob, features_crc, pair_id } = parse(
      line,
    ) as SignalRow;
    const published = { market, generated_at_ms, pair_id, boot_id, seq, bar_time, risk_prob, features_crc };
    const row = signalRow(line.slice(0, at), published);
    if (signalLine(row) === line) return row;
  } catch (error) {
    if (!(error instanceof MinutehandError)) throw error;
  }
  throw new MinutehandError('ARCHIVE_DAMAGED', { seen: `the line ${line.slice(0, 200)}` });
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Reported below.
  }
  throw new MinutehandError('JOURNAL_DAMAGED', { seen: `a signal ${text.slice(0, 200)}` });
}
