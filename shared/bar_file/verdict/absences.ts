import type { Finding } from './finding.ts';

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
const WEEK_S = 7 * DAY_S;
/** Holidays close markets for a day, and with the nights before and after it for less than this. */
const LONGEST_REST_S = 60 * HOUR_S;
/**
 * The same of currencies and metals, which trade around the clock: the longest of eight months of 14 symbols and of the
 * holidays at the end of a year is 31 hours.
 */
const LONGEST_REST_OF_WEEKS_S = 40 * HOUR_S;
/** Friday 21:00 to Sunday 22:00 UTC: the weekend of any market, in summer and in winter. In seconds of the UTC week. */
const WEEKEND_BEGINS_S = 5 * DAY_S + 21 * HOUR_S;
const WEEKEND_ENDS_S = 7 * DAY_S + 22 * HOUR_S;
/** 1970 began on a Thursday; weeks are counted from Sunday 00:00 UTC. */
const FIRST_SUNDAY_S = -4 * DAY_S;

/**
 * Days of trading without a bar, such as half a week that an export lacks. Less than the `GAP` of a wrong year, and no
 * reason to keep the bars out: some sources lack days for good.
 * @param hasWeeks whether the market is known to trade from Sunday to Friday
 */
export function createAbsences(barSeconds: number, hasWeeks = false) {
  const longestRest = hasWeeks && barSeconds <= HOUR_S ? LONGEST_REST_OF_WEEKS_S : LONGEST_REST_S;
  let longest: { readonly from: number; readonly to: number; readonly tradingSeconds: number } | null = null;
  let absences = 0;
  let isAscending: boolean | null = null;
  let isMixed = false;
  return {
    /** @param isUp whether the later bar came after the earlier one */
    addNeighbors(earlier: number, later: number, isUp: boolean): void {
      isAscending ??= isUp;
      // Neighbors of rows in no order are not the neighbors in time.
      if (isAscending !== isUp) isMixed = true;
      const from = earlier + barSeconds;
      if (isMixed || later - from <= longestRest) return;
      const tradingSeconds = later - from - weekendSeconds(from, later);
      if (tradingSeconds <= longestRest) return;
      absences++;
      if (longest === null || tradingSeconds > longest.tradingSeconds) longest = { from, to: later, tradingSeconds };
    },
    findings(): Finding[] {
      if (isMixed || longest === null) return [];
      const { from, to, tradingSeconds } = longest;
      const days = Math.round((10 * tradingSeconds) / DAY_S) / 10;
      return [{ code: 'INCOMPLETE', by: 'trading_time', values: { days, from, to, absences } }];
    },
  };
}

/** Part of a period that lies in weekends, seconds. */
export function weekendSeconds(from: number, to: number): number {
  let seconds = 0;
  let sunday = FIRST_SUNDAY_S + WEEK_S * Math.floor((from - FIRST_SUNDAY_S) / WEEK_S) - WEEK_S;
  for (; sunday + WEEKEND_BEGINS_S < to; sunday += WEEK_S) {
    const begin = Math.max(from, sunday + WEEKEND_BEGINS_S);
    const end = Math.min(to, sunday + WEEKEND_ENDS_S);
    seconds += Math.max(0, end - begin);
  }
  return seconds;
}
