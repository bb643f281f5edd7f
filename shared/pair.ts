import { SECONDS_PER_BAR } from './bar.ts';
import { SYMBOL_SOURCE } from './symbol_source.ts';

/**
 * Seconds of a bar of each timeframe, aligned to the epoch in UTC; each divides a day. None between 1m and 5m: bars of
 * one minute with quiet minutes look like them. A week is none either: where it begins depends on the source, and the
 * labels of a direction look 24 hours ahead.
 */
export const TIMEFRAMES = {
  '1m': 60,
  '5m': 300,
  '10m': 600,
  '15m': 900,
  '20m': 1200,
  '30m': 1800,
  '1h': 3600,
  '2h': 7200,
  '3h': 10_800,
  '4h': 14_400,
  '6h': 21_600,
  '8h': 28_800,
  '12h': 43_200,
  '1d': 86_400,
} as const;
export type Timeframe = keyof typeof TIMEFRAMES;
/** The shortest first. */
export const TIMEFRAME_NAMES = Object.keys(TIMEFRAMES) as [Timeframe, ...Timeframe[]];

/** @throws RangeError when no timeframe has so many seconds */
export function timeframeOf(barSeconds: number): Timeframe {
  const found = Object.entries(TIMEFRAMES).find(([, seconds]) => seconds === barSeconds);
  if (found === undefined) throw new RangeError(`${barSeconds} s is no timeframe`);
  return found[0] as Timeframe;
}

/**
 * The subject of a model: a pair, two symbols traded against each other, leg A explained by leg B; or an instrument,
 * whose legs are the same symbol.
 */
export interface Pair {
  /** `XAUUSD_XAGUSD`, or `XAUUSD_XAGUSD@1h` for bars of another timeframe than one minute. */
  readonly id: string;
  readonly a: string;
  readonly b: string;
  /** Seconds of the pair's bars; absent = one minute. */
  readonly barSeconds?: number;
}

const TIMEFRAME_SUFFIX = `(?:@(?:${TIMEFRAME_NAMES.slice(1).join('|')}))?`;
export const INSTRUMENT_ID_SOURCE = `${SYMBOL_SOURCE}${TIMEFRAME_SUFFIX}`;
export const INSTRUMENT_ID = new RegExp(`^${INSTRUMENT_ID_SOURCE}$`);

/** One minute has no suffix, so that a pair has one id. */
export const PAIR_ID_SOURCE = `${SYMBOL_SOURCE}_${SYMBOL_SOURCE}${TIMEFRAME_SUFFIX}`;
export const SUBJECT_ID = new RegExp(`^(?:${PAIR_ID_SOURCE}|${INSTRUMENT_ID_SOURCE})$`);
export const PAIR_ID = new RegExp(`^${PAIR_ID_SOURCE}$`);

/** Parses `XAUUSD_XAGUSD` or `XAUUSD_XAGUSD@1h`. @throws RangeError when it is neither */
export function parsePair(id: string): Pair {
  const [legs, timeframe] = id.split('@') as [string, Timeframe | undefined];
  const [a, b] = legs.split('_');
  if (!PAIR_ID.test(id) || a === b) throw new RangeError(`"${id}" is not a pair id such as XAUUSD_XAGUSD`);
  return { id, a: a!, b: b!, ...(timeframe !== undefined && { barSeconds: TIMEFRAMES[timeframe] }) };
}

/** Parses `BTCUSDT` or `BTCUSDT@1h`. @throws RangeError when it is neither */
export function parseInstrument(id: string): Pair {
  if (!INSTRUMENT_ID.test(id)) throw new RangeError(`"${id}" is not an instrument id such as BTCUSDT@1h`);
  const [symbol, timeframe] = id.split('@') as [string, Timeframe | undefined];
  return { id, a: symbol, b: symbol, ...(timeframe !== undefined && { barSeconds: TIMEFRAMES[timeframe] }) };
}

/** The instrument of a symbol with bars of this length. @throws RangeError when no timeframe has so many seconds */
export function instrumentOf(symbol: string, barSeconds: number): Pair {
  const id = barSeconds === SECONDS_PER_BAR ? symbol : `${symbol}@${timeframeOf(barSeconds)}`;
  return { id, a: symbol, b: symbol, barSeconds };
}

/** @throws RangeError when it is the id of neither a pair nor an instrument */
export function parseSubject(id: string): Pair {
  return id.includes('_') ? parsePair(id) : parseInstrument(id);
}

export function isInstrument({ a, b }: Pair): boolean {
  return a === b;
}

export function barSecondsOf({ barSeconds = SECONDS_PER_BAR }: Pair): number {
  return barSeconds;
}

/** Minutes of a bar of the subject with this id; 1 where it is no such id. */
export function barMinutesOf(id: string): number {
  return PAIR_ID.test(id) || INSTRUMENT_ID.test(id) ? barSecondsOf(parseSubject(id)) / SECONDS_PER_BAR : 1;
}

/** Display name of an instrument: `BTC/USDT`. */
export function instrumentLabel({ a }: Pair): string {
  const [base, quote] = currenciesOf(a);
  return quote === null ? a : `${base}/${quote}`;
}

/** What a symbol buys, and what is paid for it: `XAUUSD` is XAU and USD; null where its name does not tell. */
export function currenciesOf(symbol: string): readonly [base: string, quote: string | null] {
  const [, base, quote] = /^([A-Z0-9]+?)(USDT|USDC|BUSD|USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|BTC|ETH)$/.exec(symbol) ?? [];
  return base === undefined ? [symbol, null] : [base, quote!];
}

/** Display name of a pair: `XAU/USD vs XAG/USD`. Symbols that are not six letters stay as they are. */
export function pairLabel({ a, b, barSeconds }: Pair): string {
  const symbolLabel = (symbol: string): string =>
    /^[A-Z]{6}$/.test(symbol) ? `${symbol.slice(0, 3)}/${symbol.slice(3)}` : symbol;
  const label = `${symbolLabel(a)} vs ${symbolLabel(b)}`;
  return barSeconds === undefined ? label : `${label} ${timeframeOf(barSeconds)}`;
}

/** Every symbol that a leg of these pairs has, once, in order of first occurrence. */
export function symbolsOf(pairs: readonly Pair[]): string[] {
  return [...new Set(pairs.flatMap(({ a, b }) => [a, b]))];
}

/** Name of a group of pairs; becomes part of file names. */
export const GROUP_NAME = /^[a-z][a-z0-9_]{0,30}$/;
