import { pairReturn } from '../../../shared/core/position/pair_return.ts';
import { exp, ln } from '../../../shared/elementary.ts';
import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import { openTimeAt, type PairHistory } from '../history/pair_history.ts';
import type { FilledTrade, OvernightSwaps } from '../trades/backtest.ts';
import { tradingDayAt } from '../../../shared/core/cost/rollover.ts';
import { swapBpsPerNight } from '../../../shared/core/cost/swap.ts';

const BPS = 1e4;

/** Changes in the value of positions, as fractions of capital; only bars with a change, ascending. */
export interface PnlChanges {
  /**
   * Epoch seconds of the bar open. The value is that at the bar's close, or at its open if the position was closed
   * there.
   */
  readonly time: Float64Array;
  readonly change: Float64Array;
}

/**
 * Marks one pair's trades to market at every close, with scale and costs. Capital is the full-size gross notional and
 * constant: nothing is reinvested. Costs of a fill are paid at the fill, an overnight swap at the first bar after it.
 * The changes of a trade sum to scale · netBps / 10,000.
 */
export function markToMarket(
  history: Pick<PairHistory, 'pair' | 'time' | 'openA' | 'openB' | 'lnA' | 'lnB'>,
  trades: readonly FilledTrade[],
  overnight: OvernightSwaps | null,
): PnlChanges {
  const { openA, openB, lnA, lnB, time } = history;
  const length = trades.reduce((sum, { entryBar, exitBar }) => sum + exitBar - entryBar + 1, 0);
  const changes = { time: new Float64Array(length), change: new Float64Array(length) };
  let at = 0;
  for (const { entryBar, exitBar, side, beta, scale, entryCostBps, netBps } of trades) {
    const lnOpenA = ln(openA[entryBar]!);
    const lnOpenB = ln(openB[entryBar]!);
    const perNight = overnight === null ? 0 : swapBpsPerNight(side, beta, overnight.swaps.a, overnight.swaps.b);
    const rolls = overnight?.rolls ?? [];
    let roll = tradingDayAt(rolls, openTimeAt(history, entryBar));
    let swapBps = 0;
    let before = 0;
    for (let k = entryBar; k <= exitBar; k++) {
      for (; roll < rolls.length && rolls[roll]!.time <= time[k]!; roll++) swapBps += rolls[roll]!.swapDays * perNight;
      const earned = pairReturn(side, beta, exp(lnA[k]! - lnOpenA), exp(lnB[k]! - lnOpenB));
      const open = BPS * earned - entryCostBps - swapBps;
      const value = (scale * (k === exitBar ? netBps : open)) / BPS;
      changes.time[at] = time[k]!;
      changes.change[at++] = value - before;
      before = value;
    }
  }
  return changes;
}

/** Cumulative value per minute from `from` on, each curve with the same weight. */
export function totalCurve(curves: readonly PnlChanges[], from: number, minutes: number): Float64Array {
  const total = new Float64Array(minutes);
  for (const { time, change } of curves) {
    for (let i = 0; i < time.length; i++) total[(time[i]! - from) / SECONDS_PER_BAR]! += change[i]! / curves.length;
  }
  for (let minute = 1; minute < minutes; minute++) total[minute]! += total[minute - 1]!;
  return total;
}

/** Cumulative sum, one value per change. */
export function cumulate({ change }: PnlChanges): Float64Array {
  let sum = 0;
  return change.map((value) => (sum += value));
}

/** Maximum drawdown of a curve that starts at 0: ≥ 0, in the unit of the curve. */
export function maxDrawdown(curve: ArrayLike<number>): number {
  let peak = 0;
  let deepest = 0;
  for (let i = 0; i < curve.length; i++) {
    const value = curve[i]!;
    if (value > peak) peak = value;
    else if (peak - value > deepest) deepest = peak - value;
  }
  return deepest;
}
