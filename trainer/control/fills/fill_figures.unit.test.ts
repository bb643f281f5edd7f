import { describe, expect, it } from 'vitest';
import { closeFill, openFill, refusedFill } from '../../../shared/fill/fill.fixture.ts';
import { createRng } from '../../../shared/rng.ts';
import { enterBody, idOf } from '../../../shared/signal/signal.fixture.ts';
import type { JournaledSignal } from './journal_signals.ts';
import { accountIdOf } from './account_id.ts';
import { fillFigures, kindOf, type FiguresInput } from './fill_figures.ts';
import type { LiveTrade } from './live_trades.ts';
import { journaled, tradeOf } from './trade.fixture.ts';

const T0 = openFill().signal_ms;
const LATE_MS = T0 + 1e9;

function figures(trades: LiveTrade[], entries: JournaledSignal[], change: Partial<FiguresInput> = {}) {
  return fillFigures({ trades, entries, nowMs: LATE_MS, barMs: 60_000, settleMs: 60_000, ...change }, kindOf);
}

describe('figures of fills', () => {
  it('are empty without fills', () => {
    expect(figures([], [journaled(enterBody(idOf(1)), T0)])).toEqual({});
  });

  it('are those of an opened and closed trade', () => {
    const enter = enterBody(idOf(1), { price_a: 4100, price_b: 51.25 });
    const trades = [
      tradeOf(openFill(), enter),
      tradeOf(
        openFill({ leg: 'B', side: 'BUY', requested_price: 51.25, filled_price: 51.260_25, time_ms: T0 + 750 }),
        enter,
      ),
      tradeOf(closeFill(), null),
      tradeOf(closeFill({ leg: 'B', side: 'SELL', requested_price: 51, filled_price: 51, pnl: -1 }), null),
    ];
    const { total } = figures(trades, [journaled(enter, T0)])['paper']!;
    // 1 bps, 2 bps, 1 bps, none.
    expect(total).toMatchObject({
      opened: 1,
      closed: 1,
      win_rate: 1,
      pnl: { USD: 3.5 },
      fills: 4,
      enters: 1,
      refused: 0,
      refusal_rate: 0,
      latency_ms_p50: 250,
      latency_ms_p95: 750,
    });
    expect(total.slippage_bps).toBeCloseTo(1, 6);
    expect(total.slippage_bps_p95).toBeCloseTo(2, 6);
    expect(total.shortfall_bps).toBeCloseTo(1.5, 6);
  });

  it('have a sum for each currency, and no win of a position that won in one and lost in another', () => {
    const closeOf = (leg: 'A' | 'B', pnl: number, currency: string, n: number) => {
      const own = { leg, pnl, currency, signal_id: idOf(n + 10), position_id: idOf(n) } as const;
      return tradeOf(closeFill(leg === 'A' ? own : { ...own, side: 'SELL' }), null);
    };
    const opensOf = (n: number) =>
      (['A', 'B'] as const).map((leg) =>
        tradeOf(openFill({ leg, side: leg === 'A' ? 'SELL' : 'BUY', signal_id: idOf(n), position_id: idOf(n) }), null),
      );
    const trades = [
      ...[1, 2].flatMap(opensOf),
      closeOf('A', 5, 'USD', 1),
      closeOf('B', 100_000, 'JPY', 1),
      closeOf('A', 5, 'USD', 2),
      closeOf('B', -6000, 'JPY', 2),
    ];
    expect(figures(trades, [])['paper']!.total).toMatchObject({
      closed: 2,
      win_rate: 1,
      pnl: { USD: 10, JPY: 94_000 },
    });
  });

  it('count unopened signals as refused, when they have expired or were answered', () => {
    const entries = [1, 2, 3].map((number) => journaled(enterBody(idOf(number)), T0 + number));
    const trades = [
      tradeOf(openFill(), null),
      tradeOf(openFill({ leg: 'B', side: 'BUY' }), null),
      tradeOf(refusedFill({ signal_id: idOf(2), position_id: idOf(2) }), null),
    ];
    const soon = figures(trades, entries, { nowMs: T0 + 60 * 60_000 })['paper']!.total;
    expect(soon).toMatchObject({ enters: 2, refused: 1, refusal_rate: 0.5, opened: 1, closed: 0, win_rate: null });
    expect(figures(trades, entries)['paper']!.total).toMatchObject({ enters: 3, refused: 2 });
  });

  it('are separate for paper and real accounts, and require nothing of absent consumers', () => {
    const real = openFill({ account: 'real', signal_ms: T0 + 1000, time_ms: T0 + 1100 });
    const trades = [tradeOf(openFill(), null), tradeOf(real, null)];
    const found = figures(trades, [journaled(enterBody(idOf(1)), T0), journaled(enterBody(idOf(2)), T0 + 1000)]);
    expect(Object.keys(found)).toEqual(['paper', 'real']);
    expect([found['paper']!.total.enters, found['real']!.total.enters]).toEqual([2, 1]);
  });

  it('of two accounts on paper that follow the same signals are not added up', () => {
    const both = (ticket: number) => [
      openFill({ ticket }),
      openFill({ ticket: ticket + 1, leg: 'B', side: 'BUY' }),
      closeFill({ ticket: ticket + 2, pnl: 4 }),
      closeFill({ ticket: ticket + 3, leg: 'B', side: 'SELL', pnl: -1 }),
    ];
    const trades = [
      ...both(1).map((fill) => tradeOf(fill, null, '/home/var/ea/first_paper/result.json')),
      ...both(11).map((fill) => tradeOf(fill, null, String.raw`C:\minutehand\ea\second_paper\result.json`)),
    ];
    const input = { trades, entries: [], nowMs: LATE_MS, barMs: 60_000, settleMs: 60_000 };
    const found = fillFigures(input, accountIdOf);
    expect(Object.entries(found).map(([id, { total }]) => [id, total.closed, total.pnl])).toEqual([
      ['paper/first_paper', 1, { USD: 3 }],
      ['paper/second_paper', 1, { USD: 3 }],
    ]);
  });

  it('of pairs add up to the total, and equal those counted by hand', () => {
    const rng = createRng(3);
    const pairs = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'AUDUSD_USDCAD'];
    const entries: JournaledSignal[] = [];
    const trades: LiveTrade[] = [];
    const wins = new Map<string, number[]>();
    for (let number = 0; number < 200; number++) {
      const pair_id = pairs[rng.integer(pairs.length)]!;
      const [a, b] = pair_id.split('_') as [string, string];
      const id = idOf(number);
      entries.push(journaled(enterBody(id, { pair_id }), T0 + number));
      const common = { signal_id: id, position_id: id, pair_id, time_ms: T0 + number + 100, signal_ms: T0 + number };
      if (number >= 3 && rng.uniform() < 0.2) {
        if (rng.uniform() < 0.5) trades.push(tradeOf(refusedFill(common), null));
        continue;
      }
      const ticket = 10 * number;
      trades.push(tradeOf(openFill({ ...common, symbol: a, ticket }), null));
      trades.push(tradeOf(openFill({ ...common, leg: 'B', side: 'BUY', symbol: b, ticket: ticket + 1 }), null));
      if (rng.uniform() < 0.3) continue;
      const pnl = [rng.normal(), rng.normal()] as const;
      trades.push(tradeOf(closeFill({ ...common, symbol: a, ticket: ticket + 2, pnl: pnl[0] }), null));
      trades.push(tradeOf(closeFill({ ...common, leg: 'B', symbol: b, ticket: ticket + 3, pnl: pnl[1] }), null));
      wins.set(pair_id, [...(wins.get(pair_id) ?? []), pnl[0] + pnl[1] > 0 ? 1 : 0]);
    }
    const { total, pairs: byPair } = figures(trades, entries)['paper']!;
    for (const field of ['opened', 'closed', 'fills', 'enters', 'refused'] as const)
      expect(Object.values(byPair).reduce((sum, pair) => sum + pair[field], 0)).toBe(total[field]);
    for (const [id, own] of wins)
      expect(byPair[id]!.win_rate).toBeCloseTo(own.reduce((sum, win) => sum + win, 0) / own.length, 12);
    expect(total.refused).toBe(total.enters - total.opened);
  });
});
