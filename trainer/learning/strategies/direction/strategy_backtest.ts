import {
  FLAT_INSTRUMENT,
  type DirectionPosition,
  type DirectionProbabilities,
  type DirectionStrategy,
} from '../../../../shared/strategies/direction/direction_input.ts';
import { stepDirection } from '../../../../shared/strategies/direction/direction.ts';
import type { OpenTime } from '../../../../shared/bar.ts';
import type { Trade } from '../../trades/backtest.ts';
import type { SeriesHistory } from '../../../../shared/core/series/series_cursor.ts';
import type { Instrument } from './instrument_rows.ts';

const BPS = 1e4;

/** Cost per side of a trade, basis points of notional. */
export interface InstrumentCosts {
  readonly takerFeeBps: number;
  readonly slippageBps: number;
}

/**
 * Trades of one instrument by the decision of `shared/core`: decided at a close, filled at the next open, with taker
 * fee and slippage per fill. Longs pay, and shorts receive, the funding rate at each settlement during the position.
 * @param probabilities [bars]; null = no entry, and exits by price and age only
 * @param strategyAt strategy at a bar
 */
export function backtestStrategy(
  { bars, series }: Instrument,
  probabilities: readonly (DirectionProbabilities | null)[],
  strategyAt: (t: number) => DirectionStrategy,
  { takerFeeBps, slippageBps }: InstrumentCosts,
): Trade[] {
  const trades: Trade[] = [];
  const funding = settlementsOf(series.funding_rate);
  const costBps = 2 * (takerFeeBps + slippageBps);
  let position: DirectionPosition = FLAT_INSTRUMENT;
  let entry = -1;
  for (let t = 0; t + 1 < bars.length; t++) {
    const before = position;
    const step = stepDirection(strategyAt(t), before, {
      close: bars.close[t]!,
      probabilities: probabilities[t] ?? null,
      hasEdge: true,
    });
    position = step.position;
    if (step.action === 'ENTER') entry = t + 1;
    if (step.action !== 'EXIT' || before.side === 0) continue;
    const strategy = strategyAt(t);
    const grossBps = before.side * (bars.open[t + 1]! / bars.open[entry]! - 1) * BPS;
    const entryTime = bars.time[entry]! as OpenTime;
    const exitTime = bars.time[t + 1]! as OpenTime;
    trades.push({
      pairId: bars.symbol,
      side: before.side,
      entryTime,
      exitTime,
      reason: step.reason,
      grossBps,
      netBps: grossBps - costBps - before.side * funding.between(entryTime, exitTime) * BPS,
      stopBps: strategy.stop * BPS + costBps,
    });
  }
  return trades;
}

/** Funding settlements of a perpetual contract. */
export interface Settlements {
  /** Ascending, epoch seconds. */
  readonly times: Float64Array;
  /** Of all rates before each settlement, and of all. */
  readonly sums: Float64Array;
  /** Sum of the rates settled after `from`, up to and including `to`. */
  between(from: number, to: number): number;
}

/** Each settlement once, with its latest revision. */
export function settlementsOf({ length, eventTime, value }: SeriesHistory): Settlements {
  const rates = new Map<number, number>();
  for (let i = 0; i < length; i++) rates.set(eventTime[i]!, value[i]!);
  const times = Float64Array.from(rates.keys()).sort();
  const sums = new Float64Array(times.length + 1);
  times.forEach((time, i) => (sums[i + 1] = sums[i]! + rates.get(time)!));
  return summedSettlements(times, sums);
}

/** Those up to and including a time. */
export function settlementsUntil({ times, sums }: Settlements, end: number): Settlements {
  const behind = times.findIndex((time) => time > end);
  const count = behind < 0 ? times.length : behind;
  return summedSettlements(times.slice(0, count), sums.slice(0, count + 1));
}

export function summedSettlements(times: Float64Array, sums: Float64Array): Settlements {
  const sumUntil = (time: number): number => {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle]! <= time) low = middle + 1;
      else high = middle;
    }
    return sums[low]!;
  };
  return { times, sums, between: (from, to) => sumUntil(to) - sumUntil(from) };
}
