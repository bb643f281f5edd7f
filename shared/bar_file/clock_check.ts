import type { BarColumns } from './bar_file.ts';

/** At which hour of New York the week begins in a file. */
export interface ClockReport {
  /** `{"17:00": 34, "18:00": 1}`: openings after a gap of a day or more, by the full hour they fall into. */
  readonly week_opens_new_york: Readonly<Record<string, number>>;
  /** The openings wander between hours, or lie outside 17:00–20:59: the stamps are probably not UTC, or not all of them. */
  readonly suspect: boolean;
}

const GAP_S = 24 * 3600;
const EARLIEST_HOUR = 17;
const LATEST_HOUR = 20;
const RARE = 0.2;
const newYorkHour = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/New_York',
  hour: '2-digit',
  hourCycle: 'h23',
});

/**
 * A clock test that needs no second source: currencies, metals and indices open their week at the same New York hour all year, so stamps that
 * were shifted by a wrong or a half-right time zone show openings at two hours, or at one too early. Says nothing about markets
 * without weekends.
 */
export function checkClock(columns: BarColumns): ClockReport {
  const opens: Record<string, number> = {};
  const hours = new Map<number, number>();
  let total = 0;
  for (let i = 1; i < columns.length; i++) {
    if (columns.time[i]! - columns.time[i - 1]! < GAP_S) continue;
    const hour = Number(newYorkHour.format(columns.time[i]! * 1000));
    hours.set(hour, (hours.get(hour) ?? 0) + 1);
    total++;
  }
  for (const [hour, count] of [...hours].sort((a, b) => a[0] - b[0]))
    opens[`${String(hour).padStart(2, '0')}:00`] = count;
  // Holidays and the weeks in which only one continent has summer time move some openings; a wrong zone moves whole seasons.
  const usual = [...hours].filter(([, count]) => count > RARE * total).map(([hour]) => hour);
  const suspect = usual.length > 1 || usual.some((hour) => hour < EARLIEST_HOUR || hour > LATEST_HOUR);
  return { week_opens_new_york: opens, suspect };
}
