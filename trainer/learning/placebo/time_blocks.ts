import { rollovers, tradingDayAt } from '../../../shared/core/cost/rollover.ts';

/** Blocks of time that have rows, numbered in order of time. */
export interface TimeBlocks {
  readonly count: number;
  at(time: number): number;
}

/** Rows of a market by their time, epoch seconds, in any order. */
interface TimedRows {
  readonly time: Float64Array;
}

/** Number of trading days with rows. @param time epoch seconds, in any order */
export function tradingDaysOf(time: Float64Array): number {
  return time.length === 0 ? 0 : daysOf([{ time }]).count;
}

/** Trading days. */
export function daysOf(markets: readonly TimedRows[]): TimeBlocks {
  let first = Infinity;
  let last = -Infinity;
  for (const { time } of markets) {
    for (const at of time) {
      first = Math.min(first, at);
      last = Math.max(last, at);
    }
  }
  const rolls = rollovers(first, last);
  return numbered(markets, (time) => tradingDayAt(rolls, time));
}

/** Blocks of so many seconds. */
export function blocksOf(markets: readonly TimedRows[], seconds: number): TimeBlocks {
  return numbered(markets, (time) => Math.floor(time / seconds));
}

/** @param blockAt number of a block, ascending with time */
function numbered(markets: readonly TimedRows[], blockAt: (time: number) => number): TimeBlocks {
  const present = new Set<number>();
  for (const { time } of markets) for (const at of time) present.add(blockAt(at));
  const numbers = new Map([...present].sort((a, b) => a - b).map((block, i) => [block, i]));
  return { count: present.size, at: (time) => numbers.get(blockAt(time))! };
}
