import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { HoldoutBacktest, PairEdge } from '../../../shared/bundle/manifest.ts';
import { partOfHistory, type KeptHistory } from '../history/kept_history.ts';
import type { FilledTrade, OvernightSwaps } from '../trades/backtest.ts';
import { markToMarket, maxDrawdown, totalCurve, type PnlChanges } from './equity.ts';
import { sharpe } from './performance.ts';
import { tradingDayAt } from '../../../shared/core/cost/rollover.ts';

/** A pair's trades on the holdout, as if it had an edge. */
export interface PairTrades {
  readonly history: KeptHistory;
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
  const marked = traded.map(markPair);
  return {
    trades: nets.length,
    win_rate: share(nets.filter((bps) => bps > 0).length),
    mean_net_bps: share(nets.reduce((sum, bps) => sum + bps, 0)),
    net_sharpe: sharpe(dailyResults(marked)),
    max_drawdown: maxDrawdown(curveOf(marked)),
  };
}

/** One pair's holdout, marked to market. */
interface MarkedPair {
  readonly curve: PnlChanges;
  readonly rolls: OvernightSwaps['rolls'];
  /** Trading days with bars, ascending. */
  readonly days: readonly number[];
  /** Opens of the first and the last bar. */
  readonly first: number;
  readonly last: number;
}

function markPair({ history, from, trades, overnight }: PairTrades): MarkedPair {
  const prices = partOfHistory(history, 'time', 'openA', 'openB', 'lnA', 'lnB');
  const { time, length } = prices;
  const { rolls } = overnight;
  const days = new Set<number>();
  for (let t = from; t < length; t++) days.add(tradingDayAt(rolls, time[t]!));
  const curve = markToMarket(prices, trades, overnight);
  return { curve, rolls, days: [...days], first: time[from]!, last: time[length - 1]! };
}

/** Net result of every trading day with bars, pairs weighted equally. */
function dailyResults(pairs: readonly MarkedPair[]): number[] {
  const results = new Map<number, number>();
  for (const { curve, rolls, days } of pairs) {
    for (const day of days) if (!results.has(day)) results.set(day, 0);
    const { time, change } = curve;
    for (let k = 0; k < time.length; k++) {
      const day = tradingDayAt(rolls, time[k]!);
      results.set(day, results.get(day)! + change[k]! / pairs.length);
    }
  }
  return [...results.values()];
}

function curveOf(pairs: readonly MarkedPair[]): Float64Array {
  if (pairs.length === 0) return new Float64Array();
  const first = Math.min(...pairs.map((pair) => pair.first));
  const last = Math.max(...pairs.map((pair) => pair.last));
  return totalCurve(
    pairs.map(({ curve }) => curve),
    first,
    (last - first) / SECONDS_PER_BAR + 1,
  );
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
