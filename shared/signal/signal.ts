import type { MarketKind } from '../market_kind.ts';
import type { Action } from '../core/rule/rule.ts';
import type { Reason } from '../strategies/pair_reversion/reasons.ts';
import type { Side } from '../core/position/position.ts';
import type { Arm } from '../core/rollout/assignment.ts';

export const SIGNAL_SCHEMA = 'minutehand.signal/2';

/**
 * OK: decided with models. WARMUP: not enough bars yet. DEGRADED: decided, but with a fault, or the first bars are
 * missing. HALT: no models, no bars for long, or the daemon ends: no entries.
 */
export const MODES = ['OK', 'WARMUP', 'DEGRADED', 'HALT'] as const;
export type Mode = (typeof MODES)[number];

export { isMarket, MARKETS, type MarketKind } from '../market_kind.ts';

/**
 * Feed intervals for which a signal is valid after its publication: until the next one is due, and 1.5 more.
 * @param barMinutes of the pair's timeframe
 */
export function validIntervals(barMinutes: number): number {
  return barMinutes + 1.5;
}

/** Decision for one pair at one bar: deterministic, the same live and in replay. */
export interface SignalBody {
  /** Close of the bar, `2025-10-14T12:35:00Z`. */
  timestamp: string;
  /** `XAU/USD vs XAG/USD` */
  pair: string;
  z_score: number | null;
  return_prob: number | null;
  risk_score: number | null;
  /** `SELL_XAUUSD, BUY_XAGUSD`; empty unless ENTER. */
  entry: string;
  /** return_prob · (1 − risk_score). */
  confidence: number | null;
  /** 1 iff risk_score ≥ theta2. */
  risk_flag: 0 | 1 | null;
  theta1: number | null;
  theta2: number | null;
  position_scale: number | null;
  action: Action;
  reason: Reason;
  /** Side of the virtual position after this bar. */
  target: Side;
  /** signal_id of the ENTER of the open position, or empty. */
  position_id: string;
  max_age_bars: number;
  beta: number | null;
  price_a: number | null;
  price_b: number | null;
  pair_id: string;
  signal_id: string;
  model_version: string;
  feature_schema: string;
  policy_hash: string;
  mode: Mode;
  /** Expected result of entering now, basis points at full size after costs; null for a bar that is no candidate. */
  expected_net_bps: number | null;
  /** Factor of position_scale, 0 to 1: 1 = not reduced. */
  leverage_reduction_rate: number;
  /**
   * Share of AI1's training rows that are farther out than this bar's inputs; absent for a bar that is no candidate,
   * and where the bundle does not describe those rows.
   */
  novelty?: number;
  /** Model set of the decision; only while a rollout is active. */
  arm?: Arm;
  /** Id of the active rollout. */
  rollout?: string;
}

/** Delivery of the signal: differs from run to run. `crc32` follows as the last field of the text. */
export interface SignalEnvelope {
  /** Of the lease under which it was published; only where one is configured. */
  fence?: number | undefined;
  schema: typeof SIGNAL_SCHEMA;
  market: MarketKind;
  boot_id: string;
  /** Per pair, from 1, without a gap within a boot. */
  seq: number;
  generated_at_ms: number;
  valid_until_ms: number;
}

export type Signal = SignalBody & SignalEnvelope & { crc32: string };

/** First fields of the signal of any subject, in order: the published format. */
export const PUBLISHED_FIELDS = [
  'timestamp',
  'pair',
  'z_score',
  'return_prob',
  'risk_score',
  'entry',
  'confidence',
  'risk_flag',
  'theta1',
  'theta2',
  'position_scale',
] as const;

/** Decision on any subject. */
export const DECISION_FIELDS = ['action', 'reason', 'target', 'position_id', 'max_age_bars'] as const;

/** Origin of the decision on any subject. */
export const ORIGIN_FIELDS = [
  'pair_id',
  'signal_id',
  'model_version',
  'feature_schema',
  'policy_hash',
  'mode',
] as const;

/** The fields in the order of the text. */
export const BODY_FIELDS = [
  ...PUBLISHED_FIELDS,
  ...DECISION_FIELDS,
  'beta',
  'price_a',
  'price_b',
  ...ORIGIN_FIELDS,
  'expected_net_bps',
  'leverage_reduction_rate',
] as const satisfies readonly (keyof SignalBody)[];

/** Fields of a candidate's body where the bundle describes its training rows, after the others; absent otherwise. */
export const NOVELTY_FIELDS = ['novelty'] as const satisfies readonly (keyof SignalBody)[];

/** Fields of a body while a rollout is active, after the others; absent otherwise. */
export const ROLLOUT_FIELDS = ['arm', 'rollout'] as const satisfies readonly (keyof SignalBody)[];

/** Fields of an envelope where a lease is configured, before the others; absent otherwise. */
export const LEASE_FIELDS = ['fence'] as const satisfies readonly (keyof SignalEnvelope)[];

export const ENVELOPE_FIELDS = [
  'schema',
  'market',
  'boot_id',
  'seq',
  'generated_at_ms',
  'valid_until_ms',
  'crc32',
] as const satisfies readonly (keyof (SignalEnvelope & { crc32: string }))[];
