import { writeCalendar } from '../../../shared/calendar/calendar_file.ts';
import { newsCoverage, scheduledNews } from '../../store/news.ts';
import type { Store } from '../../store/store.ts';

const DAY_S = 86_400;
/** Events that are over still stop entries for `minutes_after`, at most a day. */
const KEPT_S = DAY_S;
const AHEAD_S = 8 * DAY_S;

/** Writes the calendar of the last day and the next eight for the daemons. Without any source nothing is written. */
export async function publishCalendar(store: Store, modelsFolder: string, nowMs: number): Promise<void> {
  const coverage = await newsCoverage(store);
  if (coverage === null) return;
  // Whole hours: the file changes with its events, and once an hour.
  const hour = Math.floor(nowMs / 3_600_000) * 3600;
  const events = await scheduledNews(store, { from: hour - KEPT_S, to: hour + AHEAD_S });
  writeCalendar(modelsFolder, { ...coverage, events });
}
