import { encloses, SECONDS_PER_BAR, type Bar, type OpenTime } from '../../shared/bar.ts';
import { amountFault, HIGHEST_PRICE, LOWEST_PRICE, priceFault } from '../../shared/bar_rules.ts';
import { MinutehandError } from '../../shared/errors.ts';

/** A minute of a symbol as it came in: a bar, or the word that there was no trade. */
export type WireMinute =
  | { readonly kind: 'bar'; readonly bar: Bar }
  | { readonly kind: 'empty'; readonly symbol: string; readonly time: OpenTime };

const MS_PER_BAR = SECONDS_PER_BAR * 1000;
/** Epoch seconds of 1973 to 2603 would be days early in 1970 as milliseconds, for which no minutes exist. */
const MISTAKEN_SECONDS = { from: 1e8, to: 2e10 } as const;
const LATEST_DATE_MS = 8.64e15;
/** Date.parse alone takes `5 Z` and `1/2/2024 0:00Z` too, and makes something of them. */
const ISO_TIME = /^(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}(?::\d{2}(?:\.(\d+))?)?(Z|[+-]\d{2}:?\d{2})?$/;
const SHOWN_LENGTH = 60;
/** Sums of decimal volumes differ in their last digits. */
const TAKER_TOLERANCE = 1e-9;

/** Spellings of the only timeframe; `1M` is a month. */
const ONE_MINUTE: ReadonlySet<string> = new Set(['1m', 'M1', 'm1', '1min', '1T', 'PERIOD_M1', '1', '60', '60s']);

/** Fields that an empty minute cannot have. */
const PRICES = ['open', 'high', 'low', 'close'] as const;

/**
 * Checks one minute from outside and never guesses.
 * @param latestOpenMs the newest bar open that can have closed; a later bar is from the future
 * @throws MinutehandError BAR_MALFORMED, BAR_NOT_FINITE, BAR_NOT_POSITIVE, BAR_PRICE_RANGE, BAR_RANGE, BAR_OFF_MINUTE,
 * BAR_FUTURE
 */
export function parseWireMinute(value: unknown, latestOpenMs: number): WireMinute {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MinutehandError('BAR_MALFORMED', { seen: shown(value), expected: 'an object' });
  }
  const fields = value as Record<string, unknown>;
  const { symbol } = fields;
  if (typeof symbol !== 'string' || symbol === '')
    throw new MinutehandError('BAR_MALFORMED', { seen: `symbol ${shown(symbol)}`, expected: 'a name' });
  const { timeframe, interval } = fields;
  if (timeframe !== undefined) refuseOtherTimeframe('timeframe', timeframe);
  if (interval !== undefined) refuseOtherTimeframe('interval', interval);
  const time = parseTime(fields['time'], latestOpenMs);
  if (fields['empty'] === true) {
    refuseContent(fields);
    return { kind: 'empty', symbol, time };
  }
  const open = price(fields, 'open');
  const high = price(fields, 'high');
  const low = price(fields, 'low');
  const close = price(fields, 'close');
  const volume = notNegative(fields, 'volume');
  const given = fields['spread'];
  if (!encloses(open, high, low, close)) {
    throw new MinutehandError('BAR_RANGE', {
      seen: `open ${open}, high ${high}, low ${low}, close ${close}`,
      expected: 'low <= open, close <= high',
    });
  }
  // Few shapes of bars: what reads them all day stays fast.
  const bar =
    given === undefined || given === null
      ? { symbol, time, open, high, low, close, volume }
      : { symbol, time, open, high, low, close, volume, spread: notNegative(fields, 'spread') };
  return { kind: 'bar', bar: withFlow(bar, fields) };
}

function withFlow(bar: Bar, fields: Record<string, unknown>): Bar {
  const { taker_buy_volume, trades } = fields as { taker_buy_volume?: unknown; trades?: unknown };
  if ((taker_buy_volume ?? trades ?? null) === null) return bar;
  const flow: { takerBuyVolume?: number; trades?: number } = {};
  if (taker_buy_volume !== undefined && taker_buy_volume !== null) {
    flow.takerBuyVolume = notNegative(fields, 'taker_buy_volume');
    if (flow.takerBuyVolume > bar.volume * (1 + TAKER_TOLERANCE))
      throw new MinutehandError('BAR_MALFORMED', {
        seen: `taker_buy_volume ${flow.takerBuyVolume}, volume ${bar.volume}`,
        expected: 'taker_buy_volume <= volume',
      });
  }
  if (trades !== undefined && trades !== null) {
    flow.trades = notNegative(fields, 'trades');
    if (!Number.isInteger(flow.trades))
      throw new MinutehandError('BAR_MALFORMED', { seen: `trades ${flow.trades}`, expected: 'a whole number' });
  }
  return { ...bar, ...flow };
}

/** Bars are of one minute; one that says otherwise is not a minute's. null and an empty text say nothing. */
function refuseOtherTimeframe(name: string, value: unknown): void {
  if (value === null || value === '' || ONE_MINUTE.has(String(value))) return;
  throw new MinutehandError('BAR_MALFORMED', {
    seen: `${name} ${shown(value)}`,
    expected: 'bars of one minute, which the daemon itself joins to longer ones',
  });
}

/** A minute without a trade has no prices and no volume: whichever of the two is meant, it must not be guessed. */
function refuseContent(fields: Record<string, unknown>): void {
  const priced = PRICES.find((name) => fields[name] !== undefined && fields[name] !== null);
  const name = priced ?? ((fields['volume'] ?? 0) === 0 ? undefined : 'volume');
  if (name === undefined) return;
  throw new MinutehandError('BAR_MALFORMED', {
    seen: `empty: true together with ${name} ${shown(fields[name])}`,
    expected: 'either prices or empty: true',
  });
}

function parseTime(value: unknown, latestOpenMs: number): OpenTime {
  const ms = typeof value === 'string' ? parseIsoTime(value) : value;
  if (typeof ms !== 'number' || !Number.isFinite(ms)) {
    throw new MinutehandError('BAR_MALFORMED', {
      seen: `time ${shown(value)}`,
      expected: 'ISO 8601 with a zone, or epoch milliseconds',
    });
  }
  const looksLikeSeconds =
    typeof value === 'number' &&
    value % SECONDS_PER_BAR === 0 &&
    value >= MISTAKEN_SECONDS.from &&
    value < MISTAKEN_SECONDS.to;
  if (ms % MS_PER_BAR !== 0 || ms < 0 || looksLikeSeconds) {
    throw new MinutehandError('BAR_OFF_MINUTE', {
      seen: `time ${shown(value)}`,
      ...(looksLikeSeconds ? { next: 'This looks like epoch seconds: multiply by 1000.' } : {}),
    });
  }
  if (ms > latestOpenMs) {
    throw new MinutehandError('BAR_FUTURE', {
      seen: ms > LATEST_DATE_MS ? `time ${ms}` : `a bar that opens at ${new Date(ms).toISOString()}`,
      expected: `at most ${new Date(latestOpenMs).toISOString()}`,
      ...(typeof value === 'number' && ms >= LEAST_MICROSECONDS && { next: smallerUnitNext(ms) }),
    });
  }
  return (ms / 1000) as OpenTime;
}

/** Of this size, counts of this century are microseconds or nanoseconds. */
const LEAST_MICROSECONDS = 1e14;
const LEAST_NANOSECONDS = 1e17;

function smallerUnitNext(count: number): string {
  return count < LEAST_NANOSECONDS
    ? 'This looks like epoch microseconds: divide by 1000.'
    : 'This looks like epoch nanoseconds: divide by 1,000,000.';
}

/** @returns epoch milliseconds, with a fraction when the text has one; NaN when it is no time */
function parseIsoTime(text: string): number {
  const match = ISO_TIME.exec(text);
  if (match === null) return NaN;
  const [, date, fraction = '', zone] = match;
  if (zone === undefined) {
    throw new MinutehandError('BAR_MALFORMED', {
      seen: `time "${text}" without a zone`,
      expected: 'ISO 8601 in UTC, ending in Z',
    });
  }
  // Date.parse turns February 30 into March 1, and drops fractions of a millisecond.
  const day = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== date) return NaN;
  return Date.parse(text.replace(' ', 'T')) + (/[1-9]/.test(fraction.slice(3)) ? 0.5 : 0);
}

/** A value from outside in a few words: never long, and never deeper than the stack. */
function shown(value: unknown): string {
  if (typeof value === 'string')
    return value.length > SHOWN_LENGTH ? `${JSON.stringify(value.slice(0, SHOWN_LENGTH))}…` : JSON.stringify(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

function finite(fields: Record<string, unknown>, name: string): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (value === undefined)
    throw new MinutehandError('BAR_MALFORMED', { seen: `no ${name}`, expected: 'open, high, low, close and volume' });
  throw new MinutehandError('BAR_NOT_FINITE', {
    seen: `${name} ${shown(value)}`,
    expected: 'a finite number',
    ...(typeof value === 'string' ? { next: 'Send numbers without quotes, with a decimal point.' } : {}),
  });
}

function price(fields: Record<string, unknown>, name: string): number {
  const value = finite(fields, name);
  const fault = priceFault(value);
  if (fault !== null)
    throw new MinutehandError(fault, {
      seen: `${name} ${value}`,
      ...(fault === 'BAR_PRICE_RANGE' && { expected: `${LOWEST_PRICE} to ${HIGHEST_PRICE}` }),
    });
  return value;
}

function notNegative(fields: Record<string, unknown>, name: string): number {
  const value = finite(fields, name);
  const fault = amountFault(value);
  if (fault !== null) throw new MinutehandError(fault, { seen: `${name} ${value}` });
  return value;
}
