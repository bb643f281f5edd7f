import * as z from 'zod';
import { REASONS, type Reason } from '../strategies/pair_reversion/reasons.ts';
import { MinutehandError } from '../errors.ts';
import { PAIR_ID } from '../pair.ts';
import { checksum } from './encode.ts';
import { isOfRule, type SubjectBody } from './instrument_signal.ts';
import { ARMS } from '../core/rollout/assignment.ts';
import {
  BODY_FIELDS,
  ENVELOPE_FIELDS,
  LEASE_FIELDS,
  MARKETS,
  MODES,
  NOVELTY_FIELDS,
  ROLLOUT_FIELDS,
  SIGNAL_SCHEMA,
  type Signal,
} from './signal.ts';

export const share = z.number().min(0).max(1).nullable();
export const hex = (digits: number): z.ZodString => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
export const price = z.number().positive().nullable();

/** Behind `schema`. */
export const envelope = {
  market: z.enum(MARKETS),
  boot_id: z.string().min(1),
  seq: z.int().positive(),
  generated_at_ms: z.int().positive(),
  valid_until_ms: z.int().positive(),
  crc32: hex(8),
};

/** The contract of one signal as a schema: types and ranges of every field. */
export const signalSchema = z.strictObject({
  timestamp: z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:00Z$/),
  pair: z.string().min(1),
  z_score: z.number().nullable(),
  return_prob: share,
  risk_score: share,
  entry: z.string(),
  confidence: share,
  risk_flag: z.union([z.literal(0), z.literal(1)]).nullable(),
  theta1: share,
  theta2: share,
  position_scale: share,
  action: z.enum(['ENTER', 'EXIT', 'HOLD']),
  reason: z.enum(Object.keys(REASONS) as Reason[]),
  target: z.union([z.literal(-1), z.literal(0), z.literal(1)]),
  position_id: z.union([z.literal(''), hex(32)]),
  max_age_bars: z.int().positive(),
  beta: z.number().nullable(),
  price_a: price,
  price_b: price,
  pair_id: z.string().regex(PAIR_ID),
  signal_id: hex(32),
  model_version: z.string(),
  feature_schema: hex(16),
  policy_hash: hex(16),
  mode: z.enum(MODES),
  expected_net_bps: z.number().nullable(),
  leverage_reduction_rate: z.number().gt(0).max(1),
  novelty: z.number().min(0).max(1).optional(),
  arm: z.enum(ARMS).optional(),
  rollout: z.string().min(1).max(40).optional(),
  fence: z.int().positive().optional(),
  schema: z.literal(SIGNAL_SCHEMA),
  ...envelope,
});

const NUMBERS = [
  'z_score',
  'return_prob',
  'risk_score',
  'confidence',
  'risk_flag',
  'theta1',
  'theta2',
  'position_scale',
  'beta',
  'price_a',
  'price_b',
] as const;
/** A rule has no scores. */
const NUMBERS_OF_RULES: readonly (typeof NUMBERS)[number][] = [
  'z_score',
  'position_scale',
  'beta',
  'price_a',
  'price_b',
];

/**
 * Reads one signal as a consumer must: checksum first, then fields and order, then what must hold between them.
 * @param nowMs wall-clock time; when given, an expired signal is refused.
 * @throws MinutehandError SIGNAL_CRC, SIGNAL_FORMAT, SIGNAL_STALE
 */
export function verifySignal(text: string, nowMs?: number): Signal {
  const line = wholeLine(text);
  const signal = parseSignal(line, signalSchema as z.ZodType<Signal>, fieldOrder);
  const contradiction = findContradiction(signal);
  if (contradiction !== null) throw new MinutehandError('SIGNAL_FORMAT', { seen: contradiction });
  refuseExpired(signal, nowMs);
  return signal;
}

/** The line of a signal whose checksum fits. @throws MinutehandError SIGNAL_CRC, SIGNAL_FORMAT */
export function wholeLine(text: string): string {
  const line = text.trim();
  const tail = line.lastIndexOf(',"crc32":"');
  if (!line.startsWith('{') || tail < 0)
    throw new MinutehandError('SIGNAL_FORMAT', { seen: line === '' ? 'an empty text' : `${line.slice(0, 40)}…` });
  const expected = `,"crc32":"${checksum(line.slice(0, tail))}"}`;
  if (line.slice(tail) !== expected)
    throw new MinutehandError('SIGNAL_CRC', { seen: line.slice(tail + 1), expected: expected.slice(1) });
  return line;
}

/** @param orderOf the order of the fields @throws MinutehandError SIGNAL_FORMAT */
export function parseSignal<Fields>(
  line: string,
  schema: z.ZodType<Fields>,
  orderOf: (signal: Fields) => string,
): Fields {
  const parsed = schema.safeParse(parseJson(line));
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new MinutehandError('SIGNAL_FORMAT', { seen: `${issue.path.join('.') || 'signal'}: ${issue.message}` });
  }
  const order = Object.keys(JSON.parse(line) as object).join();
  const expected = orderOf(parsed.data);
  if (order !== expected) throw new MinutehandError('SIGNAL_FORMAT', { seen: `fields ${order}`, expected });
  return parsed.data;
}

/** @throws MinutehandError SIGNAL_STALE */
export function refuseExpired({ valid_until_ms }: Pick<Signal, 'valid_until_ms'>, nowMs: number | undefined): void {
  if (nowMs === undefined || valid_until_ms >= nowMs) return;
  throw new MinutehandError('SIGNAL_STALE', {
    seen: `valid until ${new Date(valid_until_ms).toISOString()}`,
    expected: `after ${new Date(nowMs).toISOString()}`,
  });
}

/** Optional groups of fields are absent or whole, in their places. */
function fieldOrder({ novelty, arm, rollout, fence }: Signal): string {
  const isRollout = arm !== undefined || rollout !== undefined;
  return [
    ...BODY_FIELDS,
    ...(novelty === undefined ? [] : NOVELTY_FIELDS),
    ...(isRollout ? ROLLOUT_FIELDS : []),
    ...(fence === undefined ? [] : LEASE_FIELDS),
    ...ENVELOPE_FIELDS,
  ].join();
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new MinutehandError('SIGNAL_FORMAT', { seen: 'a line that is not JSON', cause });
  }
}

function findContradiction(signal: Signal): string | null {
  const { mode, reason } = signal;
  const contradiction = contradictionOf(signal);
  if (contradiction !== null) return contradiction;
  const mayBeNull =
    mode === 'WARMUP' ||
    mode === 'HALT' ||
    reason === 'LEG_MISSING' ||
    reason === 'LEG_EMPTY' ||
    reason === 'BAR_SUSPECT';
  const missing = (isOfRule(signal) ? NUMBERS_OF_RULES : NUMBERS).find((name) => signal[name] === null);
  if (missing !== undefined && !mayBeNull) return `${missing} is null in mode ${mode}`;
  return null;
}

type Decided = Pick<SubjectBody, 'action' | 'target' | 'entry' | 'position_id' | 'mode' | 'reason' | 'signal_id'>;

/** What must hold between the fields of a signal of any subject. */
export function contradictionOf(signal: Decided): string | null {
  const { action, target, entry, position_id, mode, reason, signal_id } = signal;
  if ((action === 'ENTER') !== (entry !== '')) return `action ${action} with entry "${entry}"`;
  if (action === 'ENTER' && (target === 0 || position_id !== signal_id))
    return `ENTER with target ${target} and position_id "${position_id}"`;
  if (action === 'ENTER' && mode !== 'OK' && mode !== 'DEGRADED') return `ENTER in mode ${mode}`;
  if (action === 'EXIT' && target !== 0) return `EXIT with target ${target}`;
  if ((target === 0) !== (position_id === '') && action !== 'EXIT')
    return `target ${target} with position_id "${position_id}"`;
  if (reason === 'SILENCE' && action !== 'HOLD') return `action ${action} with reason SILENCE`;
  if (reason === 'SILENCE' && mode === 'OK') return 'mode OK with reason SILENCE';
  if (reason === 'SHUTDOWN' && (action !== 'HOLD' || mode !== 'HALT'))
    return `action ${action} in mode ${mode} with reason SHUTDOWN`;
  return null;
}
