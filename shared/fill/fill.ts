import * as z from 'zod';
import { HIGHEST_PRICE, LOWEST_PRICE } from '../bar_rules.ts';
import { MinutehandError } from '../errors.ts';
import { PAIR_ID, parsePair } from '../pair.ts';
import { checksum } from '../signal/encode.ts';
import { MARKETS } from '../signal/signal.ts';

export const FILL_SCHEMA = 'minutehand.fill/1';

/** An entry of this stream in Redis has one field, `fill`: the line. */
export const FILLS_STREAM = 'minutehand:fills';

const ACCOUNTS = ['paper', 'demo', 'real'] as const;
export type Account = (typeof ACCOUNTS)[number];

/** A line has some 700 bytes. */
const MAX_FILL_BYTES = 4096;

const id = z.string().regex(/^[0-9a-f]{32}$/, 'not 32 hex digits');
const words = z.string().max(500);
const side = z.enum(['BUY', 'SELL']);
/** From 2001 to 5138 in milliseconds: seconds or microseconds are another unit. */
const epochMs = z.int().min(1e12).max(1e14);
/**
 * Beyond any account: a number that is larger is a defect of the program that wrote it, and would make sums infinite. A
 * lot may be one unit of a coin of which a cent buys thousands.
 */
export const MAX_LOTS = 1e12;
export const MAX_MONEY = 1e13;
/** From the least price to the greatest. */
const MAX_SLIPPAGE_BPS = (1e4 * HIGHEST_PRICE) / LOWEST_PRICE;
const price = z.number().min(LOWEST_PRICE).max(HIGHEST_PRICE);

const head = {
  schema: z.literal(FILL_SCHEMA),
  signal_id: id,
  position_id: id,
  pair_id: z.string().regex(PAIR_ID, 'not a pair such as XAUUSD_XAGUSD'),
  market: z.enum(MARKETS),
  account: z.enum(ACCOUNTS),
  reason: words,
  ticket: z.int().nonnegative(),
  time_ms: epochMs,
  signal_ms: z.union([z.literal(0), epochMs]),
  latency_ms: z.int(),
  currency: z.string().max(20),
  error: words,
};

const traded = {
  ...head,
  leg: z.enum(['A', 'B']),
  symbol: z.string().min(1).max(40),
  broker_symbol: z.string().min(1).max(60),
  side,
  lots: z.number().positive().max(MAX_LOTS),
  requested_price: price,
  filled_price: price,
  slippage_bps: z.number().min(-MAX_SLIPPAGE_BPS).max(MAX_SLIPPAGE_BPS),
};

/** The contract of one line of `result.json` and of one entry of `minutehand:fills`. */
const fillSchema = z.discriminatedUnion('kind', [
  z.strictObject({ ...traded, kind: z.literal('open'), pnl: z.null() }),
  z.strictObject({ ...traded, kind: z.literal('close'), pnl: z.number().min(-MAX_MONEY).max(MAX_MONEY) }),
  z.strictObject({
    ...head,
    kind: z.literal('refused'),
    leg: z.enum(['', 'A', 'B']),
    symbol: z.string().max(40),
    broker_symbol: z.string().max(60),
    side: z.union([z.literal(''), side]),
    lots: z.number().nonnegative().max(MAX_LOTS),
    requested_price: z.null(),
    filled_price: z.null(),
    slippage_bps: z.null(),
    pnl: z.null(),
    error: words.min(1),
  }),
]);

/** One line, as docs/reference/PROTOCOL.md has it. */
export type Fill = z.infer<typeof fillSchema>;

/** The fields in the order in which they are written. */
const FILL_FIELDS = [
  'schema',
  'kind',
  'signal_id',
  'position_id',
  'pair_id',
  'market',
  'account',
  'reason',
  'leg',
  'symbol',
  'broker_symbol',
  'side',
  'ticket',
  'lots',
  'requested_price',
  'filled_price',
  'slippage_bps',
  'time_ms',
  'signal_ms',
  'latency_ms',
  'pnl',
  'currency',
  'error',
] as const satisfies readonly (keyof Fill)[];

/**
 * Reads one line, without its newline.
 * @throws MinutehandError FILL_TOO_LONG, FILL_SCHEMA, FILL_FORMAT
 */
export function parseFill(line: string): Fill {
  const bytes = Buffer.byteLength(line);
  if (bytes > MAX_FILL_BYTES)
    throw new MinutehandError('FILL_TOO_LONG', { seen: `${bytes} bytes`, expected: `at most ${MAX_FILL_BYTES}` });
  const value = parseJson(line);
  const { schema } = value as { schema?: unknown };
  if (typeof schema === 'string' && schema !== FILL_SCHEMA)
    throw new MinutehandError('FILL_SCHEMA', { seen: schema.slice(0, 60), expected: FILL_SCHEMA });
  const parsed = fillSchema.safeParse(value);
  if (!parsed.success) throw unfitting(parsed.error.issues[0]!, value);
  const fill = parsed.data;
  const contradiction = contradictionOf(fill);
  if (contradiction !== null) throw malformed(contradiction);
  return fill;
}

/** The line of a fill, without a newline. */
export function encodeFill(fill: Fill): string {
  return JSON.stringify(Object.fromEntries(FILL_FIELDS.map((field) => [field, fill[field]])));
}

/** Two lines with the same key describe the same fill. */
export function fillKey({ account, signal_id, leg, ticket, kind }: Fill): string {
  return [account, signal_id, leg, ticket, kind].join('/');
}

/** No deal of a broker is numbered so high, and JSON keeps whole numbers up to 2^53. */
const OWN_TICKETS_FROM = 2 ** 51;
const OWN_TICKETS_OF_ONE = 2 ** 20;

/**
 * First ticket of a program for paper orders and refusals, which no broker numbers, so that two that follow the same
 * signals never write the same ticket. The expert advisor for MetaTrader 5 counts in the same way.
 * @param identity what no other program has: machine, folder, time
 */
export function firstOwnTicket(identity: string): number {
  return OWN_TICKETS_FROM + (parseInt(checksum(identity), 16) % 2 ** 31) * OWN_TICKETS_OF_ONE + 1;
}

/**
 * From the publication of a signal to its execution, in ms; 0 without a signal. Two clocks may show that the execution
 * was first (a terminal's has whole seconds until it has seen one change, and two machines differ): that is 0 too.
 */
export function latencyMs(signalMs: number, timeMs: number): number {
  return signalMs > 0 ? Math.max(0, timeMs - signalMs) : 0;
}

/** Slippage against the requested price, in basis points: below zero is better. */
export function slippageBps(way: 'BUY' | 'SELL', requested: number, filled: number): number {
  return ((filled - requested) / requested) * 10_000 * (way === 'BUY' ? 1 : -1);
}

function parseJson(line: string): object {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    const [, field, whole, fraction] = COMMA_NUMBER.exec(line) ?? [];
    if (field !== undefined) throw withComma(field, `${whole},${fraction}`, `${whole}.${fraction}`);
    throw malformed(`no JSON (${(cause as Error).message})`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('no JSON object');
  return value;
}

/** `"lots":0,5` before the next field or the end: one number to a person, and no JSON. */
const COMMA_NUMBER = /"(\w+)"\s*:\s*(-?\d+),(\d+)\s*(?=,\s*"|\})/;
/** A number that is written as text: `0.5`, `0,5`, `-1,25`. */
const NUMBER_TEXT = /^\s*([+-]?\d+)(?:([.,])(\d+))?\s*$/;
const SHOWN_VALUE = 60;

/** The first field that does not fit, with its value, and where that is a number as text, how it is written. */
function unfitting({ path, message }: z.core.$ZodIssue, value: object): MinutehandError {
  const field = path.join('.');
  if (field === '') return malformed(`the line: ${message}`);
  const own = (value as Record<string, unknown>)[field];
  const [, whole, separator, fraction] = typeof own === 'string' ? (NUMBER_TEXT.exec(own) ?? []) : [];
  const isNumber = whole !== undefined && message.includes('expected number');
  if (isNumber && separator === ',') return withComma(field, `"${own as string}"`, `${whole}.${fraction}`);
  const shown = own === undefined ? 'absent' : `${JSON.stringify(own).slice(0, SHOWN_VALUE)}`;
  if (isNumber)
    return new MinutehandError('FILL_FORMAT', {
      seen: `${field} is the text ${shown}`,
      expected: `"${field}":${Number(own)}, a number without quotes`,
      next: `Write ${field} as a number and send the line again; the fill is not counted until then.`,
    });
  return malformed(`${field} is ${shown}: ${message}`);
}

/** A number is not guessed: 1,234 may be a thousand, and money follows from it. */
function withComma(field: string, seen: string, meant: string): MinutehandError {
  return new MinutehandError('FILL_FORMAT', {
    seen: `${field} is ${seen}, with a decimal comma`,
    expected: `"${field}":${meant}, with a point, as JSON has numbers`,
    next: `Write numbers with a point, whatever the language of the computer, and send the line again; the fill is not counted until then.`,
  });
}

function contradictionOf(fill: Fill): string | null {
  const { kind, leg, symbol, pair_id } = fill;
  let legs: readonly [string, string];
  try {
    const { a, b } = parsePair(pair_id);
    legs = [a, b];
  } catch (error) {
    return (error as Error).message;
  }
  if (leg !== '' && symbol !== '' && symbol !== legs[leg === 'A' ? 0 : 1])
    return `leg ${leg} of ${pair_id} is not ${symbol}`;
  if (kind !== 'close' && fill.signal_id !== fill.position_id)
    return `${kind === 'open' ? 'a position is' : 'an entry that was refused is'} named after the signal that opens it, and position_id is not signal_id`;
  return null;
}

function malformed(seen: string): MinutehandError {
  return new MinutehandError('FILL_FORMAT', { seen });
}
