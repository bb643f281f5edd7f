import { SECONDS_PER_BAR, type Bar, type OpenTime } from '../shared/bar.ts';
import { createSimulatedMarket, type SimulatedMarket } from '../shared/market/simulated_market.ts';
import { parsePair, symbolsOf } from '../shared/pair.ts';

/** 46 symbols form 1,035 pairs. */
const MADE_UP_SYMBOLS = 46;

/**
 * `count` pair ids: the configured ones first, or, if those are too few, all pairs of the fewest made-up symbols that
 * suffice, so that symbols are shared by as many pairs as in a real book of that size.
 */
export function benchPairs(count: number, configured: readonly string[]): string[] {
  if (count <= configured.length) return configured.slice(0, count);
  const symbols = Array.from({ length: symbolsFor(count) }, (_, i) => `S${String(i + 1).padStart(2, '0')}`);
  const pairs: string[] = [];
  for (let b = 1; b < symbols.length; b++) for (let a = 0; a < b; a++) pairs.push(`${symbols[a]}_${symbols[b]}`);
  return pairs.slice(0, count);
}

/** @throws RangeError if there are not enough made-up symbols */
function symbolsFor(pairs: number): number {
  const symbols = Math.ceil((1 + Math.sqrt(1 + 8 * pairs)) / 2);
  if (symbols > MADE_UP_SYMBOLS)
    throw new RangeError(`${pairs} pairs; at most ${(MADE_UP_SYMBOLS * (MADE_UP_SYMBOLS - 1)) / 2}`);
  return symbols;
}

/** A simulated market of these pairs' symbols; prices change every minute. */
export function benchMarket(pairs: readonly string[], seed: string, start: OpenTime): SimulatedMarket {
  return createSimulatedMarket({ seed, symbols: symbolsOf(pairs.map(parsePair)), start });
}

/** A full minute this many days ago: a live daemon accepts no bar from the future, but any past one. */
export function daysAgo(days: number, nowMs = Date.now()): OpenTime {
  const minutes = Math.floor(nowMs / 1000 / SECONDS_PER_BAR) - days * 1440;
  return (minutes * SECONDS_PER_BAR) as OpenTime;
}

/** The bars of minutes as one message for `POST /bars` or WebSocket `/bars`. */
export function barsMessage(bars: readonly Bar[]): string {
  return JSON.stringify(bars.map((bar) => ({ ...bar, time: bar.time * 1000 })));
}
