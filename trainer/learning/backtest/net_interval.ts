import type { FilledTrade } from '../trades/backtest.ts';
import { MIN_TRADES } from './edge.ts';
import { edgeTest, type TestedTrade } from './edge_test.ts';
import { tradingDayAt, type Rollover } from '../../../shared/core/cost/rollover.ts';

const LEVEL = 0.05;

/** Results of trades by the trading day of their entry, basis points at full size. */
export interface TradeDays {
  readonly sum: Float64Array;
  readonly count: Float64Array;
  readonly trades: readonly TestedTrade[];
}

/** Mean net result per trade with its 90 % interval, by `edgeTest` with the trading days of all pairs as blocks. */
export interface NetInterval {
  readonly trades: number;
  readonly net_bps: number | null;
  readonly lower_5_net_bps: number | null;
  readonly upper_95_net_bps: number | null;
  /** Too few trades or trading days, a lower bound not above 0, or bars that the models have learned from. */
  readonly no_edge: boolean;
}

export function tradeDays(trades: readonly FilledTrade[], rolls: readonly Rollover[]): TradeDays {
  const days = { sum: new Float64Array(rolls.length + 1), count: new Float64Array(rolls.length + 1), trades };
  for (const { entryTime, netBps } of trades) {
    const day = tradingDayAt(rolls, entryTime);
    days.sum[day]! += netBps;
    days.count[day]!++;
  }
  return days;
}

/**
 * @param dayIndices the trading days that have bars
 * @param inSample the models have learned from some of these bars: what they earned is no edge
 */
export function netInterval(pairs: readonly TradeDays[], dayIndices: readonly number[], inSample = false): NetInterval {
  const total = (of: 'sum' | 'count'): number[] =>
    dayIndices.map((day) => pairs.reduce((sum, own) => sum + own[of][day]!, 0));
  const sum = total('sum');
  const count = total('count');
  const trades = count.reduce((all, own) => all + own, 0);
  const net_bps = trades === 0 ? null : sum.reduce((all, own) => all + own, 0) / trades;
  const results = pairs.flatMap((own) => own.trades);
  const test = trades < MIN_TRADES ? null : edgeTest(results, { blocks: { sum, count } });
  if (test === null) return { trades, net_bps, lower_5_net_bps: null, upper_95_net_bps: null, no_edge: true };
  const lower_5_net_bps = test.lowerBound(LEVEL);
  return {
    trades,
    net_bps,
    lower_5_net_bps,
    upper_95_net_bps: test.upperBound(LEVEL),
    no_edge: inSample || !(lower_5_net_bps > 0),
  };
}
