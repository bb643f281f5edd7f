import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../../shared/bar.ts';
import { createRng } from '../../../../shared/rng.ts';
import { lookLevel, MIN_TRADES } from '../../backtest/edge.ts';
import { edgeTest } from '../../backtest/edge_test.ts';
import { meanTestOf } from '../../statistics/mean_test.ts';
import type { Trade } from '../../trades/backtest.ts';
import { edgeClaims } from './direction_net.ts';

const DAY = 86_400;
const LEVEL = 0.05;

/** One trade a day. @param mean net result, bp; standard deviation 10 */
function tradesOf(pairId: string, count: number, mean: number, seed: number): Trade[] {
  const rng = createRng(seed);
  return Array.from({ length: count }, (_, index) => {
    // A sum of twelve uniform numbers has variance 1.
    let sum = -6;
    for (let draw = 0; draw < 12; draw++) sum += rng.uniform();
    const netBps = mean + 10 * sum;
    const entryTime = ((20_000 + index) * DAY) as OpenTime;
    return {
      pairId,
      side: index % 2 === 0 ? 1 : -1,
      entryTime,
      exitTime: (entryTime + 3600) as OpenTime,
      reason: 'TARGET',
      grossBps: netBps + 12,
      netBps,
      stopBps: 10,
    };
  });
}

/** Raw p-value, as of the only claim of a run. */
function pOf(trades: readonly Trade[]): number {
  return edgeTest(trades)!.p;
}

/** Without the loss that was not seen. */
function plainP(trades: readonly Trade[]): number {
  return meanTestOf(trades.map(({ netBps }) => netBps))!.p;
}

/** The definition, from the largest p-value down: slow, and by another way than the program. */
function adjusted(ps: readonly number[]): number[] {
  return ps.map((own) =>
    Math.max(...ps.filter((p) => p <= own).map((p) => Math.min(1, p * ps.filter((other) => other >= p).length))),
  );
}

describe('the claims of an edge of a direction model', () => {
  const means = { A: 4, B: 2.5, C: 1.5, D: 0, E: -3 };
  const symbols = Object.keys(means);
  const trades = Object.entries(means).flatMap(([symbol, mean], index) => tradesOf(symbol, 120, mean, 10 + index));

  it.each([1, 2, 5])('are adjusted for all instruments, all together, and %i variants', (variants) => {
    const { edge, pooled } = edgeClaims(trades, symbols, variants);
    const own = symbols.map((symbol) => pOf(trades.filter(({ pairId }) => pairId === symbol)));
    const { pooled: alone } = edgeClaims(
      trades.map((trade) => ({ ...trade, pairId: 'ALL' })),
      ['ALL'],
      1,
    );
    const raw = [...own, alone.p_value!].map((p) => Math.min(1, p * variants));
    const expected = adjusted(raw);
    // The adjustment matters here: none of them has its raw value, apart from the last.
    expect(expected.filter((p, index) => p > raw[index]!).length).toBeGreaterThanOrEqual(3);
    const seen = [...symbols.map((symbol) => edge[symbol]!.p_value!), pooled.p_value!];
    seen.forEach((p, index) => expect(p).toBeCloseTo(expected[index]!, 12));
    for (const claim of [...Object.values(edge), pooled]) {
      expect(claim.no_edge).toBe(!(claim.p_value! < LEVEL));
      // Verdict and bound are one test.
      expect(claim.lower_net_bps! > 0).toBe(!claim.no_edge);
    }
  });

  it('are tested by days of entry, whenever a trade ends', () => {
    const own = tradesOf('A', 120, 2, 3).map((trade, index) => ({
      ...trade,
      // Two entries a day: one that ends on it, and one on the next day.
      entryTime: ((20_000 + Math.floor(index / 2)) * DAY + 22 * 3600) as OpenTime,
      exitTime: ((20_000 + Math.floor(index / 2) + (index % 2)) * DAY + 23 * 3600) as OpenTime,
    }));
    const sum = Float64Array.from({ length: 60 }, (_, day) => own[2 * day]!.netBps + own[2 * day + 1]!.netBps);
    const days = { sum, count: new Float64Array(60).fill(2) };
    const { p } = edgeTest(own, { blocks: days })!;
    expect(edgeClaims(own, ['A'], 1).pooled.p_value).toBeCloseTo(p, 12);
  });

  it('of a single instrument are one claim, which needs no adjustment', () => {
    const own = tradesOf('A', 120, 2, 3);
    const { edge, pooled } = edgeClaims(own, ['A'], 1);
    expect(edge['A']!.p_value).toBeCloseTo(pOf(own), 12);
    expect(pooled.p_value).toBe(edge['A']!.p_value);
  });

  it('of a later look need more: they have a smaller level, at which verdict and bound are one test', () => {
    const own = tradesOf('A', 120, 4, 10);
    const p = pOf(own);
    const claimAt = (look: number) => edgeClaims(own, ['A'], 1, lookLevel(look)).edge['A']!;
    const first = claimAt(1);
    const later = claimAt(40);
    expect([p < lookLevel(1), p < lookLevel(40)]).toEqual([true, false]);
    expect([first!.no_edge, later!.no_edge]).toEqual([false, true]);
    expect(first!.lower_net_bps).toBeGreaterThan(0);
    expect(later!.lower_net_bps).toBeLessThanOrEqual(0);
  });

  it('are none without enough trades, however good they are, and these still count as claims of the run', () => {
    const few = tradesOf('B', MIN_TRADES - 1, 50, 4);
    const own = tradesOf('A', 120, 2, 3);
    const { edge } = edgeClaims([...own, ...few], ['A', 'B'], 1);
    expect(edge['B']).toMatchObject({ no_edge: true, p_value: null, lower_net_bps: null, trades: MIN_TRADES - 1 });
    expect(edge['A']!.p_value).toBeGreaterThan(pOf(own));
  });

  it('are false for one of ten instruments without an edge in at most 5 % of runs, where plain tests would be in a third', () => {
    const names = Array.from({ length: 10 }, (_, index) => `S${index}`);
    const RUNS = 600;
    let families = 0;
    let plain = 0;
    for (let run = 0; run < RUNS; run++) {
      const groups = names.map((name, index) => tradesOf(name, 40, 0, 1000 + run * 10 + index));
      const { edge, pooled } = edgeClaims(groups.flat(), names, 1);
      if ([...Object.values(edge), pooled].some(({ no_edge }) => !no_edge)) families++;
      if (groups.some((own) => plainP(own) < LEVEL)) plain++;
    }
    expect(plain / RUNS).toBeGreaterThan(0.25);
    // 5 % and three standard errors of 600 runs.
    expect(families / RUNS).toBeLessThan(LEVEL + 3 * Math.sqrt((LEVEL * (1 - LEVEL)) / RUNS));
  });
});
