import { calendarFault } from '../../../shared/calendar/calendar_file.ts';
import type { ScheduledEvent } from '../../../shared/calendar/calendar_text.ts';
import { newsCurrencies } from '../../../shared/core/news/news_currencies.ts';
import { isAtLeast, type Importance } from '../../../shared/core/news/news_event.ts';
import type { MinutehandError } from '../../../shared/errors.ts';
import { parseSubject } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { newsCoverage, scheduledNews } from '../../store/news.ts';
import type { Store } from '../../store/store.ts';

const DAY_S = 86_400;

export interface NextNews {
  /** Currencies of the configured subjects, sorted. */
  readonly currencies: readonly string[];
  /** In order of time. */
  readonly events: readonly ScheduledEvent[];
  /** End of the calendar, epoch seconds; null without one. */
  readonly coversUntil: number | null;
  /** Why the calendar cannot be relied on. */
  readonly fault: MinutehandError | null;
}

export interface NewsWish {
  readonly days: number;
  /** At least. */
  readonly importance: Importance;
  /** Of all currencies, not only those of the configured subjects. */
  readonly isAll: boolean;
}

/** The next events of the economic calendar. @param store null where none was ever opened */
export async function nextNews(
  store: Store | null,
  { minutehand }: Settings,
  { days, importance, isAll }: NewsWish,
  nowMs: number,
): Promise<NextNews> {
  const own = new Set(
    [...minutehand.pairs, ...minutehand.instruments].flatMap((id) => newsCurrencies(parseSubject(id))),
  );
  const from = Math.floor(nowMs / 1000);
  const scheduled = store === null ? [] : await scheduledNews(store, { from, to: from + days * DAY_S });
  const coverage = store === null ? null : await newsCoverage(store);
  return {
    currencies: [...own].sort(),
    events: scheduled.filter((event) => isAtLeast(event.importance, importance) && (isAll || own.has(event.currency))),
    coversUntil: coverage?.coversUntil ?? null,
    fault: calendarFault(coverage, nowMs),
  };
}
