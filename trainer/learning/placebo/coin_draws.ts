import { rollovers, tradingDayAt } from '../../../shared/core/cost/rollover.ts';

/** Trading days of all draws together, and limits of the number of draws, odd. */
const DRAWN_DAYS = 100;
const FEWEST_DRAWS = 7;
const MOST_DRAWS = 13;

/**
 * Draws of the coins for a holdout: few days need many, since the spread of the draws is then the error. Odd, so that
 * their degrees of freedom are even.
 */
export function coinDraws(tradingDays: number): number {
  const wanted = Math.ceil(DRAWN_DAYS / Math.max(1, tradingDays));
  return Math.min(MOST_DRAWS, Math.max(FEWEST_DRAWS, wanted + ((wanted + 1) % 2)));
}

/** Blocks of time that have rows, numbered in order of time. */
export interface TimeBlocks {
  readonly count: number;
  at(time: number): number;
}

/** Number of trading days with rows. @param time epoch seconds, in any order */
export function tradingDaysOf(time: Float64Array): number {
  return time.length === 0 ? 0 : daysOf([{ time }]).count;
}

/** Trading days that have rows, numbered in order of time. */
export function daysOf(markets: readonly { readonly time: Float64Array }[]): TimeBlocks {
  let first = Infinity;
  let last = -Infinity;
  for (const { time } of markets) {
    for (const at of time) {
      first = Math.min(first, at);
      last = Math.max(last, at);
    }
  }
  const rolls = rollovers(first, last);
  const present = new Set<number>();
  for (const { time } of markets) for (const at of time) present.add(tradingDayAt(rolls, at));
  const numbers = new Map([...present].sort((a, b) => a - b).map((day, i) => [day, i]));
  return { count: present.size, at: (time) => numbers.get(tradingDayAt(rolls, time))! };
}
