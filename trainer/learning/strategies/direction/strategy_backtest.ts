import {
  FLAT_INSTRUMENT,
  type DirectionPosition,
  type DirectionProbabilities,
  type DirectionStrategy,
} from '../../../../shared/strategies/direction/direction_input.ts';
import { stepDirection } from '../../../../shared/strategies/direction/direction.ts';
import type { OpenTime } from '../../../../shared/bar.ts';
import { HOLE_EXIT, isHole } from '../../../../shared/core/recent_history.ts';
import { adverseBps, type Trade } from '../../trades/backtest.ts';
import { settlementsOf } from '../../trades/settlements.ts';
import type { Instrument } from './instrument_rows.ts';

const BPS = 1e4;

/** What a model answers to a bar. */
export interface BarAnswer extends DirectionProbabilities {
  /** Share of training rows that are farther out; absent or NaN: not known. */
  readonly novelty?: number;
}

/** Cost per side of a trade, basis points of notional. */
export interface InstrumentCosts {
  readonly takerFeeBps: number;
  readonly slippageBps: number;
}

/**
 * Trades of one instrument by the decision of `shared/core`: decided at a close, filled at the next open, with taker
 * fee and slippage per fill; closed at the last open before a hole in the bars. Longs pay, and shorts receive, the
 * funding rate at each settlement during the position.
 * @param answers [bars]; null = no entry, and exits by price and age only
 * @param strategyAt strategy at a bar
 * @param noveltyMin smallest novelty of an entry, where it is known; absent: any
 */
export function backtestStrategy(
  { bars, series }: Instrument,
  answers: readonly (BarAnswer | null)[],
  strategyAt: (t: number) => DirectionStrategy,
  { takerFeeBps, slippageBps }: InstrumentCosts,
  noveltyMin?: number,
): Trade[] {
  const trades: Trade[] = [];
  const funding = settlementsOf(series.funding_rate);
  const costBps = 2 * (takerFeeBps + slippageBps);
  let position: DirectionPosition = FLAT_INSTRUMENT;
  let entry = -1;
  const end = (side: -1 | 1, t: number, stop: number, reason: string): void => {
    const grossAt = (bar: number): number => side * (bars.open[bar]! / bars.open[entry]! - 1) * BPS;
    const grossBps = grossAt(t);
    const entryTime = bars.time[entry]! as OpenTime;
    const exitTime = bars.time[t]! as OpenTime;
    trades.push({
      pairId: bars.symbol,
      side,
      entryTime,
      exitTime,
      reason,
      grossBps,
      netBps: grossBps - costBps - side * funding.between(entryTime, exitTime) * BPS,
      stopBps: stop * BPS + costBps,
      adverseBps: adverseBps(entry, t, grossAt),
    });
  };
  for (let t = 0; t + 1 < bars.length; t++) {
    const before = position;
    if (isHole(bars.time[t]!, bars.time[t + 1]!, bars.timeframe)) {
      // What is decided here would be filled behind the hole.
      if (before.side !== 0 && entry < t) end(before.side, t, strategyAt(t).stop, HOLE_EXIT);
      position = FLAT_INSTRUMENT;
      continue;
    }
    const step = stepDirection(strategyAt(t), before, {
      close: bars.close[t]!,
      probabilities: answers[t] ?? null,
      veto: null,
      novelty: answers[t]?.novelty,
      noveltyMin,
    });
    position = step.position;
    if (step.action === 'ENTER') entry = t + 1;
    if (step.action !== 'EXIT' || before.side === 0) continue;
    end(before.side, t + 1, strategyAt(t).stop, step.reason);
  }
  return trades;
}
