import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equityOf, monthsOf, parseTrades, summaryOf, together, type BacktestTrade } from './trades.ts';

const trade = (pair_id: string, minute: number, net: number): BacktestTrade => ({
  model_version: 'm',
  pair_id,
  side: 'long',
  reason: 'Z_EXIT',
  position_scale: 1,
  entry_time: '2024-01-01T00:00:00Z',
  exit_time: new Date(minute * 60_000).toISOString(),
  gross_bps: net + 1,
  cost_bps: 1,
  swap_bps: 0,
  net_bps: net,
  scaled_net_bps: net,
});
const trades = fc
  .array(
    fc.tuple(fc.constantFrom('A_B', 'C_D'), fc.integer({ min: 28e6, max: 284e5 }), fc.integer({ min: -50, max: 50 })),
  )
  .map((rows) => rows.sort((a, b) => a[1] - b[1]).map(([pair, minute, net]) => trade(pair, minute, net)));

describe('the results of a backtest', () => {
  it('add up alike as a curve, by month and in the summary, and no drawdown is above zero', () => {
    fc.assert(
      fc.property(trades, (all) => {
        const sum = all.reduce((total, { scaled_net_bps }) => total + scaled_net_bps, 0);
        const { equity, drawdown } = equityOf(all);
        expect(equity.at(-1) ?? 0).toBe(sum);
        const peaks = equity.map((_, i) => Math.max(0, ...equity.slice(0, i + 1)));
        expect(drawdown).toEqual(equity.map((one, i) => one - peaks[i]!));
        const { months, pairs, at } = monthsOf(all);
        const cells = months.flatMap((month) => pairs.map((pair) => at(pair, month)?.net ?? 0));
        expect(cells.reduce((total, net) => total + net, 0)).toBe(sum);
        expect(months.reduce((total, month) => total + at('', month)!.net, 0)).toBe(sum);
        expect(summaryOf(all)).toMatchObject({ trades: all.length, net_bps: sum });
      }),
    );
  });

  it('of two curves are aligned to common times, each with its last value', () => {
    const curves = [equityOf([trade('A_B', 1, 5), trade('A_B', 3, -2)]), equityOf([trade('A_B', 2, 1)])];
    expect(together(curves, 'equity')).toEqual({
      times: [60, 120, 180],
      values: [
        [5, 5, 3],
        [null, 1, 1],
      ],
    });
  });

  it('are read from trades.csv in order of their exits; another file is refused', () => {
    const head =
      'model_version,published,pair_id,side,entry_time,exit_time,reason,position_scale,gross_bps,cost_bps,swap_bps,net_bps,scaled_net_bps';
    const row = (exit: string, net: string) => `m,1,A_B,long,2024-01-01T00:00:00Z,${exit},STOP,0.5,3,1,0,${net},1`;
    const read = parseTrades([head, row('2024-01-02T00:00:00Z', '2'), row('2024-01-01T00:00:00Z', '4')].join('\n'));
    expect(read!.map(({ net_bps }) => net_bps)).toEqual([4, 2]);
    expect(parseTrades([head, row('2024-01-02T00:00:00Z', 'x')].join('\n'))).toBeNull();
    expect(parseTrades('time,open\n1,2')).toBeNull();
  });
});
