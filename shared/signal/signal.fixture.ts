import { entryLegs } from '../strategies/pair_reversion/entry_legs.ts';
import type { Reason } from '../strategies/pair_reversion/reasons.ts';
import { instrumentLabel, pairLabel, parseInstrument, parsePair } from '../pair.ts';
import { encodeBody, encodeSignal } from './encode.ts';
import {
  encodeInstrumentBody,
  INSTRUMENT_SIGNAL_SCHEMA,
  instrumentEntry,
  type InstrumentBody,
} from './instrument_signal.ts';
import { SIGNAL_SCHEMA, type SignalBody, type SignalEnvelope } from './signal.ts';

/** A signal id that is easy to distinguish: `00…0<number in hex>`. */
export const idOf = (number: number): string => number.toString(16).padStart(32, '0');

/** A valid signal of XAUUSD_XAGUSD, HOLD and flat; given fields replace its own, unchecked. */
export function bodyOf(change: Partial<SignalBody> = {}): SignalBody {
  const pairId = change.pair_id ?? 'XAUUSD_XAGUSD';
  return {
    timestamp: '2026-11-20T08:26:00Z',
    pair: pairLabel(parsePair(pairId)),
    z_score: 0.5,
    return_prob: 0.8,
    risk_score: 0.1,
    entry: '',
    confidence: 0.72,
    risk_flag: 0,
    theta1: 0.7,
    theta2: 0.3,
    position_scale: 0.5,
    action: 'HOLD',
    reason: 'NO_SETUP',
    target: 0,
    position_id: '',
    max_age_bars: 60,
    beta: 0.8,
    price_a: 4100.5,
    price_b: 51.25,
    pair_id: pairId,
    signal_id: idOf(1),
    model_version: '20261120_0800',
    feature_schema: '0123456789abcdef',
    policy_hash: 'fedcba9876543210',
    mode: 'OK',
    expected_net_bps: 0.5,
    leverage_reduction_rate: 1,
    ...change,
  };
}

/** The ENTER of position `id`: it sells leg A when z is positive. */
export function enterBody(id: string, change: Partial<SignalBody> = {}): SignalBody {
  const base = bodyOf({ z_score: 2.5, ...change });
  const target = base.z_score! > 0 ? -1 : 1;
  const { a, b } = parsePair(base.pair_id);
  return {
    ...base,
    entry: entryLegs(target, base.beta!, a, b),
    action: 'ENTER',
    reason: 'ENTRY',
    target,
    position_id: id,
    signal_id: id,
    ...change,
  };
}

/** A HOLD within position `id`. */
export function inPositionBody(id: string, change: Partial<SignalBody> = {}): SignalBody {
  return bodyOf({ reason: 'IN_POSITION', target: -1, position_id: id, ...change });
}

/** The EXIT of position `id`. */
export function exitBody(id: string, reason: Reason = 'Z_EXIT', change: Partial<SignalBody> = {}): SignalBody {
  return bodyOf({ action: 'EXIT', reason, position_id: id, ...change });
}

/** Live, valid for 150 s from its publication. */
export function textOf(
  body: SignalBody,
  envelope: Pick<SignalEnvelope, 'boot_id' | 'seq' | 'generated_at_ms'> & Partial<SignalEnvelope>,
): string {
  return encodeSignal(encodeBody(body), {
    schema: SIGNAL_SCHEMA,
    market: 'live',
    valid_until_ms: envelope.generated_at_ms + 150_000,
    ...envelope,
  });
}

/** A valid signal of BTCUSDT@1h, HOLD and flat; given fields replace its own, unchecked. */
export function instrumentBodyOf(change: Partial<InstrumentBody> = {}): InstrumentBody {
  const id = change.pair_id ?? 'BTCUSDT@1h';
  return {
    timestamp: '2026-11-20T08:00:00Z',
    pair: instrumentLabel(parseInstrument(id)),
    z_score: null,
    return_prob: null,
    risk_score: null,
    risk_flag: null,
    theta1: null,
    theta2: null,
    entry: '',
    confidence: 0.5,
    position_scale: 1,
    ml_up_prob: 0.5,
    ml_down_prob: 0.25,
    ml_range_prob: 0.25,
    action: 'HOLD',
    reason: 'THETA',
    target: 0,
    position_id: '',
    max_age_bars: 24,
    stop: 0.02,
    take_profit: 0.02,
    price: 91_000.5,
    pair_id: id,
    signal_id: idOf(1),
    model_version: '20261120_0800',
    feature_schema: '0123456789abcdef',
    policy_hash: 'fedcba9876543210',
    mode: 'OK',
    ...change,
  };
}

/** The ENTER of position `id`, long unless `target` is given. */
export function enterInstrument(id: string, change: Partial<InstrumentBody> = {}): InstrumentBody {
  const base = instrumentBodyOf({ target: 1, ...change });
  const entry = instrumentEntry(base.target, parseInstrument(base.pair_id).a);
  return { ...base, entry, action: 'ENTER', reason: 'ENTRY', position_id: id, signal_id: id, ...change };
}

/** Live, valid for 61.5 minutes from its publication. */
export function instrumentTextOf(
  body: InstrumentBody,
  envelope: Pick<SignalEnvelope, 'boot_id' | 'seq' | 'generated_at_ms'> & Partial<Omit<SignalEnvelope, 'schema'>>,
): string {
  return encodeSignal(encodeInstrumentBody(body), {
    schema: INSTRUMENT_SIGNAL_SCHEMA,
    market: 'live',
    valid_until_ms: envelope.generated_at_ms + 3_690_000,
    ...envelope,
  });
}
