import * as z from 'zod';
import { DIRECTION_REASONS } from '../strategies/direction/direction.ts';
import { SERVED_RULE_REASONS } from '../strategies/formula_rule/served_rule.ts';
import { MinutehandError } from '../errors.ts';
import { INSTRUMENT_ID, parseInstrument } from '../pair.ts';
import {
  INSTRUMENT_FIELDS,
  INSTRUMENT_HOLDS,
  INSTRUMENT_SIGNAL_SCHEMA,
  instrumentEntry,
  isOfRule,
  type InstrumentSignal,
} from './instrument_signal.ts';
import { ENVELOPE_FIELDS, LEASE_FIELDS, MODES, NOVELTY_FIELDS, type Signal } from './signal.ts';
import {
  contradictionOf,
  envelope,
  hex,
  parseSignal,
  price,
  refuseExpired,
  share,
  verifySignal,
  wholeLine,
} from './verify.ts';

export const INSTRUMENT_REASONS = [...new Set([...DIRECTION_REASONS, ...SERVED_RULE_REASONS, ...INSTRUMENT_HOLDS])];
const positive = z.number().positive().nullable();

/** The contract of an instrument's signal: types and ranges of every field. */
export const instrumentSignalSchema = z.strictObject({
  timestamp: z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:00Z$/),
  pair: z.string().min(1),
  z_score: z.null(),
  return_prob: z.null(),
  risk_score: z.null(),
  entry: z.string(),
  confidence: share,
  risk_flag: z.null(),
  theta1: z.null(),
  theta2: z.null(),
  position_scale: share,
  ml_up_prob: share,
  ml_down_prob: share,
  ml_range_prob: share,
  action: z.enum(['ENTER', 'EXIT', 'HOLD']),
  reason: z.enum(INSTRUMENT_REASONS),
  target: z.union([z.literal(-1), z.literal(0), z.literal(1)]),
  position_id: z.union([z.literal(''), hex(32)]),
  max_age_bars: z.int().positive().nullable(),
  stop: positive,
  take_profit: positive,
  price,
  pair_id: z.string().regex(INSTRUMENT_ID),
  signal_id: hex(32),
  model_version: z.string(),
  feature_schema: hex(16),
  policy_hash: hex(16),
  mode: z.enum(MODES),
  novelty: z.number().min(0).max(1).optional(),
  fence: z.int().positive().optional(),
  schema: z.literal(INSTRUMENT_SIGNAL_SCHEMA),
  ...envelope,
});

const NUMBERS = [
  'confidence',
  'position_scale',
  'ml_up_prob',
  'ml_down_prob',
  'ml_range_prob',
  'max_age_bars',
  'stop',
  'take_profit',
  'price',
] as const;
/** A rule needs no direction model, and may have neither stop nor target. */
const NUMBERS_OF_RULES: readonly (typeof NUMBERS)[number][] = ['position_scale', 'max_age_bars', 'price'];
/** A position keeps the exits of its entry, also those of a rule that answers no more. */
const NUMBERS_OF_POSITIONS = NUMBERS.filter((name) => name !== 'stop' && name !== 'take_profit');
const SUM_TOLERANCE = 1e-6;

/**
 * Reads one signal of an instrument, as `verifySignal` reads one of a pair.
 * @throws MinutehandError SIGNAL_CRC, SIGNAL_FORMAT, SIGNAL_STALE
 */
export function verifyInstrumentSignal(text: string, nowMs?: number): InstrumentSignal {
  const signal = parseSignal(wholeLine(text), instrumentSignalSchema as z.ZodType<InstrumentSignal>, fieldOrder);
  const contradiction = findContradiction(signal);
  if (contradiction !== null) throw new MinutehandError('SIGNAL_FORMAT', { seen: contradiction });
  refuseExpired(signal, nowMs);
  return signal;
}

/** Reads one signal of any subject. @throws MinutehandError as verifySignal */
export function verifyAnySignal(text: string, nowMs?: number): Signal | InstrumentSignal {
  const isInstrument = text.includes(`,"schema":"${INSTRUMENT_SIGNAL_SCHEMA}",`);
  return isInstrument ? verifyInstrumentSignal(text, nowMs) : verifySignal(text, nowMs);
}

/**
 * Reads the signal of a folder or key of one subject.
 * @throws MinutehandError as verifySignal, and SIGNAL_PAIR
 */
export function verifySignalOf(subject: string, text: string, nowMs?: number): Signal | InstrumentSignal {
  const signal = verifyAnySignal(text, nowMs);
  if (signal.pair_id === subject) return signal;
  throw new MinutehandError('SIGNAL_PAIR', { seen: `a signal of ${signal.pair_id}`, expected: subject });
}

function fieldOrder({ novelty, fence }: InstrumentSignal): string {
  return [
    ...INSTRUMENT_FIELDS,
    ...(novelty === undefined ? [] : NOVELTY_FIELDS),
    ...(fence === undefined ? [] : LEASE_FIELDS),
    ...ENVELOPE_FIELDS,
  ].join();
}

function findContradiction(signal: InstrumentSignal): string | null {
  const { action, target, entry, mode, reason, pair_id } = signal;
  const contradiction = contradictionOf(signal);
  if (contradiction !== null) return contradiction;
  if (action === 'ENTER' && entry !== instrumentEntry(target, parseInstrument(pair_id).a))
    return `entry "${entry}" with target ${target}`;
  const { ml_up_prob: up, ml_down_prob: down, ml_range_prob: range } = signal;
  if (up !== null && !(Math.abs(up + (down ?? NaN) + (range ?? NaN) - 1) <= SUM_TOLERANCE))
    return `probabilities ${up}, ${down} and ${range}, whose sum is not 1`;
  const isUndecided = reason === 'LEG_MISSING' || reason === 'LEG_EMPTY' || reason === 'BAR_SUSPECT';
  const missing = neededIn(signal).find((name) => signal[name] === null);
  if (missing !== undefined && mode !== 'WARMUP' && mode !== 'HALT' && !isUndecided)
    return `${missing} is null in mode ${mode}`;
  return null;
}

/** Numbers that are known wherever a bar was decided. */
function neededIn(signal: InstrumentSignal): readonly (typeof NUMBERS)[number][] {
  if (isOfRule(signal)) return NUMBERS_OF_RULES;
  const isHeld = signal.position_id !== '' && signal.action !== 'ENTER';
  return isHeld ? NUMBERS_OF_POSITIONS : NUMBERS;
}
