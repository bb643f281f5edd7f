const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
const MINUTES_PER_DAY = 1440;
export const MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY;
/** Clocks change at 02:00 local time: 07:00 UTC in March, 06:00 UTC in November. */
const SPRING_CHANGE_S = 7 * HOUR_S;
const AUTUMN_CHANGE_S = 6 * HOUR_S;

/**
 * New York's offset from UTC at `time` (epoch seconds), in seconds. By the rule of the United States since 2007 (Energy
 * Policy Act of 2005), not by this machine's time zones: second Sunday of March to first Sunday of November.
 */
export function newYorkOffset(time: number): number {
  if (!(time >= summerTime.yearStart && time < summerTime.yearEnd)) summerTime = summerTimeAt(time);
  return (time >= summerTime.begin && time < summerTime.end ? -4 : -5) * HOUR_S;
}

/** Epoch seconds: a year of UTC, and its summer time in New York. */
interface SummerTime {
  readonly yearStart: number;
  readonly yearEnd: number;
  readonly begin: number;
  readonly end: number;
}

/** Of the last requested year: times ascend. */
let summerTime: SummerTime = { yearStart: NaN, yearEnd: NaN, begin: NaN, end: NaN };

function summerTimeAt(time: number): SummerTime {
  const year = yearOf(Math.floor(time / DAY_S));
  return {
    yearStart: dayOf(year, 1, 1) * DAY_S,
    yearEnd: dayOf(year + 1, 1, 1) * DAY_S,
    begin: sundayFrom(dayOf(year, 3, 8)) * DAY_S + SPRING_CHANGE_S,
    end: sundayFrom(dayOf(year, 11, 1)) * DAY_S + AUTUMN_CHANGE_S,
  };
}

/** Minute of the New York week of `time` (epoch seconds), 0…10079; 0 is Sunday 00:00. */
export function newYorkMinuteOfWeek(time: number): number {
  const local = time + newYorkOffset(time);
  const day = Math.floor(local / DAY_S);
  return weekdayOf(day) * MINUTES_PER_DAY + Math.floor((local - day * DAY_S) / 60);
}

/** Days since 1970 of a date of the Gregorian calendar (H. Hinnant, days_from_civil). */
function dayOf(year: number, month: number, dayOfMonth: number): number {
  const y = month <= 2 ? year - 1 : year;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + dayOfMonth - 1;
  return 365 * y + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear - 719_468;
}

function yearOf(day: number): number {
  const guess = 1970 + Math.floor(day / 365.2425);
  if (day < dayOf(guess, 1, 1)) return guess - 1;
  return day >= dayOf(guess + 1, 1, 1) ? guess + 1 : guess;
}

/** First Sunday on or after a day. */
function sundayFrom(day: number): number {
  return day + ((7 - weekdayOf(day)) % 7);
}

/** 0 = Sunday. 1970-01-01 was a Thursday. */
export function weekdayOf(day: number): number {
  return (((day + 4) % 7) + 7) % 7;
}
