import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { exp, ln } from '../../../shared/elementary.ts';

/** Heads or tails of every bar time: the same for all symbols, and the same in every order of asking. */
export type Coins = (time: number) => 1 | -1;

/** FNV-1a of the seed and the time, mixed as by MurmurHash3, so that neighboring bars have independent coins. */
export function coinsOf(seed: string): Coins {
  let start = 0x811c9dc5;
  for (let i = 0; i < seed.length; i++) start = Math.imul(start ^ seed.charCodeAt(i), 0x01000193);
  return (time) => {
    let hash = Math.imul(start ^ (time >>> 0), 0x85ebca6b) ^ Math.floor(time / 4294967296);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return ((hash ^ (hash >>> 16)) & 1) === 0 ? 1 : -1;
  };
}

/** The prices of bars of any kind. */
type PriceColumns = Pick<BarColumns, 'length' | 'time' | 'open' | 'high' | 'low' | 'close'>;

/**
 * The placebo market: where the coin of a bar shows tails, its log return from the close before is mirrored, and so is
 * the bar, high and low exchanged. What is left is everything but direction: volatility and its spells, the correlation
 * of symbols within a bar, the distance to barriers, gaps, spreads and volumes.
 */
export function mirrorBars<Bars extends PriceColumns>(bars: Bars, coins: Coins): Bars {
  const { length } = bars;
  const open = new Float64Array(length);
  const high = new Float64Array(length);
  const low = new Float64Array(length);
  const close = new Float64Array(length);
  /** ln of the close before: recorded, and in the placebo market. */
  let recorded = length === 0 ? 0 : ln(bars.open[0]!);
  let placebo = recorded;
  for (let i = 0; i < length; i++) {
    const side = coins(bars.time[i]!);
    const mirrored = (price: number): number => exp(placebo + side * (ln(price) - recorded));
    open[i] = mirrored(bars.open[i]!);
    const top = mirrored(bars.high[i]!);
    const bottom = mirrored(bars.low[i]!);
    close[i] = mirrored(bars.close[i]!);
    // Of equal prices one logarithm more or less must not put the close outside of its bar.
    high[i] = Math.max(top, bottom, open[i]!, close[i]!);
    low[i] = Math.min(top, bottom, open[i]!, close[i]!);
    placebo += side * (ln(bars.close[i]!) - recorded);
    recorded = ln(bars.close[i]!);
  }
  return { ...bars, open, high, low, close };
}
