import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { HoldoutBacktest, PairEdge } from '../../../shared/bundle/manifest.ts';
import type { PairHistory } from '../history/pair_history.ts';
import type { FilledTrade, OvernightSwaps } from '../trades/backtest.ts';
import { markToMarket, maxDrawdown, totalCurve } from './equity.ts';
import { sharpe } from './performance.ts';
import { tradingDayAt } from '../../../shared/core/cost/rollover.ts';

/** A pair's trades on the holdout, as if it had an edge. */
export interface PairTrades {
  readonly history: PairHistory;
  /** First bar of the holdout in the history. */
  readonly from: number;
  readonly trades: readonly FilledTrade[];
  readonly overnight: OvernightSwaps;
}

/**
 * Holdout backtest of all pairs, as if each had an edge: full size, after costs, equal capital. Drawdown is a fraction
 * of capital.
 */
export function holdoutBacktest(pairs: readonly PairTrades[]): HoldoutBacktest {
  const traded = pairs.filter(({ history, from }) => from < history.length);
  const trades = traded.flatMap((pair) => pair.trades);
  const nets = trades.map(({ netBps }) => netBps);
  const share = (count: number): number | null => (nets.length === 0 ? null : count / nets.length);
  const curves = traded.map(({ history, trades: own, overnight }) => markToMarket(history, own, overnight));
  return {
    trades: nets.length,
    win_rate: share(nets.filter((bps) => bps > 0).length),
    mean_net_bps: share(nets.reduce((sum, bps) => sum + bps, 0)),
    net_sharpe: sharpe(dailyResults(traded, curves)),
    max_drawdown: maxDrawdown(curveOf(traded, curves)),
  };
}

type Curves = readonly ReturnType<typeof markToMarket>[];

/** Net result of every trading day with bars, pairs weighted equally. */
function dailyResults(pairs: readonly PairTrades[], curves: Curves): number[] {
  const days = new Map<number, number>();
  for (const [i, { history, from, overnight }] of pairs.entries()) {
    const { rolls } = overnight;
    for (let t = from; t < history.length; t++) {
      const day = tradingDayAt(rolls, history.time[t]!);
      if (!days.has(day)) days.set(day, 0);
    }
    const { time, change } = curves[i]!;
    for (let k = 0; k < time.length; k++) {
      const day = tradingDayAt(rolls, time[k]!);
      days.set(day, days.get(day)! + change[k]! / pairs.length);
    }
  }
  return [...days.values()];
}

function curveOf(pairs: readonly PairTrades[], curves: Curves): Float64Array {
  if (pairs.length === 0) return new Float64Array();
  const first = Math.min(...pairs.map(({ history, from }) => history.time[from]!));
  const last = Math.max(...pairs.map(({ history }) => history.time[history.length - 1]!));
  return totalCurve(curves, first, (last - first) / SECONDS_PER_BAR + 1);
}

/**
 * Round-trip cost at which a pair's trades earn nothing after overnight swaps (`break_even_cost_bps`). In basis points
 * of gross notional; null without trades.
 */
export function breakEven(trades: readonly FilledTrade[]): Pick<PairEdge, 'mean_cost_bps' | 'break_even_cost_bps'> {
  if (trades.length === 0) return { mean_cost_bps: null, break_even_cost_bps: null };
  const mean = (of: (trade: FilledTrade) => number): number =>
    trades.reduce((sum, trade) => sum + of(trade), 0) / trades.length;
  return {
    mean_cost_bps: mean(({ costBps }) => costBps),
    break_even_cost_bps: mean(({ grossBps, swapBps }) => grossBps - swapBps),
  };
}
