import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Executability } from '../../../shared/bundle/manifest.ts';
import type { DecisionPolicy } from '../../../shared/strategies/pair_reversion/pair_input.ts';
import type { PairFillCosts } from '../../../shared/core/cost/fill_cost.ts';
import { newYorkMinuteOfWeek } from '../../../shared/core/cost/new_york_time.ts';
import { defaultProfile, multipleAt } from '../../../shared/core/cost/spread_profile.ts';
import { parsePair } from '../../../shared/pair.ts';
import { createRng } from '../../../shared/rng.ts';
import { IS_WEEKLY } from '../../../test/weekly.ts';
import { CALM_BAR, historyOf, randomHistory, type HistoryBar } from '../history/pair_history.fixture.ts';
import type { PairHistory } from '../history/pair_history.ts';
import { checkExecutable } from '../gates/executable.ts';
import { backtest, type FilledTrade } from '../trades/backtest.ts';
import { pairEdges } from './edge.ts';
import { busiestHours, executabilityCells, executabilityOf, tallyExecutability } from './executability.ts';

vi.setConfig({ testTimeout: 240_000 });

const POLICY: DecisionPolicy = {
  z_entry: 2,
  z_exit: 0.5,
  stop: 4,
  max_age_bars: 60,
  beta_min: 0.05,
  beta_max: 20,
  risk_exit: 2,
  require_edge: false,
  no_entry_windows: [],
  min_expected_net_bps: -Infinity,
};
const FLAT_COSTS = { spread_bps: 0.4, commission_bps: 0.1, slippage_bps: 0.05 };
const flat: PairFillCosts = { a: FLAT_COSTS, b: FLAT_COSTS };
const profile = defaultProfile('currency');
const real: PairFillCosts = { a: { ...FLAT_COSTS, profile }, b: { ...FLAT_COSTS, profile } };
const SURE = { return_prob: 1, risk_score: 0 };
const MONDAY = Date.UTC(2024, 0, 8) / 1000;
const BP = 1e-4;

function tradesOf(history: PairHistory, costs: PairFillCosts, min_expected_net_bps = -Infinity) {
  const scores = () => SURE;
  const policy = { ...POLICY, min_expected_net_bps };
  return backtest(history, 0, history.length, {
    thresholds: { theta1: 0, theta2: 1 },
    policy,
    edge: true,
    costs,
    scores,
  });
}

describe('figures of executability', () => {
  it('equal the sums over individual trades', () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (seed, isFlat) => {
        const history = { ...randomHistory(seed, 400, 1), pair: parsePair('EURUSD_GBPUSD') };
        const costs = isFlat ? flat : real;
        const trades = tradesOf(history, costs);
        const figures = executabilityOf([tallyExecutability(history, 0, trades, costs)]);
        if (trades.length === 0) return;
        const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / trades.length;
        expect(figures.net_bps).toBeCloseTo(mean(trades.map(({ netBps }) => netBps)), 6);
        const multiple = figures.break_even_cost!;
        expect(mean(trades.map(({ grossBps, costBps }) => grossBps - multiple * costBps))).toBeCloseTo(0, 6);
        for (const minutes of [1, 2, 5] as const) {
          const later = trades.map(({ side, beta, entryTime, entryBar, exitBar, costBps, entryCostBps }) => {
            let bar = entryBar;
            while (bar < exitBar && history.time[bar]! < entryTime + 60 * minutes) bar++;
            if (bar >= exitBar) return 0;
            const own = history.openA[exitBar]! / history.openA[bar]! - 1;
            const other = history.openB[exitBar]! / history.openB[bar]! - 1;
            const width = isFlat ? 1 : profile[newYorkMinuteOfWeek(history.time[bar]!)]!;
            const paid = (width * 0.4) / 2 + 0.15 + costBps - entryCostBps;
            return (1e4 * side * (own - beta * other)) / (1 + Math.abs(beta)) - paid;
          });
          expect(figures.delayed_net_bps[`after_${minutes}`]).toBeCloseTo(mean(later), 6);
        }
        const hours = figures.hours.reduce((sum, own) => sum + own.trades, 0);
        expect(hours).toBe(trades.length);
        expect(figures.hours.reduce((sum, own) => sum + own.net_bps, 0)).toBeCloseTo(figures.net_bps!, 6);
      }),
      { numRuns: 30, seed: 3 },
    );
  });

  it('add up over pairs, and are null without trades', () => {
    const history = { ...randomHistory('one', 900, 1), pair: parsePair('EURUSD_GBPUSD') };
    const trades = tradesOf(history, real);
    const tally = tallyExecutability(history, 0, trades, real);
    const both = executabilityOf([tally, tally]);
    expect(both).toMatchObject({
      trades: 2 * trades.length,
      net_bps: expect.closeTo(executabilityOf([tally]).net_bps!, 9) as number,
    });
    expect(executabilityOf([])).toMatchObject({
      trades: 0,
      net_bps: null,
      break_even_cost: null,
      narrow_net_bps: null,
    });
  });
});

describe('two trades of a rising leg A, ten basis points a bar', () => {
  // 17:00 in New York; the last two bars an hour later. The quoted spread is 8 at bar 1, 1 to 7 from bar 2 on.
  const history = historyOf(
    [0, 8, 1, 2, 3, 4, 5, 6, 7].map((quotedA, i) => {
      return {
        ...CALM_BAR,
        lnOpenA: Math.log(1 + i * 10 * BP),
        lnOpenB: 0,
        quotedA,
        quotedB: 0,
        minutes: i === 7 ? 60 : 1,
      };
    }),
  );
  const leg = { spread_bps: 1, commission_bps: 0.25, slippage_bps: 0.25 };
  const costs: PairFillCosts = { a: leg, b: leg };
  const tradeOf = (entryBar: number, exitBar: number, netBps: number, swapBps: number): FilledTrade =>
    ({
      side: 1,
      beta: 1,
      entryBar,
      exitBar,
      entryTime: history.time[entryBar],
      costBps: 2,
      entryCostBps: 1,
      grossBps: netBps + 2 + swapBps,
      netBps,
      swapBps,
    }) as FilledTrade;
  const trades = [tradeOf(1, 6, 22.5, 0.5), tradeOf(7, 8, 3, 0)];
  // At each test: what runs while a file loads is not covered by mutation testing.
  let figures: Executability;
  beforeEach(() => {
    figures = executabilityOf([tallyExecutability(history, 1, trades, costs)]);
  });

  it('have the results of later entries, of narrow minutes, and of each hour', () => {
    const { hours, ...rest } = figures;
    expect(rest).toEqual({
      trades: 2,
      net_bps: 12.75,
      break_even_cost: 7.375,
      delayed_net_bps: {
        after_1: expect.closeTo((20 / 1.002 - 2.5) / 2, 9) as number,
        after_2: expect.closeTo((15 / 1.003 - 2.5) / 2, 9) as number,
        after_5: 0,
      },
      narrow_trades: 1,
      narrow_net_bps: 1.5,
    });
    expect(hours).toHaveLength(24);
    expect([hours[17], hours[18]]).toEqual([
      { trades: 1, net_bps: 11.25 },
      { trades: 1, net_bps: 1.5 },
    ]);
    expect(hours.filter(({ trades: count, net_bps }) => count === 0 && net_bps === 0)).toHaveLength(22);
  });

  it('are entered in wide minutes by the profile where there is no quote', () => {
    const profile = new Float64Array(10_080).fill(1);
    profile[newYorkMinuteOfWeek(history.time[7]!)] = 9;
    const unquoted = { ...history, quotedA: new Float64Array(9).fill(NaN) };
    const tally = tallyExecutability(unquoted, 1, trades, { a: { ...leg, profile }, b: leg });
    expect([tally.narrowTrades, tally.narrowNet]).toEqual([1, 22.5]);
  });

  it('are shown in a row, with the hours of most trades', () => {
    expect(executabilityCells(figures)).toEqual(['2', '12.75', '7.38', '8.73', '6.23', '0.00', '1.50 (1 trade)']);
    expect(executabilityCells(executabilityOf([]))).toEqual(['0', '–', '–', '–', '–', '–', '– (0 trades)']);
    expect(busiestHours(figures)).toBe(
      '17:00 50 % of the trades, 88 % of the net result; 18:00 50 % of the trades, 12 % of the net result',
    );
    const counts: Record<number, number> = { 0: 2, 3: 1, 5: 3, 9: 3, 23: 1 };
    const hours = Array.from({ length: 24 }, (_, hour) => ({ trades: counts[hour] ?? 0, net_bps: -1 }));
    for (const net_bps of [-1, 0, null])
      expect(busiestHours({ ...figures, trades: 10, net_bps, hours })).toBe(
        '05:00 30 % of the trades; 09:00 30 % of the trades; 00:00 20 % of the trades; 03:00 10 % of the trades',
      );
  });
});

interface Planted {
  /** Size of mean-reverting shocks, and their half-life; 0: none. */
  readonly shockBps: number;
  /** Innovations of the pair's spread. */
  readonly noiseBps: number;
  /** Quoted spread of each leg in normal minutes: prices are bids. */
  readonly quoteBps: number;
}

/** Five weeks of one-minute bids; the pair's spread has shocks, and the quotes widen according to the profile. */
function plantedHistory(seed: string, { shockBps, noiseBps, quoteBps }: Planted): PairHistory {
  const rng = createRng(seed);
  const bars: HistoryBar[] = [];
  const window: number[] = [];
  let level = 0;
  let own = 0;
  let shock = 0;
  let sum = 0;
  let squares = 0;
  let jitterA = 0;
  let jitterB = 0;
  for (let minute = 0, skipped = 1; minute < 35 * 1440; minute++) {
    const time = MONDAY + minute * 60;
    const week = newYorkMinuteOfWeek(time);
    if (week < 1020 || week >= 5 * 1440 + 1020) {
      skipped++;
      continue;
    }
    level += 1.5 * BP * rng.normal();
    own = own * 0.98 + noiseBps * BP * rng.normal();
    shock = shock * 0.94 + (rng.uniform() < 1 / 90 ? (rng.uniform() < 0.5 ? -1 : 1) * shockBps * BP : 0);
    jitterA = jitterA * 0.8 + 0.4 * rng.normal();
    jitterB = jitterB * 0.8 + 0.4 * rng.normal();
    const multiple = multipleAt(profile, time);
    const unrest = Math.min(1, (multiple - 1) / 2);
    const width = (multiple * quoteBps * BP) / 2;
    const lnA = level + own + shock - width * Math.exp(unrest * jitterA);
    const lnB = level - width * Math.exp(unrest * jitterB);
    const gap = lnA - lnB;
    window.push(gap);
    sum += gap;
    squares += gap * gap;
    if (window.length > 120) {
      const old = window.shift()!;
      sum -= old;
      squares -= old * old;
    }
    const zMean = sum / window.length;
    const zStd = Math.sqrt(Math.max(squares / window.length - zMean * zMean, 1e-12));
    const isFirst = bars.length < 120;
    bars.push({
      lnA,
      lnB,
      alpha: 0,
      beta: 1,
      zMean,
      zStd: isFirst ? 1 : zStd,
      corr: 0.9,
      atrRatio: 1,
      minutes: skipped,
    });
    skipped = 1;
  }
  const history = historyOf(bars);
  const start = history.time[0]!;
  const first = MONDAY - start;
  return { ...history, pair: parsePair('EURUSD_GBPUSD'), time: history.time.map((time) => time + first) };
}

/** Whether a pair's trades give an edge that passes the gates. */
function isAdopted(history: PairHistory, costs: PairFillCosts) {
  const trades = tradesOf(history, costs, 0);
  const edge = pairEdges({ pair: trades }, 0.05)['pair']!;
  const figures = executabilityOf([tallyExecutability(history, 0, trades, costs)]);
  const limits = { executable_share_min: 0.5 };
  const gates = [
    checkExecutable('executable_outside_wide_minutes', figures, 'narrow_net_bps', limits),
    checkExecutable('executable_one_minute_later', figures, 'after_1', limits),
  ];
  const isExecutable = gates.every((gate) => gate.passed);
  return { figures, isExecutable, passed: !edge.no_edge && isExecutable };
}

describe(`the gates on executability, ${IS_WEEKLY ? 100 : 4} worlds`, () => {
  const worlds = Array.from({ length: IS_WEEKLY ? 100 : 4 }, (_, i) => `world ${i}`);

  it('refuse every planted artifact of quotes that widen at the rollover, which flat costs mistake for a gain', () => {
    let seeming = 0;
    for (const seed of worlds) {
      const history = plantedHistory(seed, { shockBps: 0, noiseBps: 0.05, quoteBps: 1.2 });
      const [quiet, wide] = [flat, real].map(({ a, b }) => ({
        a: { ...a, spread_bps: 1.2 },
        b: { ...b, spread_bps: 1.2 },
      }));
      const { figures, isExecutable } = isAdopted(history, quiet!);
      if (figures.net_bps! > 0) seeming++;
      expect([seed, isExecutable]).toEqual([seed, false]);
      expect([seed, isAdopted(history, wide!).passed]).toEqual([seed, false]);
    }
    expect(seeming).toBeGreaterThanOrEqual(0.7 * worlds.length);
  });

  it('let at least 95 % of planted edges of 2 bp pass', () => {
    let passed = 0;
    let net = 0;
    for (const seed of worlds) {
      const result = isAdopted(plantedHistory(seed, { shockBps: 8, noiseBps: 0.5, quoteBps: 0.4 }), real);
      if (result.passed) passed++;
      net += result.figures.net_bps! / worlds.length;
    }
    expect(Math.abs(net - 2)).toBeLessThan(0.3);
    expect(passed).toBeGreaterThanOrEqual(Math.ceil(0.95 * worlds.length));
  });
});
