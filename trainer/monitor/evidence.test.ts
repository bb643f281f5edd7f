import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IS_LONG } from '../../test/long.ts';
import { createRng } from '../../shared/rng.ts';
import { evidenceBelow, lastStreak, streakLimit } from './evidence.ts';
import type { PublishedPair } from './kpi.ts';
import { kpiFigures, neededEvidence, type KpiPolicy } from './kpi.ts';

/** Every start and every bet by itself, value by value. */
function obviousEvidence(values: readonly number[], limit: number): number {
  let largest = 1;
  for (let n = 1; n <= values.length; n++) {
    let total = 0;
    let started = 0;
    for (let first = 0; first < n; first += 10) {
      const m = first / 10 + 1;
      const weight = 1 / m - 1 / (m + 1);
      started += weight;
      for (const share of [0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9]) {
        let wealth = 1;
        for (const x of values.slice(first, n)) wealth *= 1 + (share / (1 - limit)) * (limit - x);
        total += (weight * wealth) / 7;
      }
    }
    largest = Math.max(largest, total + 1 - started);
  }
  return largest;
}

describe('evidence that a mean is below a limit', () => {
  it('equals the mixture of all bets from all starts, followed one by one', () => {
    const value = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 60 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (values, limit) => {
          const obvious = obviousEvidence(values, limit);
          expect(evidenceBelow(values, limit) / obvious).toBeCloseTo(1, 9);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('reaches 1 / α for at most α of the sequences whose mean is the limit, looked at after every value', () => {
    const rng = createRng('at the limit');
    const months = IS_LONG ? 20_000 : 1000;
    let alarms = 0;
    for (let month = 0; month < months; month++) {
      const wins = Array.from({ length: 200 }, () => (rng.uniform() < 0.35 ? 1 : 0));
      if (evidenceBelow(wins, 0.35) >= 10) alarms++;
    }
    expect(alarms / months).toBeLessThan(0.1);
    expect(alarms).toBeGreaterThan(0);
  });
});

const POLICY: KpiPolicy = {
  kpi_window_trades: 50,
  kpi_min_trades: 20,
  kpi_win_rate_min: 0.35,
  kpi_drawdown_max: 0.03,
  kpi_refusal_rate_min: 0.5,
  kpi_refusal_rate_max: 0.98,
  kpi_false_alarm_rate: 0.05,
};
const HOUR = 3600;
const DAYS = 22;

/** A month of pairs: one trade about every three hours, losses a little larger than wins, candidates in most hours. */
function month(seed: string, pairs: number, winRateAt: (trade: number) => number): PublishedPair[] {
  const rng = createRng(seed);
  return Array.from({ length: pairs }, (_, index) => {
    const trades: { entrySignalTime: number; exitSignalTime: number; netBps: number }[] = [];
    const candidates: number[] = [];
    // Days are good or bad for all trades of a pair.
    let weather = 0;
    for (let hour = 0; hour < DAYS * 24; hour++) {
      if (hour % 24 === 0) weather = 0.06 * rng.normal();
      const start = hour * HOUR;
      const enters = rng.uniform() < 0.3;
      for (let i = 0; i < 10; i++) if (rng.uniform() < 0.7) candidates.push(start + i * 60);
      if (!enters) continue;
      const isWin = rng.uniform() < winRateAt(trades.length) + weather;
      const entrySignalTime = start + 600;
      candidates.push(entrySignalTime);
      trades.push({
        entrySignalTime,
        exitSignalTime: start + 2400,
        netBps: (isWin ? 5 : -5.5) * (0.2 + 1.6 * rng.uniform()),
      });
    }
    return {
      pairId: `P${index}`,
      trades: trades.map((trade) => ({
        ...trade,
        ...{ entryTime: trade.entrySignalTime, exitTime: trade.exitSignalTime, scale: 1 },
      })) as unknown as PublishedPair['trades'],
      changes: {
        time: Float64Array.from(trades, ({ exitSignalTime }) => exitSignalTime),
        change: Float64Array.from(trades, ({ netBps }) => netBps / 1e4),
      },
      candidates,
      hasEdge: true,
      resumed: -Infinity,
    };
  });
}

/** Returns whether any figure would halt at any of all looks: e-values and drawdowns only grow. */
function isHalted(pairs: readonly PublishedPair[]): boolean {
  const { total, pairs: own } = kpiFigures(pairs, -Infinity, POLICY);
  const needed = neededEvidence(pairs.length + 1, POLICY);
  return [total, ...Object.values(own)].some(
    ({ evidence, drawdown }) =>
      drawdown > POLICY.kpi_drawdown_max! || Object.values(evidence).some((value) => value >= needed),
  );
}

describe('the limits of live KPIs on simulated months', () => {
  const months = IS_LONG ? 1000 : 15;
  const falseAlarms = (winRate: number): number =>
    Array.from({ length: months }, (_, i) => isHalted(month(`month ${i}`, 5, () => winRate))).filter(Boolean).length;

  it(
    `halt healthy models in at most 5 % of ${months} months, and in fewer than a test at every look would`,
    { timeout: 300_000 },
    () => {
      const healthy = falseAlarms(0.58);
      expect(healthy / months).toBeLessThanOrEqual(0.05);
      // The rule without a test: 50 trades in a row with fewer than 35 % wins, at any look.
      let untested = 0;
      for (let i = 0; i < months; i++) {
        const pairs = month(`month ${i}`, 5, () => 0.45);
        if (pairs.some(({ trades }) => hasBadWindow(trades.map(({ netBps }) => (netBps > 0 ? 1 : 0))))) untested++;
      }
      const tested = Array.from({ length: months }, (_, i) => month(`month ${i}`, 5, () => 0.45)).filter((pairs) =>
        kpiFiguresHaltByWinRate(pairs),
      ).length;
      expect(untested).toBeGreaterThan(months / 10);
      expect(tested / months).toBeLessThanOrEqual(0.05);
    },
  );

  it(
    'find a win rate that falls from 0.58 to 0.15 within 160 trades of the pair, 9 times in 10',
    { timeout: 300_000 },
    () => {
      const needed = neededEvidence(6, POLICY);
      const delays = Array.from({ length: IS_LONG ? 1000 : 100 }, (_, i) => {
        const rng = createRng(`degradation ${i}`);
        const wins: number[] = [];
        for (let trade = 0; trade < 400; trade++) {
          wins.push(rng.uniform() < (trade < 80 ? 0.58 : 0.15) ? 1 : 0);
          if (trade >= 80 && evidenceBelow(wins, 0.35) >= needed) return trade - 79;
        }
        return Infinity;
      }).sort((a, b) => a - b);
      const late = delays[Math.floor(delays.length * 0.9)]!;
      expect(late).toBeLessThanOrEqual(160);
    },
  );
});

function hasBadWindow(wins: readonly number[]): boolean {
  for (let end = 20; end <= wins.length; end++) {
    const window = wins.slice(Math.max(0, end - 50), end);
    if (window.reduce((sum, win) => sum + win, 0) / window.length < 0.35) return true;
  }
  return false;
}

function kpiFiguresHaltByWinRate(pairs: readonly PublishedPair[]): boolean {
  const { total, pairs: own } = kpiFigures(pairs, -Infinity, POLICY);
  return [total, ...Object.values(own)].some(({ evidence }) => evidence.win_rate >= neededEvidence(6, POLICY));
}

describe('a streak of risk flags', () => {
  it('is too long where the chance of one anywhere in the window is below the significance', () => {
    expect(streakLimit(0.3, 90, 0.01)).toBe(26);
    expect(90 * 0.7 ** 26).toBeLessThan(0.01);
    expect(90 * 0.7 ** 25).toBeGreaterThan(0.01);
    expect([streakLimit(0, 90, 0.01), streakLimit(1, 90, 0.01)]).toEqual([Infinity, 1]);
    expect([lastStreak([1, 0, 0]), lastStreak([0, 0, 1]), lastStreak([0, 0]), lastStreak([])]).toEqual([2, 0, 2, 0]);
  });

  it('alarms in at most 1 % of simulated months, also where risk goes with the hours before it', () => {
    const months = IS_LONG ? 1000 : 200;
    let alarms = 0;
    for (let i = 0; i < months; i++) {
      const rng = createRng(`risk ${i}`);
      let level = rng.normal();
      const blocks: number[] = [];
      for (let block = 0; block < 90; block++) {
        let passed = 0;
        for (let hour = 0; hour < 8; hour++) {
          // Half of it is gone after four hours.
          level = 0.84 * level + Math.sqrt(1 - 0.84 ** 2) * rng.normal();
          if (rng.uniform() < 0.8 && level < -0.5244) passed = 1;
        }
        blocks.push(passed);
      }
      const limit = streakLimit(0.3, 90, 0.01);
      if (blocks.some((_, end) => lastStreak(blocks.slice(0, end + 1)) >= limit)) alarms++;
    }
    expect(alarms / months).toBeLessThanOrEqual(0.01);
  });
});
