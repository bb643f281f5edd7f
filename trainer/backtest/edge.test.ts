import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { createRng } from '../../shared/rng.ts';
import type { Trade } from './backtest.ts';
import { pairEdge } from './edge.ts';

function tradesOf(net: readonly number[], cost = 1): Trade[] {
  return net.map((netBps, i) => ({
    pairId: 'AAA_BBB',
    side: 1,
    entryTime: (i * 600) as OpenTime,
    exitTime: (i * 600 + 300) as OpenTime,
    reason: 'Z_EXIT',
    grossBps: netBps + cost,
    netBps,
  }));
}

function normals(seed: string, count: number, mean: number): number[] {
  const rng = createRng(seed);
  return Array.from({ length: count }, () => mean + rng.normal());
}

describe('pairEdge', () => {
  it('shows an edge of trades that clearly earn after costs', () => {
    const edge = pairEdge(tradesOf(normals('good', 200, 0.6)), 'seed');
    expect(edge).toMatchObject({ no_edge: false, trades: 200 });
    expect(edge.mean_net_bps).toBeCloseTo(0.6, 0);
    expect(edge.mean_gross_bps! - edge.mean_net_bps!).toBeCloseTo(1, 10);
    expect(edge.lower_5_net_bps).toBeGreaterThan(0);
    expect(edge.lower_5_net_bps).toBeLessThan(edge.mean_net_bps!);
  });

  it('shows none of trades that lose, or that earn before costs only', () => {
    expect(pairEdge(tradesOf(normals('bad', 200, -0.6)), 'seed').no_edge).toBe(true);
    const eaten = pairEdge(tradesOf(normals('eaten', 200, -0.4), 0.8), 'seed');
    expect(eaten.mean_gross_bps).toBeGreaterThan(0);
    expect(eaten.no_edge).toBe(true);
  });

  it('shows none without trades, with few trades however good, and with trades that net exactly zero', () => {
    expect(pairEdge([], 'seed')).toEqual({
      no_edge: true,
      trades: 0,
      wins: 0,
      mean_gross_bps: null,
      mean_net_bps: null,
      lower_5_net_bps: null,
    });
    expect(pairEdge(tradesOf(Array<number>(19).fill(50)), 'seed')).toMatchObject({
      no_edge: true,
      wins: 19,
      mean_net_bps: 50,
      lower_5_net_bps: null,
    });
    expect(pairEdge(tradesOf(Array<number>(20).fill(50)), 'seed')).toMatchObject({
      no_edge: false,
      lower_5_net_bps: 50,
    });
    expect(pairEdge(tradesOf(Array<number>(100).fill(0)), 'seed')).toMatchObject({
      no_edge: true,
      wins: 0,
      lower_5_net_bps: 0,
    });
  });

  it('draws every trade, the last one too, and as many as there are', () => {
    // At least a fifth of all resamples contain the one loss, wherever it is.
    for (const place of [0, 10, 19]) {
      const net = Array.from({ length: 20 }, (_, i) => (i === place ? -1000 : 1));
      expect(pairEdge(tradesOf(net), 'seed').lower_5_net_bps, `loss at ${place}`).toBeLessThan(0);
    }
    // 22 is not a multiple of the block length four.
    expect(pairEdge(tradesOf(Array<number>(22).fill(50)), 'seed').lower_5_net_bps).toBe(50);
  });

  it('gives the same trades and seed the same bound, another seed nearly the same', () => {
    const trades = tradesOf(normals('repeat', 300, 0.1));
    const bound = pairEdge(trades, 'seed').lower_5_net_bps!;
    expect(pairEdge(trades, 'seed').lower_5_net_bps).toBe(bound);
    const other = pairEdge(trades, 'other').lower_5_net_bps!;
    expect(other).not.toBe(bound);
    expect(Math.abs(other - bound)).toBeLessThan(0.03);
  });

  it('has the bound of the normal approximation for independent trades', () => {
    const net = normals('independent', 400, 0.2);
    const mean = net.reduce((sum, x) => sum + x, 0) / net.length;
    const std = Math.sqrt(net.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (net.length - 1));
    const bound = pairEdge(tradesOf(net), 'seed').lower_5_net_bps!;
    expect(Math.abs(bound - (mean - (1.645 * std) / Math.sqrt(net.length)))).toBeLessThan(0.04);
  });

  it('is lower when good and bad trades come in runs, since blocks preserve dependence', () => {
    const runs = Array.from({ length: 400 }, (_, i) => (Math.floor(i / 20) % 2 === 0 ? 1.2 : -1));
    const shuffled = runs.map((_, i) => runs[(i * 149) % 400]!);
    const bound = (net: readonly number[]): number => pairEdge(tradesOf(net), 'seed').lower_5_net_bps!;
    expect(bound(runs)).toBeLessThan(bound(shuffled) - 0.1);
  });

  it('shows an edge in about one of twenty cases without one', () => {
    let shown = 0;
    for (let i = 0; i < 100; i++) if (!pairEdge(tradesOf(normals(`null ${i}`, 60, 0)), `seed ${i}`).no_edge) shown++;
    expect(shown).toBeGreaterThan(0);
    expect(shown).toBeLessThan(16);
  });
});
