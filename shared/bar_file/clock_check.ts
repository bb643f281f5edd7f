import type { BarColumns } from './bar_file.ts';
import { parseTimeZone } from './time_zone.ts';

/** At which hour of New York the week begins in a file. */
export interface ClockReport {
  /** `{"17:00": 34, "18:00": 1}`: openings after a gap of a day or more, by the full hour they fall into. */
  readonly week_opens_new_york: Readonly<Record<string, number>>;
  /**
   * The openings vary between hours, or are outside 17:00–20:59: the stamps are probably not UTC, or not all of them.
   * Never of bars longer than an hour, which begin before the week does.
   */
  readonly suspect: boolean;
}

/** A `ClockReport` of bars that come a page at a time. */
export interface ClockCheck {
  /** Ascending bars, later than those before. */
  add(columns: Pick<BarColumns, 'time' | 'length'>): void;
  report(): ClockReport;
}

const HOUR_S = 3600;
const GAP_S = 24 * HOUR_S;
const EARLIEST_HOUR = 17;
const LATEST_HOUR = 20;
const RARE = 0.2;
const NEW_YORK = parseTimeZone('America/New_York');

/**
 * A clock test that needs no second source: currencies, metals and indices open their week at the same New York hour
 * all year, so stamps that were shifted by a wrong or partly right time zone show openings at two hours, or at one too
 * early. Does not apply to markets without weekends.
 */
export function checkClock(columns: BarColumns): ClockReport {
  const check = createClockCheck();
  check.add(columns);
  return check.report();
}

export function createClockCheck(): ClockCheck {
  const hours = new Map<number, number>();
  let last = NaN;
  let shortest = Infinity;
  return {
    add({ time, length }) {
      for (let i = 0; i < length; i++) {
        const apart = time[i]! - last;
        if (apart < shortest) shortest = apart;
        if (apart >= GAP_S) {
          const hour = Math.floor((time[i]! + NEW_YORK.offsetAt(time[i]!)) / HOUR_S) % 24;
          hours.set(hour, (hours.get(hour) ?? 0) + 1);
        }
        last = time[i]!;
      }
    },
    report() {
      const sorted = [...hours].sort((a, b) => a[0] - b[0]);
      const opens = Object.fromEntries(sorted.map(([hour, count]) => [`${String(hour).padStart(2, '0')}:00`, count]));
      const total = sorted.reduce((sum, [, count]) => sum + count, 0);
      // Holidays and the weeks in which only one continent has summer time move some openings; a wrong zone moves whole
      // seasons.
      const usual = sorted.filter(([, count]) => count > RARE * total).map(([hour]) => hour);
      const isOff = usual.length > 1 || usual.some((hour) => hour < EARLIEST_HOUR || hour > LATEST_HOUR);
      return { week_opens_new_york: opens, suspect: isOff && shortest <= HOUR_S };
    },
  };
}
