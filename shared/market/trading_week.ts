import type { OpenTime } from '../bar.ts';

const MINUTES_PER_WEEK = 7 * 1440;
const OPEN_MINUTES_PER_WEEK = 5 * 1440;
/** Sunday 1970-01-04 22:00 UTC, in epoch minutes. */
const FIRST_OPEN = 3 * 1440 + 22 * 60;

/** Minutes since Sunday 22:00 UTC of the same trading week, 0…10079; the week is open below 7200. */
function minuteOfWeek(epochMinute: number): number {
  const since = (epochMinute - FIRST_OPEN) % MINUTES_PER_WEEK;
  return since < 0 ? since + MINUTES_PER_WEEK : since;
}

/** Returns whether a bar that opens at `time` is in the trading week, Sunday 22:00 to Friday 22:00 UTC. */
export function isOpenMinute(time: number): boolean {
  return minuteOfWeek(Math.floor(time / 60)) < OPEN_MINUTES_PER_WEEK;
}

/** The first open minute that begins at or after `time` (epoch seconds, not necessarily a whole minute). */
export function openMinuteFrom(time: number): OpenTime {
  const minute = Math.ceil(time / 60);
  const since = minuteOfWeek(minute);
  return ((since < OPEN_MINUTES_PER_WEEK ? minute : minute + MINUTES_PER_WEEK - since) * 60) as OpenTime;
}

/** Whether a whole trading week, Sunday 22:00 to Friday 22:00 UTC, lies between two times in epoch seconds. */
export function hasFullTradingWeek(from: number, to: number): boolean {
  const week = MINUTES_PER_WEEK * 60;
  const firstOpen = FIRST_OPEN * 60;
  const open = Math.ceil((from - firstOpen) / week) * week + firstOpen;
  return to >= open + OPEN_MINUTES_PER_WEEK * 60;
}
