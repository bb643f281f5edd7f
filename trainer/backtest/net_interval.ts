import { quantileOf, resampledMeans } from '../validate/block_bootstrap.ts';
import type { FilledTrade } from './backtest.ts';
import { MIN_TRADES } from './edge.ts';
import { tradingDayAt, type Rollover } from '../../shared/core/cost/rollover.ts';

const LOWER_SHARE = 0.05;

/** Results of trades by the trading day of their entry, basis points at full size. */
export interface TradeDays {
  readonly sum: Float64Array;
  readonly count: Float64Array;
}

/** Mean net result per trade with its 90 % interval, a stationary bootstrap of the trading days of all pairs. */
export interface NetInterval {
  readonly trades: number;
  readonly net_bps: number | null;
  readonly lower_5_net_bps: number | null;
  readonly upper_95_net_bps: number | null;
  /** Too few trades, or a lower bound not above 0. */
  readonly no_edge: boolean;
}

export function tradeDays(trades: readonly FilledTrade[], rolls: readonly Rollover[]): TradeDays {
  const days = { sum: new Float64Array(rolls.length + 1), count: new Float64Array(rolls.length + 1) };
  for (const { entryTime, netBps } of trades) {
    const day = tradingDayAt(rolls, entryTime);
    days.sum[day]! += netBps;
    days.count[day]!++;
  }
  return days;
}

/** @param dayIndices the trading days that have bars */
export function netInterval(pairs: readonly TradeDays[], dayIndices: readonly number[], seed: string): NetInterval {
  const total = (of: keyof TradeDays): number[] =>
    dayIndices.map((day) => pairs.reduce((sum, own) => sum + own[of][day]!, 0));
  const [sum, count] = [total('sum'), total('count')];
  const trades = count.reduce((all, own) => all + own, 0);
  const net_bps = trades === 0 ? null : sum.reduce((all, own) => all + own, 0) / trades;
  if (trades < MIN_TRADES) return { trades, net_bps, lower_5_net_bps: null, upper_95_net_bps: null, no_edge: true };
  const means = resampledMeans({ sum, count }, seed);
  const [lower_5_net_bps, upper_95_net_bps] = [quantileOf(means, LOWER_SHARE), quantileOf(means, 1 - LOWER_SHARE)];
  return { trades, net_bps, lower_5_net_bps, upper_95_net_bps, no_edge: !(lower_5_net_bps! > 0) };
}
