import { parseDecimalText } from '../bar_file/decimal.ts';

/** How the numbers of `03/04/2025` and `03/04/25` are ordered; `ymd` is of years with two digits only. */
export type DateOrder = 'dmy' | 'mdy' | 'ymd';

/** What a stamp states. */
export interface Stamp {
  /** Seconds since 1970 on its own clock; with a zone, in UTC. NaN when it cannot be read. */
  readonly seconds: number;
  /** It names its zone, or counts from 1970. */
  readonly isUtc: boolean;
}

const CLOCK = '(?:[ T,;]+(\\d{1,2}):?(\\d{2})(?::?(\\d{2}(?:[.,]\\d+)?))?(?: ?([AaPp])\\.?[Mm]\\.?)?)?';
const ZONE = '(?: ?(Z|UTC|GMT)?([+-]\\d{2}:?\\d{2})?)?';
const YEAR_FIRST = new RegExp(`^(\\d{4})([-./]?)(\\d{1,2})\\2(\\d{1,2})${CLOCK}${ZONE}$`);
const YEAR_LAST = new RegExp(`^(\\d{1,2})([-./])(\\d{1,2})\\2(\\d{4})${CLOCK}${ZONE}$`);
/** `03/04/25`, `25-04-03 17:00`; digits without separators before a time: `250403 170000`. */
const SHORT_YEAR = new RegExp(`^(\\d{1,2})([-./])(\\d{1,2})\\2(\\d{2})${CLOCK}${ZONE}$`);
const SHORT_YEAR_TOGETHER = new RegExp(`^(\\d{2})()(\\d{2})(\\d{2})(?=[ T,;]+\\d)${CLOCK}${ZONE}$`);
/** `06-Jan-25`, in which either number may be the year. */
const SHORT_YEAR_NAMED = new RegExp(`^(\\d{1,2})([- ])([A-Za-z]{3})[a-z]*[- ](\\d{2})${CLOCK}${ZONE}$`);
/** Two digits below this are of this century. */
const FIRST_SHORT_YEAR = 70;
/** `06-Jan-2025 17:00`, `6 January 2025`. */
const MONTH_NAMED = new RegExp(`^(\\d{1,2})[- ]([A-Za-z]{3})[a-z]*[- ](\\d{4})${CLOCK}${ZONE}$`);
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const TOGETHER = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?$/;
const UNREADABLE: Stamp = { seconds: NaN, isUtc: false };

/**
 * Epoch seconds from seconds, milliseconds, microseconds or nanoseconds, distinguished by their size: all of 1973 to
 * 5138 is unambiguous.
 */
export function epochSeconds(value: number): number {
  if (value >= 1e17) return value / 1e9;
  if (value >= 1e14) return value / 1e6;
  if (value >= 1e11) return value / 1e3;
  return value;
}

/** The unit that `epochSeconds` takes a number for. */
export function epochUnit(value: number): 'seconds' | 'milliseconds' | 'microseconds' | 'nanoseconds' {
  if (value >= 1e17) return 'nanoseconds';
  if (value >= 1e14) return 'microseconds';
  return value >= 1e11 ? 'milliseconds' : 'seconds';
}

/** Days since 1899-12-30, as spreadsheets count them: 1954 to 2119. No bar is of the first day of 1970. */
const FIRST_SERIAL_DAY = 20_000;
const LAST_SERIAL_DAY = 80_000;
const SERIAL_DAY_OF_1970 = 25_569;

/** Returns whether a number is a day of a spreadsheet, with the time as its fraction. */
export function isSerialDay(value: number): boolean {
  return value >= FIRST_SERIAL_DAY && value < LAST_SERIAL_DAY;
}

/** Reads the stamps of tables: epoch numbers, `2025-01-06 17:00`, `20250106 170000`, `06.01.2025 17:00:00.000`,
 * `6 Jan 2025 17:00`, days of a spreadsheet. */
export function readStamp(text: string, order: DateOrder | null): Stamp {
  const together = TOGETHER.exec(text);
  if (together !== null) {
    const [, year, month, day, hour, minute, second = '0'] = together;
    const seconds = calendarSeconds([year, month, day, hour, minute, second].map(Number));
    // Twelve or fourteen digits that are no date count from 1970.
    if (!Number.isNaN(seconds) && Number(year) >= 1970 && Number(year) < 2100) return { seconds, isUtc: false };
  }
  const yearFirst = YEAR_FIRST.exec(text);
  if (yearFirst !== null && (yearFirst[2] !== '' || (yearFirst[3]!.length === 2 && yearFirst[4]!.length === 2)))
    return dated([yearFirst[1]!, yearFirst[3]!, yearFirst[4]!], yearFirst.slice(5));
  const yearLast = YEAR_LAST.exec(text);
  if (yearLast !== null) {
    const first = yearLast[1]!;
    const second = yearLast[3]!;
    const year = yearLast[4]!;
    const isDayFirst = yearLast[2] === '.' || order === 'dmy';
    if (!isDayFirst && order !== 'mdy') return UNREADABLE;
    return dated(isDayFirst ? [year, second, first] : [year, first, second], yearLast.slice(5));
  }
  const short = shortYear(text);
  if (short !== null) return order === null ? UNREADABLE : dated(inOrder(short, order), short.slice(5));
  const named = MONTH_NAMED.exec(text);
  if (named !== null) {
    return dated([named[3]!, monthOf(named[2]!), named[1]!], named.slice(4));
  }
  const value = parseDecimalText(text);
  // The fraction of a day has ten digits or more, so a second is exact.
  if (isSerialDay(value)) return { seconds: Math.round((value - SERIAL_DAY_OF_1970) * 86_400), isUtc: false };
  return value >= 0 ? { seconds: epochSeconds(value), isUtc: true } : UNREADABLE;
}

function shortYear(text: string): RegExpExecArray | null {
  return SHORT_YEAR.exec(text) ?? SHORT_YEAR_TOGETHER.exec(text) ?? SHORT_YEAR_NAMED.exec(text);
}

/** Returns whether a text is a date whose year has two digits, so that any of its numbers may be the year. */
export function hasShortYear(text: string): boolean {
  return shortYear(text) !== null;
}

/** Year, month and day. */
function inOrder(match: readonly string[], order: DateOrder): [string, string, string] {
  const [, first, , second, third] = match as [string, string, string, string, string];
  if (/[a-z]/i.test(second))
    return yearOf(order === 'ymd' ? [first, monthOf(second), third] : [third, monthOf(second), first]);
  const [year, month, day] = { dmy: [third, second, first], mdy: [third, first, second], ymd: [first, second, third] }[
    order
  ] as [string, string, string];
  return yearOf([year, month, day]);
}

function yearOf([year, month, day]: readonly [string, string, string]): [string, string, string] {
  return [`${Number(year) < FIRST_SHORT_YEAR ? 20 : 19}${year.padStart(2, '0')}`, month, day];
}

/** 1 to 12; 0 for other words. */
function monthOf(name: string): string {
  return String(MONTHS.indexOf(name.slice(0, 3).toLowerCase()) + 1);
}

function dated(
  [year, month, day]: readonly [string, string, string],
  [hour = '0', minute = '0', second = '0', half, zoneName, offset]: readonly (string | undefined)[],
): Stamp {
  let hours = Number(hour);
  if (half !== undefined) {
    if (hours < 1 || hours > 12) return UNREADABLE;
    hours = (hours % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
  }
  const local = calendarSeconds([
    ...[year, month, day].map(Number),
    ...[hours, Number(minute), Number(second.replace(',', '.'))],
  ]);
  if (offset === undefined) return { seconds: local, isUtc: zoneName !== undefined };
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(-2));
  return { seconds: local - (offset.startsWith('-') ? -minutes : minutes) * 60, isUtc: true };
}

/** Seconds since 1970 of year, month, day, hour, minute and second in UTC; NaN for a day that is in no calendar. */
export function calendarSeconds(parts: readonly number[]): number {
  const [year, month, day, hour, minute, second] = parts as [number, number, number, number, number, number];
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second >= 60) return NaN;
  const midnight = Date.UTC(year, month - 1, day);
  return new Date(midnight).getUTCDate() === day ? midnight / 1000 + hour * 3600 + minute * 60 + second : NaN;
}

/**
 * Which number is the day in dates such as `13/04/2025`, by a sample of them; null when none of them shows it, and
 * undefined when no date is written so.
 */
export function dateOrderOf(stamps: Iterable<string>): DateOrder | null | undefined {
  let seen = false;
  for (const text of stamps) {
    const match = YEAR_LAST.exec(text);
    if (match === null || match[2] === '.') continue;
    seen = true;
    if (Number(match[1]) > 12) return 'dmy';
    if (Number(match[3]) > 12) return 'mdy';
  }
  return seen ? null : undefined;
}
