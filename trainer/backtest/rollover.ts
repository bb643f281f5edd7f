import { newYorkOffset, weekdayOf } from '../../shared/core/cost/new_york_time.ts';

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
/** A trading day ends at 17:00 in New York. */
const ROLL_HOUR = 17;
const WEDNESDAY = 3;
const SATURDAY = 6;

/** End of a trading day: positions held over it pay or receive interest. */
export interface Rollover {
  /** Epoch seconds, UTC: 21:00 during daylight-saving time in New York, otherwise 22:00. */
  readonly time: number;
  /** Days of swap charged: 3 on Wednesday, when settlement two working days later skips the weekend. */
  readonly swapDays: number;
}

/**
 * Ends of trading days after `from`, up to and including `to` (epoch seconds): 17:00 in New York, Monday to Friday. By
 * the United States rule since 2007 (Energy Policy Act of 2005), independent of this machine's time zones. Holidays
 * count as normal days.
 */
export function rollovers(from: number, to: number): Rollover[] {
  const found: Rollover[] = [];
  for (let day = Math.floor(from / DAY_S); day * DAY_S <= to; day++) {
    const weekday = weekdayOf(day);
    if (weekday === 0 || weekday === SATURDAY) continue;
    const local = day * DAY_S + ROLL_HOUR * HOUR_S;
    const time = local - newYorkOffset(local);
    if (time > from && time <= to) found.push({ time, swapDays: weekday === WEDNESDAY ? 3 : 1 });
  }
  return found;
}

/** Number of rollovers not after `time`. Bars of one trading day have the same number. */
export function tradingDayAt(rolls: readonly Rollover[], time: number): number {
  let low = 0;
  let high = rolls.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rolls[middle]!.time <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
