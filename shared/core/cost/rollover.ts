import { exp } from '../../elementary.ts';
import { newYorkOffset, weekdayOf } from './new_york_time.ts';

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
/** A trading day ends at 17:00 in New York. */
const ROLL_HOUR = 17;
const WEDNESDAY = 3;
const SATURDAY = 6;
/** Closed from Friday's rollover to Sunday 17:00. */
const WEEKEND_S = 2 * DAY_S;

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
    const swapDays = swapDaysOf(day);
    if (swapDays === 0) continue;
    const time = rolloverOf(day);
    if (time > from && time <= to) found.push({ time, swapDays });
  }
  return found;
}

/** Days of swap that are charged at the end of a trading day; 0 on Saturday and Sunday. @param day since 1970 */
export function swapDaysOf(day: number): number {
  const weekday = weekdayOf(day);
  if (weekday === 0 || weekday === SATURDAY) return 0;
  return weekday === WEDNESDAY ? 3 : 1;
}

/** 17:00 in New York, epoch seconds. @param day since 1970 */
export function rolloverOf(day: number): number {
  const local = day * DAY_S + ROLL_HOUR * HOUR_S;
  return local - newYorkOffset(local);
}

/**
 * The swap that a position is expected to pay, in basis points of the gross notional: each rollover that it can live
 * through, times the probability that it still does. Time counts without weekends (Friday to Sunday, 17:00 in New
 * York). Allocates nothing.
 * @param perNight by `swapBpsPerNight`
 * @param fill epoch seconds of the entry
 * @param maxAge seconds after which the position is closed
 * @param meanAge mean seconds that positions are held: then their ages are taken as exponential; NaN: as uniform from 0
 * to `maxAge`
 */
export function expectedSwapBps(perNight: number, fill: number, maxAge: number, meanAge: number): number {
  if (perNight === 0) return 0;
  let nights = 0;
  let closed = 0;
  for (let day = Math.floor(fill / DAY_S); ; day++) {
    const time = rolloverOf(day);
    const age = Math.max(0, time - fill - closed);
    if (!(age <= maxAge)) return perNight * nights;
    const days = swapDaysOf(day);
    if (time <= fill) continue;
    // A market that fills on a weekend is open on it.
    if (weekdayOf(day) === SATURDAY && time - DAY_S > fill) closed += WEEKEND_S;
    if (days > 0) nights += days * (Number.isNaN(meanAge) ? 1 - age / maxAge : exp(-age / meanAge));
  }
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
