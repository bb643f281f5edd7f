import type { MeanTest } from '../statistics/mean_test.ts';
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

/**
 * Mean net result per trade with its 90 % interval, by `edgeTest` with the trading days of all pairs as blocks. It
 * claims no edge: `periodEdge` does, which counts how often the bars were looked at.
 */
export interface NetInterval {
  readonly trades: number;
  readonly net_bps: number | null;
  /** Of this and the next one: null with too few trades or trading days. */
  readonly lower_5_net_bps: number | null;
  readonly upper_95_net_bps: number | null;
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

/** @param dayIndices the trading days that have bars */
export function netInterval(pairs: readonly TradeDays[], dayIndices: readonly number[]): NetInterval {
  const { sum, count } = blocksOf(pairs, dayIndices);
  const trades = total(count);
  const net_bps = trades === 0 ? null : total(sum) / trades;
  const test = daysTest(pairs, dayIndices);
  return {
    trades,
    net_bps,
    lower_5_net_bps: test?.lowerBound(LEVEL) ?? null,
    upper_95_net_bps: test?.upperBound(LEVEL) ?? null,
  };
}

/**
 * Test of the mean net result of all trades, by trading days.
 * @param loss of a single trade to allow for; absent: that of these trades
 * @returns null with too few trades or trading days
 */
export function daysTest(pairs: readonly TradeDays[], dayIndices: readonly number[], loss?: number): MeanTest | null {
  const blocks = blocksOf(pairs, dayIndices);
  if (total(blocks.count) < MIN_TRADES) return null;
  const results = pairs.flatMap((own) => own.trades);
  return edgeTest(results, { blocks, ...(loss !== undefined && { loss }) });
}

function blocksOf(pairs: readonly TradeDays[], dayIndices: readonly number[]) {
  const sums = (of: 'sum' | 'count'): number[] =>
    dayIndices.map((day) => pairs.reduce((sum, own) => sum + own[of][day]!, 0));
  return { sum: sums('sum'), count: sums('count') };
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
