import { describe, expect, it } from 'vitest';
import type { Trade } from '../api.ts';
import { fillBarOf, heldMs, positionsOf } from './positions.ts';

const fill = (change: object): Trade =>
  ({
    fill_key: JSON.stringify(change),
    account: 'paper',
    account_id: 'paper/a',
    pair_id: 'XAUUSD_XAGUSD',
    position_id: 'p1',
    signal_id: 's1',
    kind: 'open',
    leg: 'A',
    lots: 1,
    time_ms: 1000,
    pnl: null,
    reason: 'ENTRY',
    currency: 'USD',
    slippage_bps: 1,
    model_version: 'm1',
    symbol: 'XAUUSD',
    side: 'BUY',
    ...change,
  }) as unknown as Trade;

describe('positions of fills', () => {
  const opens = [fill({}), fill({ leg: 'B', lots: 2, slippage_bps: 2 })];
  const closes = [
    fill({ kind: 'close', time_ms: 4000, pnl: 5, reason: 'STOP', slippage_bps: 3 }),
    fill({ kind: 'close', leg: 'B', lots: 2, time_ms: 5000, pnl: -7, reason: 'STOP', slippage_bps: null }),
  ];

  it('have both legs, in whatever order the fills come', () => {
    for (const fills of [[...opens, ...closes], [...closes, ...opens].reverse()]) {
      const [own] = positionsOf(fills);
      expect(own).toMatchObject({
        openedMs: 1000,
        closedMs: 5000,
        pnl: -2,
        reason: 'STOP',
        slippageBps: 2,
        model: 'm1',
      });
    }
  });

  it('know the bars of their entry and exit on the market’s clock, but not of an exit of the account’s own', () => {
    const entered = opens.map((open) => ({ ...open, signal_bar: '2024-01-22T00:39:00Z' }) as Trade);
    const left = (signal_id: string) =>
      closes.map((close) => ({ ...close, signal_id, signal_bar: '2024-01-22T00:47:00Z' }) as Trade);
    const barsOf = (fills: readonly Trade[]) =>
      positionsOf(fills).map(({ openedBarMs, closedBarMs }) => [openedBarMs, closedBarMs]);
    const openedMs = Date.UTC(2024, 0, 22, 0, 39);
    expect(barsOf([...entered, ...left('s2')])).toEqual([[openedMs, Date.UTC(2024, 0, 22, 0, 47)]]);
    expect(barsOf([...entered, ...left('p1')])).toEqual([[openedMs, null]]);
    expect(barsOf(entered)).toEqual([[openedMs, null]]);
    expect([entered[0]!, ...left('p1')].map(fillBarOf)).toEqual([openedMs, null, null]);
  });

  it('are held by the wall clock of a live market, and by the bars of a simulated one', () => {
    const [own] = positionsOf([...opens, ...closes]);
    expect(heldMs(own!, false, 9000)).toBe(4000);
    expect(heldMs(own!, true, 9000)).toBeNull();
    const [open] = positionsOf(opens);
    expect([heldMs(open!, false, 9000), heldMs(open!, true, 9000)]).toEqual([8000, null]);
    const withBars = { ...own!, openedBarMs: 60_000, closedBarMs: 240_000 };
    expect(heldMs(withBars, true, 9000)).toBe(180_000);
  });

  it('are open until every leg is closed, and leave refused entries out', () => {
    const refused = fill({ kind: 'refused', position_id: 'p2' });
    const found = positionsOf([...opens, closes[0]!, refused]);
    expect(found.map(({ positionId, closedMs, pnl }) => [positionId, closedMs, pnl])).toEqual([['p1', null, 5]]);
  });

  it('have a sum for each currency, and none of several', () => {
    const yen = { ...closes[1]!, currency: 'JPY', pnl: 100_000 } as Trade;
    const [own] = positionsOf([...opens, { ...closes[0]!, currency: 'USD' }, yen]);
    expect([own!.pnl, own!.money]).toEqual([null, { USD: 5, JPY: 100_000 }]);
  });

  it('of two programs are two, the newest first', () => {
    const other = opens.map((open) => ({ ...open, account_id: 'paper/b', time_ms: 3000 }) as Trade);
    expect(positionsOf([...opens, ...other]).map(({ accountId }) => accountId)).toEqual(['paper/b', 'paper/a']);
  });
});
