import { MinutehandError } from '../errors.ts';

/** Offset of a local clock from UTC. */
export interface TimeZone {
  /** As it was given: `UTC`, `-05:00`, `-05:00/EU`, `America/New_York`. */
  readonly name: string;
  /** Seconds that its clock is ahead of UTC at an instant (epoch seconds). */
  offsetAt(utc: number): number;
}

/** Reads the stamps of one file, in their order. */
export interface ClockReader {
  /**
   * Epoch seconds (UTC) of a stamp, given as seconds since 1970 on the file's clock. An hour that the clock shows twice
   * in autumn is read as the first until the stamps step back inside it, from then on as the second. NaN for an hour
   * that the clock leaves out in spring.
   */
  toUtc(local: number): number;
}

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
const QUARTER_S = 900;
/** Clocks of the world are at most this far ahead of, and behind UTC. */
const MAX_AHEAD_S = 14 * HOUR_S;
const MAX_BEHIND_S = 12 * HOUR_S;

/** Whose dates a rule of summer time follows, with the standard offset of that place. */
const SUMMER_RULES = {
  EU: { place: 'Europe/Berlin', standard_s: HOUR_S },
  US: { place: 'America/New_York', standard_s: -5 * HOUR_S },
} as const;

export type SummerRule = keyof typeof SUMMER_RULES;

/**
 * `UTC`, a fixed offset such as `-05:00`, an offset with a summer hour on the dates of Europe or New York (`-05:00/EU`,
 * `+02:00/US`), or an IANA name such as `America/New_York`.
 * @throws MinutehandError USAGE when it is none of these
 */
export function parseTimeZone(text: string): TimeZone {
  if (/^(?:UTC|Z)$/i.test(text)) return UTC;
  const match = /^([+-])(\d{2}):?(\d{2})(?:\/(EU|US))?$/.exec(text);
  if (match !== null) {
    const seconds = (match[1] === '-' ? -1 : 1) * (Number(match[2]) * HOUR_S + Number(match[3]) * 60);
    if (Number(match[3]) < 60 && seconds <= MAX_AHEAD_S && seconds >= -MAX_BEHIND_S)
      return offsetZone(seconds, (match[4] as SummerRule | undefined) ?? null);
  } else if (/^[A-Za-z]/.test(text)) {
    try {
      return { name: text, offsetAt: placeOffset(text) };
    } catch {
      // Not a zone of this machine: refused below.
    }
  }
  throw new MinutehandError('USAGE', {
    seen: `the time zone ${text}`,
    expected:
      'auto, UTC, an offset such as -05:00, one with a summer hour such as -05:00/EU, or a name such as America/New_York',
  });
}

/** A fixed offset, in seconds, with or without a summer hour. */
export function offsetZone(seconds: number, rule: SummerRule | null): TimeZone {
  const minutes = Math.abs(seconds) / 60;
  const two = (value: number): string => String(value).padStart(2, '0');
  const offset = `${seconds < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  if (rule === null) return seconds === 0 ? UTC : { name: offset, offsetAt: () => seconds };
  const { place, standard_s } = SUMMER_RULES[rule];
  const placeAt = placeOffset(place);
  return { name: `${offset}/${rule}`, offsetAt: (utc) => seconds + placeAt(utc) - standard_s };
}

/** A clock that is some whole minutes ahead of an offset; null of a place, and beyond the clocks of the world. */
export function shiftedZone({ name }: TimeZone, seconds: number): TimeZone | null {
  const match = /^([+-])(\d{2}):(\d{2})(?:\/(EU|US))?$/.exec(name === 'UTC' ? '+00:00' : name);
  if (match === null) return null;
  const offset =
    (match[1] === '-' ? -1 : 1) * (Number(match[2]) * HOUR_S + Number(match[3]) * 60) + 60 * Math.round(seconds / 60);
  const isPossible = offset <= MAX_AHEAD_S && offset >= -MAX_BEHIND_S;
  return isPossible ? offsetZone(offset, (match[4] as SummerRule | undefined) ?? null) : null;
}

export const UTC: TimeZone = { name: 'UTC', offsetAt: () => 0 };

export function createClockReader(zone: TimeZone): ClockReader {
  /** Offset of a whole day of the file's clock; null for a day near a change. */
  const days = new Map<number, number | null>();
  let lastTwice = -Infinity;
  let isSecond = false;
  return {
    toUtc(local) {
      if (!Number.isFinite(local)) return NaN;
      const day = Math.floor(local / DAY_S);
      // All instants at which a clock of the world can show this day.
      const earliest = day * DAY_S - MAX_AHEAD_S;
      const latest = (day + 1) * DAY_S + MAX_BEHIND_S;
      let steady = days.get(day);
      if (steady === undefined) {
        const before = zone.offsetAt(earliest);
        days.set(day, (steady = before === zone.offsetAt(latest) ? before : null));
      }
      if (steady !== null) return local - steady;
      const readings = [local - zone.offsetAt(earliest), local - zone.offsetAt(latest)]
        .filter((utc) => utc + zone.offsetAt(utc) === local)
        .sort((a, b) => a - b);
      if (readings.length < 2) {
        isSecond = false;
        lastTwice = -Infinity;
        return readings[0] ?? NaN;
      }
      if (local < lastTwice) isSecond = true;
      lastTwice = local;
      return isSecond ? readings[1]! : readings[0]!;
    },
  };
}

/** The offset of a place by the time zone database of this Node. @throws RangeError when there is no such place */
function placeOffset(place: string): (utc: number) => number {
  const known = PLACES.get(place);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: place,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const ask = (utc: number): number => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(utc * 1000)) part[type] = Number(value);
    const { year, month, day, hour, minute, second } = part as Record<
      'year' | 'month' | 'day' | 'hour' | 'minute' | 'second',
      number
    >;
    return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - utc;
  };
  const quarters = new Map<number, number>();
  const days = new Map<number, number | null>();
  const atQuarter = (quarter: number): number => {
    const offset = quarters.get(quarter) ?? ask(quarter * QUARTER_S);
    quarters.set(quarter, offset);
    return offset;
  };
  // Asking Intl costs microseconds, and a year has half a million minutes: clocks change on a quarter of an hour, and
  // on few days.
  const offsetAt = (utc: number): number => {
    const day = Math.floor(utc / DAY_S);
    let steady = days.get(day);
    if (steady === undefined) {
      const first = atQuarter((day * DAY_S) / QUARTER_S);
      days.set(day, (steady = first === atQuarter(((day + 1) * DAY_S) / QUARTER_S) ? first : null));
    }
    return steady ?? atQuarter(Math.floor(utc / QUARTER_S));
  };
  PLACES.set(place, offsetAt);
  return offsetAt;
}

const PLACES = new Map<string, (utc: number) => number>();
