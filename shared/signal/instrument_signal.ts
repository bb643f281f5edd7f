import type { DirectionReason } from '../strategies/direction/direction.ts';
import type { ServedRuleReason } from '../strategies/formula_rule/served_rule.ts';
import type { Action } from '../core/rule/rule.ts';
import type { Side } from '../core/position/position.ts';
import { json } from './encode.ts';
import {
  DECISION_FIELDS,
  ORIGIN_FIELDS,
  PUBLISHED_FIELDS,
  type Mode,
  type SignalBody,
  type SignalEnvelope,
} from './signal.ts';

/** Before the version of a rule: where it is in the folder of bundles. */
export const SERVED_RULE_PREFIX = 'rule/';

export const INSTRUMENT_SIGNAL_SCHEMA = 'minutehand.instrument/1';

/** Why an instrument's bar was answered without a decision. */
export const INSTRUMENT_HOLDS = ['WARMUP', 'LEG_MISSING', 'LEG_EMPTY', 'BAR_SUSPECT', 'SILENCE', 'SHUTDOWN'] as const;
export type InstrumentReason = DirectionReason | ServedRuleReason | (typeof INSTRUMENT_HOLDS)[number];

/** Decision for one instrument at one bar. The first eleven fields are those of a pair's signal. */
export interface InstrumentBody {
  /** Close of the bar, `2025-10-14T13:00:00Z`. */
  timestamp: string;
  /** `BTC/USDT` */
  pair: string;
  z_score: null;
  return_prob: null;
  risk_score: null;
  /** `BUY_BTCUSDT`; empty unless ENTER. */
  entry: string;
  /** The larger of ml_up_prob and ml_down_prob; where a rule answers, null without a direction model. */
  confidence: number | null;
  risk_flag: null;
  theta1: null;
  theta2: null;
  /** 1 where a model or a rule answers. */
  position_scale: number | null;
  ml_up_prob: number | null;
  ml_down_prob: number | null;
  ml_range_prob: number | null;
  action: Action;
  reason: InstrumentReason;
  /** Side of the virtual position after this bar. */
  target: Side;
  /** signal_id of the ENTER of the open position, or empty. */
  position_id: string;
  /** Of the open position, else of the model or rule; null without them. */
  max_age_bars: number | null;
  /** Loss, as a share of the entry's close, at which a close ends the position; null where a rule has none. */
  stop: number | null;
  /** Gain, likewise. */
  take_profit: number | null;
  /** Close of the bar. */
  price: number | null;
  /** `BTCUSDT@1h` */
  pair_id: string;
  signal_id: string;
  /** Of the direction model, or `rule/<version>` where a rule answers. */
  model_version: string;
  feature_schema: string;
  policy_hash: string;
  mode: Mode;
  /** Share of the model's training rows that are farther out; absent where no side is called or it is not known. */
  novelty?: number;
}

/** Whether a rule has answered, and not the models. */
export function isOfRule({ model_version }: Pick<SubjectBody, 'model_version'>): boolean {
  return model_version.startsWith(SERVED_RULE_PREFIX);
}

/** The body of a signal of any subject. */
export type SubjectBody = SignalBody | InstrumentBody;

export type InstrumentSignal = InstrumentBody &
  Omit<SignalEnvelope, 'schema'> & { schema: typeof INSTRUMENT_SIGNAL_SCHEMA; crc32: string };

/** The fields in the order of the text. */
export const INSTRUMENT_FIELDS = [
  ...PUBLISHED_FIELDS,
  'ml_up_prob',
  'ml_down_prob',
  'ml_range_prob',
  ...DECISION_FIELDS,
  'stop',
  'take_profit',
  'price',
  ...ORIGIN_FIELDS,
] as const satisfies readonly (keyof InstrumentBody)[];

/** As `encodeBody`: the JSON text without its closing brace, in the order of INSTRUMENT_FIELDS. */
export function encodeInstrumentBody(body: InstrumentBody): string {
  return (
    `{"timestamp":"${body.timestamp}","pair":"${body.pair}","z_score":null,"return_prob":null,"risk_score":null,` +
    `"entry":"${body.entry}","confidence":${json(body.confidence)},"risk_flag":null,"theta1":null,"theta2":null,` +
    `"position_scale":${json(body.position_scale)},"ml_up_prob":${json(body.ml_up_prob)},` +
    `"ml_down_prob":${json(body.ml_down_prob)},"ml_range_prob":${json(body.ml_range_prob)},` +
    `"action":"${body.action}","reason":"${body.reason}","target":${body.target},` +
    `"position_id":"${body.position_id}","max_age_bars":${json(body.max_age_bars)},"stop":${json(body.stop)},` +
    `"take_profit":${json(body.take_profit)},"price":${json(body.price)},"pair_id":"${body.pair_id}",` +
    `"signal_id":"${body.signal_id}","model_version":"${body.model_version}",` +
    `"feature_schema":"${body.feature_schema}","policy_hash":"${body.policy_hash}","mode":"${body.mode}"` +
    (body.novelty === undefined ? '' : `,"novelty":${body.novelty}`)
  );
}

/** The order of an ENTER: `BUY_BTCUSDT`. */
export function instrumentEntry(target: Side, symbol: string): string {
  return `${target > 0 ? 'BUY' : 'SELL'}_${symbol}`;
}
