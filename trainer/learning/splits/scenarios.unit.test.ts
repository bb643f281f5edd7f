import { describe, expect, it } from 'vitest';
import { warningText } from '../../../shared/bundle/training_warning.ts';
import { createRng } from '../../../shared/rng.ts';
import { CALM_BAR, historyOf } from '../history/pair_history.fixture.ts';
import { isOfScenario, marketWarnings, SCENARIOS, scenariosOfPrices, scenariosOfRows } from './scenarios.ts';

const HOUR = 3600;

/** Log prices of hours with this drift, in standard deviations per 30 days, and size of a move. */
function prices(seed: string, parts: readonly { bars: number; drift: number; size: number }[]): Float64Array {
  const rng = createRng(seed);
  let price = 0;
  const all: number[] = [];
  for (const { bars, drift, size } of parts)
    for (let t = 0; t < bars; t++) all.push((price += size * (drift / Math.sqrt(720) + rng.normal())));
  return Float64Array.from(all);
}

const shareOf = (values: Int8Array, value: number, from = 720): number =>
  values.subarray(from).filter((own) => own === value).length / (values.length - from);

describe('scenariosOfPrices', () => {
  it('finds rising, falling and aimless markets, and those of large and small moves', () => {
    const rising = scenariosOfPrices(prices('bull', [{ bars: 6000, drift: 3, size: 0.01 }]), HOUR);
    expect(shareOf(rising.trend, 1)).toBeGreaterThan(0.95);
    const falling = scenariosOfPrices(prices('bear', [{ bars: 6000, drift: -3, size: 0.01 }]), HOUR);
    expect(shareOf(falling.trend, -1)).toBeGreaterThan(0.95);
    const walk = scenariosOfPrices(prices('walk', [{ bars: 40_000, drift: 0, size: 0.01 }]), HOUR);
    for (const value of [1, 0, -1]) expect(shareOf(walk.trend, value)).toBeGreaterThan(0.2);
    const calmThenWild = [
      { bars: 3000, drift: 0, size: 0.002 },
      { bars: 3000, drift: 0, size: 0.02 },
    ];
    const { volatility } = scenariosOfPrices(prices('wild', calmThenWild), HOUR);
    expect(shareOf(volatility.subarray(0, 3000), 1, 100)).toBe(0);
    expect(shareOf(volatility.subarray(3000), 1, 100)).toBeGreaterThan(0.6);
    expect(shareOf(volatility.subarray(3000), -1, 100)).toBe(0);
  });

  it('knows a trend at its bar: later bars change none, and nothing is said before the look-back is complete', () => {
    const all = prices('later', [{ bars: 6000, drift: 0, size: 0.01 }]);
    const changed = all.map((own, t) => (t > 4000 ? own + 5 : own));
    const before = scenariosOfPrices(all, HOUR).trend.subarray(0, 4001);
    const after = scenariosOfPrices(changed, HOUR).trend.subarray(0, 4001);
    expect(after).toEqual(before);
    expect(scenariosOfPrices(all, HOUR).trend.subarray(0, 721).lastIndexOf(2)).toBe(719);
    // A price that never moves is a range; a history of a few bars has no trend.
    expect(shareOf(scenariosOfPrices(new Float64Array(6000), HOUR).trend, 0)).toBe(1);
    expect([...scenariosOfPrices(new Float64Array(8), HOUR).trend]).toEqual(Array(8).fill(2));
  });

  it('is that of the bar of each row, and each row with a trend has one of three', () => {
    const bars = Array.from({ length: 400 }, (_, i) => ({
      ...CALM_BAR,
      lnA: i < 200 ? 0.01 * i : 2 - 0.01 * (i - 200),
    }));
    const history = historyOf(bars);
    const rows = { time: history.time.map((opened) => opened + 60), pair: new Int32Array(400) };
    const found = scenariosOfRows(rows, [history]);
    expect(found).toEqual(scenariosOfPrices(history.lnA, 60));
    expect([found.trend[150], found.trend[390]]).toEqual([1, -1]);
    for (const row of found.trend.keys()) {
      const own = SCENARIOS.slice(0, 3).filter((name) => isOfScenario(found, row, name));
      expect(own.length).toBe(found.trend[row] === 2 ? 0 : 1);
    }
  });
});

describe('marketWarnings', () => {
  it('names the market that the rows to learn from have next to none of', () => {
    const codes = (trend: readonly number[]): string[] => marketWarnings(trend).map(({ code }) => code);
    const bull = [...Array(96).fill(1), ...Array(4).fill(-1)] as number[];
    expect(codes(bull)).toEqual(['NO_BEAR_MARKET']);
    expect(codes(bull.map((own) => -own))).toEqual(['NO_BULL_MARKET']);
    expect(codes([...bull, -1, -1])).toEqual([]);
    expect(codes([0, 0, 0])).toEqual(['NO_BULL_MARKET', 'NO_BEAR_MARKET']);
    // Rows without a trend say nothing.
    expect(codes([2, 2])).toEqual([]);
    expect(codes([...bull, ...Array<number>(1000).fill(2)])).toEqual(['NO_BEAR_MARKET']);
    expect(warningText(marketWarnings(bull)[0]!)).toBe(
      'NO_BEAR_MARKET: 4.0 % of the bars to learn from are of a falling market (below 5 %), so its answers in one are not learned. Give a longer period.',
    );
  });
});
