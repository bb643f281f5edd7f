import { editDistance } from '../edit_distance.ts';
import { isCurrency, QUOTED } from './currencies.ts';

/** Codes of ISO 4217, present and past, as this Node lists them. */
const ISO: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));
/** Metals and energy that brokers quote against a currency: near a currency, and no slip. */
const COMMODITIES: ReadonlySet<string> = new Set('XBR XTI XNG XCU XAL XNI XPB XZN UKO USO'.split(' '));
/** Shorter names are tickers of their own: one letter makes another company of them. */
const SHORTEST = 5;
const SHOWN = 3;

/** Base and quote of currencies and metals that are traded everywhere. */
const CROSSES = QUOTED.flatMap((base) => QUOTED.flatMap((quote) => (base === quote ? [] : [base + quote])));

/**
 * Symbols of which a name is one slip away, those that are known here first: a letter too many, too few or another one,
 * or two that changed places. Two codes that exist make a symbol of its own (AUDUSD beside EURUSD), as do digits (US30
 * beside US50) and what a broker puts at an end.
 * @param known of the configuration and the store
 */
export function nearSymbols(symbol: string, known: Iterable<string>): string[] {
  if (!/^[A-Z]+$/.test(symbol) || symbol.length < SHORTEST || isOfCodes(symbol)) return [];
  const isNear = (other: string): boolean =>
    other.length >= SHORTEST && other !== symbol && !hasAtEnd(symbol, other) && isSlipAway(symbol, other);
  return [...new Set([...known, ...CROSSES])].filter(isNear).slice(0, SHOWN);
}

/** What a person should see beside a new symbol that may be misspelt. @param near at least one */
export function nearSymbolText(symbol: string, near: readonly string[]): string {
  return `${symbol} is new here, and one letter away from ${near.join(', ')}`;
}

function isOfCodes(symbol: string): boolean {
  const isCode = (text: string): boolean => isCurrency(text) || ISO.has(text) || COMMODITIES.has(text);
  return [3, 4].some((length) => isCode(symbol.slice(0, length)) && isCode(symbol.slice(length)));
}

/** Whether one is the other with something at an end. */
function hasAtEnd(one: string, other: string): boolean {
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return long.startsWith(short) || long.endsWith(short);
}

function isSlipAway(one: string, other: string): boolean {
  return editDistance(one, other) === 1 || isSwapped(one, other);
}

/** Two neighboring letters changed places. */
function isSwapped(one: string, other: string): boolean {
  const at = [...one].findIndex((letter, i) => letter !== other[i]);
  const swapped = one.slice(0, at) + (one[at + 1] ?? '') + (one[at] ?? '') + one.slice(at + 2);
  return at >= 0 && one.length === other.length && swapped === other;
}
