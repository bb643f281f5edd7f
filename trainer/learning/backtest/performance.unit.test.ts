import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import type { FilledTrade } from '../trades/backtest.ts';
import { performanceOf, sharpe, sortino } from './performance.ts';

const days = fc.array(fc.double({ min: -0.1, max: 0.1, noNaN: true }), { minLength: 2, maxLength: 60 });

function trade(changes: Partial<FilledTrade>): FilledTrade {
  return {
    pairId: 'AAA_BBB',
    side: 1,
    entryTime: 60 as OpenTime,
    exitTime: 600 as OpenTime,
    reason: 'Z_EXIT',
    grossBps: 0,
    netBps: 0,
    entrySignal: 0,
    exitSignal: 9,
    entryBar: 1,
    exitBar: 10,
    beta: 1,
    scale: 1,
    fullScale: 1,
    entryCostBps: 0.5,
    costBps: 1,
    swapBps: 0,
    ...changes,
  };
}

describe('sharpe and sortino', () => {
  it('are the mean over the standard and the downside deviation, times √252', () => {
    fc.assert(
      fc.property(days, (values) => {
        const n = values.length;
        let sum = 0;
        for (const value of values) sum += value;
        let squares = 0;
        let down = 0;
        for (const value of values) squares += (value - sum / n) ** 2;
        for (const value of values) if (value < 0) down += value ** 2;
        if (squares > 1e-12)
          expect(sharpe(values)).toBeCloseTo((sum / n / Math.sqrt(squares / (n - 1))) * Math.sqrt(252), 6);
        if (down > 1e-12) expect(sortino(values)).toBeCloseTo((sum / n / Math.sqrt(down / n)) * Math.sqrt(252), 6);
      }),
    );
  });

  it('are null without days, with one day, or without variation', () => {
    expect([sharpe([]), sharpe([0.1]), sharpe([0, 0, 0])]).toEqual([null, null, null]);
    expect([sortino([]), sortino([0.1, 0.2])]).toEqual([null, null]);
  });

  it('count the days without a trade', () => {
    expect(sharpe([0.01, -0.004, 0, 0, 0, 0])).toBeLessThan(sharpe([0.01, -0.004])!);
  });
});

describe('performanceOf', () => {
  it('scales results, relative to the capital of all pairs', () => {
    const performance = performanceOf({
      trades: [
        trade({ grossBps: 12, netBps: 10, costBps: 1.5, swapBps: 0.5, scale: 0.5 }),
        trade({ grossBps: -18, netBps: -20, costBps: 2, scale: 1, reason: 'STOP', entryBar: 20, exitBar: 25 }),
        trade({ grossBps: 3, netBps: 2, scale: 0, entryBar: 30, exitBar: 31 }),
        trade({ grossBps: 4.8, netBps: 4, costBps: 0.8, scale: 0.25, entryBar: 40, exitBar: 45 }),
      ],
      days: [0.0001, -0.0006],
      maxDrawdown: 0.0011,
      bars: 200,
      pairs: 2,
      candidates: 10,
      refusals: { PROB_LOW: 4, RISK_HIGH: 1, COST_HIGH: 1 },
    });
    expect(performance).toMatchObject({
      trades: 4,
      win_rate: 0.5,
      max_drawdown: 0.0011,
      exposure: 20 / 200,
      candidates: 10,
      refusal_rate: 1 / 6,
      exits: { Z_EXIT: 3, STOP: 1 },
      trading_days: 2,
    });
    expect(performance.net_return).toBeCloseTo((5 - 20 + 0 + 1) / 1e4 / 2, 12);
    expect(performance.gross_return).toBeCloseTo((6 - 18 + 0 + 1.2) / 1e4 / 2, 12);
    expect(performance.mean_net_bps).toBeCloseTo(-14 / 4, 12);
    expect(performance.mean_gross_bps).toBeCloseTo(-10.8 / 4, 12);
    expect(performance.mean_net_bps_full_size).toBeCloseTo(-4 / 4, 12);
    expect(performance.mean_cost_bps).toBeCloseTo((0.75 + 2 + 0.2) / 4, 12);
    expect(performance.mean_swap_bps).toBeCloseTo(0.25 / 4, 12);
    expect(performance.turnover).toBeCloseTo((2 * 1.75) / 2, 12);
    expect(performance.annual_return).toBeCloseTo(-0.00025 * 252, 12);
  });

  it('counts trades with a positive result as won', () => {
    const nothing = { days: [], maxDrawdown: 0, bars: 0, pairs: 1, candidates: 0, refusals: {} };
    const trades = [5, 1, 0, -3].map((netBps, i) => trade({ netBps, scale: (i + 1) / 4 }));
    expect(performanceOf({ ...nothing, trades })).toMatchObject({
      win_rate: 0.5,
      mean_scale: (0.25 + 0.5 + 0.75 + 1) / 4,
    });
    const [won, , , lost] = trades;
    expect(performanceOf({ ...nothing, trades: [won!, won!, won!, lost!] }).win_rate).toBe(0.75);
  });

  it('has neither a yearly return nor an exposure without days and bars', () => {
    const none = { trades: [], days: [], maxDrawdown: 0, bars: 0, pairs: 1, candidates: 0, refusals: {} };
    expect(performanceOf(none)).toMatchObject({
      annual_return: null,
      net_sharpe: null,
      sortino: null,
      exposure: 0,
      mean_scale: null,
    });
  });

  it('is null for means of no trades', () => {
    const nothing = { days: [0, 0], maxDrawdown: 0, bars: 100, pairs: 1, candidates: 0, refusals: {} };
    expect(performanceOf({ ...nothing, trades: [] })).toMatchObject({
      net_return: 0,
      net_sharpe: null,
      win_rate: null,
      mean_net_bps: null,
      refusal_rate: null,
      exposure: 0,
    });
  });
});
