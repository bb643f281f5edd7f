import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { CALM_BAR, historyOf, randomHistory } from '../history/pair_history.fixture.ts';
import { backtest, type BacktestOptions, type OvernightSwaps } from '../trades/backtest.ts';
import { cumulate, markToMarket, maxDrawdown, totalCurve } from './equity.ts';
import { rollovers } from '../../../shared/core/cost/rollover.ts';

const COSTS = { spread_bps: 1, commission_bps: 0.3, slippage_bps: 0.1 };
const SWAPS: OvernightSwaps['swaps'] = {
  a: { swap_long_bps_per_night: 0.8, swap_short_bps_per_night: -0.2 },
  b: { swap_long_bps_per_night: -0.4, swap_short_bps_per_night: 1.1 },
};

function options(overnight: OvernightSwaps, scale: (t: number) => number = () => 1): BacktestOptions {
  return {
    thresholds: { theta1: 0.3, theta2: 0.8 },
    policy: {
      z_entry: 1.5,
      z_exit: 0.5,
      stop: 1.5,
      max_age_bars: 12,
      beta_min: 0.05,
      beta_max: 20,
      risk_exit: 0.95,
      require_edge: false,
      no_entry_windows: [],
      min_expected_net_bps: -Infinity,
    },
    edge: true,
    costs: { a: COSTS, b: COSTS },
    overnight,
    scores: () => ({ return_prob: 0.9, risk_score: 0.1 }),
    scale,
  };
}

/** The largest fall from any point to any later one, including the start at 0. */
function obviousDrawdown(curve: readonly number[]): number {
  const all = [0, ...curve];
  let deepest = 0;
  for (let i = 0; i < all.length; i++)
    for (let j = i; j < all.length; j++) deepest = Math.max(deepest, all[i]! - all[j]!);
  return deepest;
}

describe('markToMarket', () => {
  it('adds up to the scaled net result of every trade, overnight swaps included, whatever happened in between', () => {
    let withSwaps = 0;
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(-1 as const, 1 as const), (seed, sign) => {
        const history = randomHistory(seed, 300, sign);
        const rolls = rollovers(history.time[0]!, history.time[299]!);
        const overnight = { rolls, swaps: SWAPS };
        const rng = createRng(seed);
        const scales = Array.from({ length: 300 }, () => rng.uniform());
        const trades = backtest(
          history,
          0,
          300,
          options(overnight, (t) => scales[t]!),
        );
        const { time, change } = markToMarket(history, trades, overnight);
        for (const {
          entryTime,
          exitTime,
          entrySignal,
          side,
          beta,
          netBps,
          grossBps,
          costBps,
          scale,
          swapBps,
        } of trades) {
          let sum = 0;
          for (let i = 0; i < time.length; i++) if (time[i]! >= entryTime && time[i]! <= exitTime) sum += change[i]!;
          expect(sum * 1e4).toBeCloseTo(scale * netBps, 8);
          expect(scale).toBe(scales[entrySignal]);
          // Swap by swap, leg by leg.
          let paid = 0;
          for (const roll of rolls) {
            if (!(roll.time > entryTime && roll.time <= exitTime)) continue;
            const a = side > 0 ? 0.8 : -0.2;
            const b = (beta > 0 ? -side : side) > 0 ? -0.4 : 1.1;
            paid += (roll.swapDays * (a + Math.abs(beta) * b)) / (1 + Math.abs(beta));
            withSwaps++;
          }
          expect(swapBps).toBeCloseTo(paid, 9);
          expect(netBps).toBeCloseTo(grossBps - costBps - paid, 8);
        }
        expect([...time].every((value, i) => i === 0 || value > time[i - 1]!)).toBe(true);
      }),
      { numRuns: 60, seed: 1 },
    );
    expect(withSwaps).toBeGreaterThan(50);
  });

  it('shows at each close the result of closing there, minus the half of the costs already paid', () => {
    const history = historyOf([
      { ...CALM_BAR, lnA: 2 },
      { ...CALM_BAR, lnA: 1.7, lnOpenA: 1.9, lnOpenB: 0.01, lnB: 0.03 },
      { ...CALM_BAR, lnA: 0.2, lnOpenA: 1.4, lnOpenB: 0.02 },
      { ...CALM_BAR, lnA: 0, lnOpenA: 0.3, lnOpenB: 0.05 },
    ]);
    const overnight = { rolls: [], swaps: SWAPS };
    const trades = backtest(history, 0, 4, options(overnight));
    const curve = cumulate(markToMarket(history, trades, overnight));
    const halfCost = 0.9e-4;
    // Sold half a unit of A at 1.9, bought half a unit of B at 0.01.
    const earned = (a: number, b: number): number => 0.5 * (1 - Math.exp(a - 1.9)) + 0.5 * (Math.exp(b - 0.01) - 1);
    expect(curve[0]).toBeCloseTo(earned(1.7, 0.03) - halfCost, 12);
    expect(curve[1]).toBeCloseTo(earned(0.2, 0) - halfCost, 12);
    expect(curve[2]).toBeCloseTo(earned(0.3, 0.05) - 2 * halfCost, 12);
  });
});

describe('an overnight swap', () => {
  // Sells A at e^2 and buys B at 1: the swap of a short A is −0.2 bps, that of a long B −0.4; each leg is half of the
  // position.
  const history = historyOf([2, 2, 2, 2, 2, 0].map((lnA) => ({ ...CALM_BAR, lnA, lnOpenA: 2, lnOpenB: 0 })));
  const { time } = history;
  const rolls = [
    { time: time[1]!, swapDays: 5 },
    { time: time[2]!, swapDays: 1 },
    { time: time[4]! - 30, swapDays: 3 },
  ];
  const overnight: OvernightSwaps = { rolls, swaps: SWAPS };

  it('is paid at the first bar at or after the end of the day, not at the entry', () => {
    const trades = backtest(history, 0, 6, options(overnight));
    expect(trades).toMatchObject([{ entryBar: 1, exitBar: 5, swapBps: expect.closeTo(4 * -0.3, 12) as number }]);
    const curve = [...cumulate(markToMarket(history, trades, overnight))];
    const held = [0, 1, 1, 4].map((count) => (-0.9 + count * 0.3) / 1e4);
    expect(curve).toEqual([...held, (-1.8 + 1.2) / 1e4].map((value) => expect.closeTo(value, 12) as number));
  });

  it('costs nothing without swaps', () => {
    const { overnight: _, ...rest } = options(overnight);
    const trades = backtest(history, 0, 6, rest);
    const curve = [...cumulate(markToMarket(history, trades, null))];
    expect(trades[0]!.swapBps).toBe(0);
    expect(curve).toEqual([-0.9, -0.9, -0.9, -0.9, -1.8].map((bps) => expect.closeTo(bps / 1e4, 12) as number));
  });
});

describe('totalCurve', () => {
  it('is at every minute the mean value of the pairs', () => {
    const a = { time: Float64Array.of(600, 720), change: Float64Array.of(0.5, -0.25) };
    const b = { time: Float64Array.of(660), change: Float64Array.of(1) };
    const none = { time: new Float64Array(), change: new Float64Array() };
    expect([...totalCurve([a, b], 540, 5)]).toEqual([0, 0.25, 0.75, 0.625, 0.625]);
    expect([...totalCurve([a, none], 600, 3)]).toEqual([0.25, 0.25, 0.125]);
  });
});

describe('maxDrawdown', () => {
  it('equals the deepest fall between any two points', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { maxLength: 40 }), (curve) => {
        expect(maxDrawdown(curve)).toBe(obviousDrawdown(curve));
      }),
    );
    expect(maxDrawdown([])).toBe(0);
    expect(maxDrawdown([-1, 2, 1.5])).toBe(1);
  });
});
