import { describe, expect, it } from 'vitest';
import { createRng } from '../../rng.ts';
import { createDerivedBars } from './derived_bars.ts';
import type { InspectedBar } from './inspected_bar.ts';

const BARS = 20_000;

interface Market {
  /** Standard deviation of the mid price in a minute. */
  readonly sigma: number;
  readonly tick: number;
  /** Between bid and ask, each hit as often as the other. */
  readonly spread: number;
  /** Added to every second bar. */
  readonly offset?: number;
}

/** Last prices of ten trades a minute. */
function marketOf({ sigma, tick, spread, offset = 0 }: Market): InspectedBar[] {
  const rng = createRng(`derived ${sigma} ${tick} ${spread} ${offset}`);
  let mid = 100;
  return Array.from({ length: BARS }, (_, i) => {
    const prices = Array.from({ length: 10 }, () => {
      mid += (sigma * rng.normal()) / Math.sqrt(10);
      const side = rng.uniform() < 0.5 ? -1 : 1;
      return Math.round((mid + (side * spread) / 2) / tick) * tick + (i % 2) * offset;
    });
    const open = prices[0]!;
    const close = prices.at(-1)!;
    return { time: 60 * i, open, high: Math.max(...prices), low: Math.min(...prices), close, volume: 1 };
  });
}

function codesOf(bars: readonly InspectedBar[]): string[] {
  const derived = createDerivedBars(60);
  for (let i = 1; i < bars.length; i++) derived.addNeighbors(bars[i - 1]!, bars[i]!, true);
  return derived.findings().map(({ by }) => by);
}

describe('bars that are computed from others', () => {
  it.each([
    ['small ticks', { sigma: 0.02, tick: 0.001, spread: 0.001 }],
    ['ticks as large as the moves of three minutes', { sigma: 0.03, tick: 0.1, spread: 0 }],
    ['ticks as large as the moves of an hour', { sigma: 0.01, tick: 0.1, spread: 0.1 }],
    ['a wide spread between bid and ask', { sigma: 0.002, tick: 0.01, spread: 0.05 }],
    ['a very wide one', { sigma: 0.001, tick: 0.001, spread: 0.1 }],
  ] satisfies readonly (readonly [string, Market])[])('are not those of a market with %s', (_name, market) => {
    expect(codesOf(marketOf(market))).toEqual([]);
  });

  it('are those of two sources that take turns', () => {
    expect(codesOf(marketOf({ sigma: 0.02, tick: 0.001, spread: 0.001, offset: 0.1 }))).toContain('alternating');
  });

  it('are told among bars of a minute, and not a minute of each day that moves thirty times as much', () => {
    const quiet = marketOf({ sigma: 0.01, tick: 0.001, spread: 0 });
    const longer = quiet.map((bar, i) => {
      if (i % 1440 !== 0) return bar;
      const day = quiet.slice(i, i + 1440);
      const high = Math.max(...day.map((own) => own.high));
      const low = Math.min(...day.map((own) => own.low));
      return { ...bar, high, low, close: day.at(-1)!.close };
    });
    expect(codesOf(longer)).toEqual(['longer_among']);
    const announced = quiet.map((bar, i) => (i % 1440 === 810 ? { ...bar, high: bar.high + 1 } : bar));
    expect(codesOf(announced)).toEqual([]);
  });
});
