import { MinutehandError } from '../errors.ts';
import { isCurrency, isPairForm } from './currencies.ts';
import { spelledTimeframe } from '../timeframe_spelling.ts';
import { isSymbol, MAX_SYMBOL_LENGTH, WINDOWS_DEVICE } from '../symbol_source.ts';

/** How names of brokers and exchanges become symbols: `symbol_names` of minutehand.yaml. */
export interface SymbolNames {
  /** Whole names and their symbols, letter case aside. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Taken off the beginning of a name: `FTMO_`. */
  readonly prefixes: readonly string[];
  /** Taken off the end of a name: `.m`. */
  readonly suffixes: readonly string[];
  /** Symbols of the configuration: names of their own, whatever they look like. */
  readonly known: ReadonlySet<string>;
}

export const NO_SYMBOL_NAMES: SymbolNames = { aliases: {}, prefixes: [], suffixes: [], known: new Set() };

/** What a name means, or the symbols that it can mean. */
export type SymbolReading =
  | { readonly symbol: string; readonly by: 'name' | 'spelling' | 'alias' | 'affix' }
  | { readonly symbol: null; readonly candidates: readonly string[]; readonly reason: string };

/** `BTC/USDT`, `BTC-USDT`, `BTC/USDT:USDT`, `BTC-USDT-250328`, `BTC/USDT:USDT-250328`, `EUR_USD`. */
const BASE_AND_QUOTE =
  /^([A-Za-z0-9]{1,15})([/_-])([A-Za-z0-9]{1,10})(?::[A-Za-z0-9]{1,10})?(?:[-_](\d{6}|\d{1,2}[A-Za-z]{3}\d{2}))?$/;
/** `BTCUSDT_250328`: a contract that ends on a day. */
const DATED = /^([A-Za-z0-9]{3,20})[-_.](\d{6}|\d{1,2}[A-Za-z]{3}\d{2})$/;
const PLAIN = /^[A-Za-z0-9]+(?:\.[A-Za-z0-9]+)*$/;
const PRINTABLE = /^[\x21-\x7e]+$/;

/**
 * The one definition of how a name becomes a symbol. In this order: a symbol as the program spells it; an alias; the
 * configured prefixes and suffixes; base and quote with `/`, `-` or `_` between them; a dated contract, whose day stays
 * part of its symbol; small letters. What may be a symbol with something of a broker's at its end is not guessed.
 */
export function readSymbol(text: string, names: SymbolNames = NO_SYMBOL_NAMES): SymbolReading {
  const name = text.trim();
  if (!PRINTABLE.test(name) || name.length > MAX_SYMBOL_LENGTH)
    return unclear([], `is not 1 to ${MAX_SYMBOL_LENGTH} printable ASCII characters without blanks`);
  const alias = aliasOf(name, names);
  if (alias !== null) return { symbol: alias, by: 'alias' };
  if (isSymbol(name) && (names.known.has(name) || !isDottedPair(name))) return { symbol: name, by: 'name' };
  if (WINDOWS_DEVICE.test(name)) return unclear([], 'is the name of a device on Windows');
  const bare = withoutAffixes(name, names);
  if (bare !== name) {
    const inner = readSpelling(bare, names);
    if (inner.symbol !== null) return { symbol: inner.symbol, by: 'affix' };
  }
  return readSpelling(name, names);
}

function readSpelling(name: string, { known }: SymbolNames): SymbolReading {
  const upper = name.toUpperCase();
  if (isDottedPair(upper) && !known.has(upper)) return spelled(upper.replace('.', ''));
  if (isSymbol(upper) && (known.has(upper) || name === upper)) return { symbol: upper, by: 'spelling' };
  const [, base, separator, quote, day] = BASE_AND_QUOTE.exec(upper) ?? [];
  if (base !== undefined && quote !== undefined && isBaseAndQuote(base, separator!, quote)) {
    if (day === undefined) return spelled(base + quote);
    const ends = dayOf(day);
    return ends === null ? unclear([], `has “${day}”, which is no day`) : spelled(`${base}${quote}.${ends}`);
  }
  const [, contract, dayText] = DATED.exec(upper) ?? [];
  const ends = dayText === undefined ? null : dayOf(dayText);
  if (contract !== undefined && ends !== null) return spelled(`${contract}.${ends}`);
  if (PLAIN.test(name) && isSymbol(upper)) {
    const head = headOf(name, known);
    if (head === null) return spelled(upper);
    return unclear([head, upper], `may be ${head} with “${name.slice(head.length)}” of a broker’s at its end`);
  }
  return decorated(name, upper, known);
}

/** `EUR.USD`, as some brokers write base and quote; `BRK.B` is a symbol. */
function isDottedPair(name: string): boolean {
  const parts = name.split('.');
  return parts.length === 2 && parts.every(isCurrency);
}

function isBaseAndQuote(base: string, separator: string, quote: string): boolean {
  if (isCurrency(quote) && !isPairForm(base)) return separator !== '_' || isCurrency(base);
  return separator === '/' && !isPairForm(base) && /^[A-Z]{2,6}$/.test(quote);
}

/** The symbol that a name begins with when letters of a broker's seem to follow: `EURUSD` of `EURUSDm`, `EURUSD.m`. */
function headOf(name: string, known: ReadonlySet<string>): string | null {
  const upper = name.toUpperCase();
  for (let end = name.length - 1; end >= 3; end--) {
    const head = upper.slice(0, end).replace(/\.$/, '');
    if (isPairForm(upper)) return null;
    if (known.has(head) || isPairForm(head)) return head;
  }
  // EUROXm: small letters behind capitals.
  const [, capitals] = /^([A-Z0-9]{3,})\.?[a-z]+$/.exec(name) ?? [];
  return capitals ?? null;
}

/** `#EURUSD`, `EURUSD+`, `EURUSD_i`, `FTMO_EURUSD`, `GBPUSD-ECN`. */
function decorated(name: string, upper: string, known: ReadonlySet<string>): SymbolReading {
  const isPath = name.includes('..') || /^[/\\.]|[\\/]$/.test(name);
  if (isPath) return unclear([], 'is a path');
  const parts = upper.split(/[^A-Z0-9.]+/).filter((part) => isSymbol(part));
  const strong = parts.filter((part) => known.has(part) || isPairForm(part));
  const candidates = [...new Set(strong.length > 0 ? strong : parts)].slice(0, 5);
  return unclear(candidates, 'has characters that no symbol has');
}

function spelled(symbol: string): SymbolReading {
  return isSymbol(symbol)
    ? { symbol, by: 'spelling' }
    : unclear([], `is not 1 to ${MAX_SYMBOL_LENGTH} letters and digits`);
}

function unclear(candidates: readonly string[], reason: string): SymbolReading {
  return { symbol: null, candidates, reason };
}

function aliasOf(name: string, { aliases }: SymbolNames): string | null {
  if (Object.hasOwn(aliases, name)) return aliases[name]!;
  const found = Object.keys(aliases).find((key) => key.toLowerCase() === name.toLowerCase());
  return found === undefined ? null : aliases[found]!;
}

/** One prefix and one suffix, the longest that fit. Letters must have the same case; others need not. */
function withoutAffixes(name: string, { prefixes, suffixes }: SymbolNames): string {
  const longest = (affixes: readonly string[], fits: (affix: string) => boolean): string =>
    affixes.filter(fits).reduce((best, one) => (one.length > best.length ? one : best), '');
  const same = (part: string, affix: string): boolean =>
    part === affix || (/^[^A-Za-z0-9]|[^A-Za-z0-9]$/.test(affix) && part.toLowerCase() === affix.toLowerCase());
  const prefix = longest(prefixes, (one) => name.length > one.length && same(name.slice(0, one.length), one));
  const rest = name.slice(prefix.length);
  const suffix = longest(suffixes, (one) => rest.length > one.length && same(rest.slice(-one.length), one));
  return suffix === '' ? rest : rest.slice(0, -suffix.length);
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];

/** The day at which a contract ends, as six digits: `250627` of itself and of `27JUN25`; null for other text. */
export function dayOf(text: string): string | null {
  const [, day, month, year] = /^(\d{1,2})([A-Z]{3})(\d{2})$/i.exec(text) ?? [];
  const number = month === undefined ? 0 : MONTHS.indexOf(month.toUpperCase()) + 1;
  const digits = month === undefined ? text : `${year}${String(number).padStart(2, '0')}${day!.padStart(2, '0')}`;
  return /^\d{6}$/.test(digits) && isDay(digits) ? digits : null;
}

/** Returns whether six digits are a day: `250328`. */
export function isDay(digits: string): boolean {
  const [year, month, day] = [0, 2, 4].map((at) => Number(digits.slice(at, at + 2))) as [number, number, number];
  const date = new Date(Date.UTC(2000 + year, month - 1, day));
  return month >= 1 && month <= 12 && date.getUTCDate() === day && date.getUTCMonth() === month - 1;
}

/**
 * The symbol of a name from outside.
 * @param where the option or field, as an error names it: `--symbol`
 * @throws MinutehandError SYMBOL_UNCLEAR with the symbols that it can mean
 */
export function parseSymbol(text: string, where: string, names: SymbolNames = NO_SYMBOL_NAMES): string {
  const reading = readSymbol(text, names);
  if (reading.symbol !== null) return reading.symbol;
  throw symbolUnclear(`${where} ${shownName(text)}`, reading, where);
}

/** A name in an error: short, and without control characters. */
export function shownName(text: string): string {
  const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
  return /^"[\x21-\x7e]+"$/.test(shown) ? shown.slice(1, -1) : shown;
}

export function symbolUnclear(
  seen: string,
  { candidates, reason }: { readonly candidates: readonly string[]; readonly reason: string },
  option: string,
): MinutehandError {
  const given = candidates.map((one) => `${option} ${one}`).join(' or ');
  return new MinutehandError('SYMBOL_UNCLEAR', {
    seen: `${seen} ${reason}`,
    ...(candidates.length > 0 && {
      expected: `one of: ${candidates.join(', ')}`,
      next: `Give ${given}, or map the name for good: symbol_names in config/minutehand.yaml.`,
    }),
  });
}

/**
 * A pair or instrument with its symbols spelled: `eur/usd_gbp/usd@1H` is `EURUSD_GBPUSD@1h`, and so is
 * `eurusd/gbpusd@1H`. `BTC_USDT` and `BTCUSDT_250328` are one symbol where an instrument is meant, where the
 * configuration has it, or by their parts. What is no such id is returned as it is.
 * @param kind what the place takes; absent = either
 */
export function spellSubject(
  text: string,
  names: SymbolNames = NO_SYMBOL_NAMES,
  kind: 'pair' | 'instrument' | 'either' = 'either',
): string {
  const [legs, timeframe, ...more] = text.trim().split('@');
  if (legs === undefined || more.length > 0) return text;
  const suffix = timeframe === undefined ? '' : `@${spelledTimeframe(timeframe) ?? timeframe.toLowerCase()}`;
  const whole = readSymbol(legs, names);
  const parts = legsOf(legs, names);
  const asOne = whole.symbol === null ? text : whole.symbol + suffix;
  if (parts.length !== 2 || kind === 'instrument') return asOne;
  const symbols = parts.flatMap((part) => readSymbol(part, names).symbol ?? []);
  if (whole.symbol !== null && isOneSymbol(whole.symbol, parts, symbols, names, kind)) return asOne;
  return symbols.length === 2 ? symbols.join('_') + suffix : text;
}

/** The legs of a pair: parted by `_`, or by another mark where both sides are symbols by themselves. */
function legsOf(text: string, { known }: SymbolNames): readonly string[] {
  const marked = /^([A-Za-z0-9.]+)[/:-]([A-Za-z0-9.]+)$/.exec(text);
  const [, a, b] = marked ?? [];
  const isWhole = (leg: string): boolean => known.has(leg.toUpperCase()) || isPairForm(leg.toUpperCase());
  return a !== undefined && b !== undefined && isWhole(a) && isWhole(b) ? [a, b] : text.split('_');
}

/** Whether two parts with `_` between them are one symbol and no pair. */
function isOneSymbol(
  whole: string,
  parts: readonly string[],
  symbols: readonly string[],
  { known }: SymbolNames,
  kind: 'pair' | 'either',
): boolean {
  if (dayOf(parts[1]!) !== null) return true;
  if (kind === 'pair' || symbols.every((symbol) => known.has(symbol))) return false;
  return known.has(whole) || parts.every((part) => isCurrency(part.toUpperCase()));
}
