import type { Logger } from 'pino';
import { calendarFault, calendarPath, readCalendar, type CalendarFile } from '../../shared/calendar/calendar_file.ts';
import { calendarText, type ScheduledEvent } from '../../shared/calendar/calendar_text.ts';
import { newsCurrencies } from '../../shared/core/news/news_currencies.ts';
import { describeError, type ErrorReport } from '../../shared/errors.ts';
import type { Pair } from '../../shared/pair.ts';
import type { HaltWatchOptions } from './halt_watch.ts';
import { watchWholeFile } from './whole_file_watch.ts';

export interface FollowedCalendarOptions extends Pick<
  HaltWatchOptions,
  'modelsFolder' | 'files' | 'scheduler' | 'pollMs'
> {
  readonly subjects: readonly Pair[];
  /** The events of the subjects' currencies, when they have changed. */
  apply(events: readonly ScheduledEvent[]): void;
  nowMs(): number;
  readonly log: Logger;
  print(line: string): void;
}

/** Follows `models/news.json`. */
export interface FollowedCalendar {
  check(): void;
  stop(): void;
  /** Events of our currencies that are known. */
  events(): readonly ScheduledEvent[];
  /** Why the calendar cannot be relied on; null when it can. */
  fault(): ErrorReport | null;
}

export function followCalendar(options: FollowedCalendarOptions): FollowedCalendar {
  const { modelsFolder, files, subjects, log, print } = options;
  const currencies = new Set(subjects.flatMap(newsCurrencies));
  let calendar: CalendarFile | null = null;
  let events: readonly ScheduledEvent[] = [];
  // As a process begins, no event is known.
  let announced = calendarText([]);
  let unreadable: ErrorReport | null = null;
  const watch = watchWholeFile({
    ...options,
    path: calendarPath(modelsFolder),
    read: () => readCalendar(modelsFolder, files),
    onRead(read) {
      calendar = read;
      events = (read?.events ?? []).filter(({ currency }) => currencies.has(currency));
      const text = calendarText(events);
      if (text === announced) return;
      announced = text;
      log.info({ events: events.length }, 'economic calendar');
      options.apply(events);
    },
    onRefused(error) {
      unreadable = describeError(error);
      log.error(unreadable, 'economic calendar refused');
      print(`${unreadable.code}: ${unreadable.message} ${unreadable.next}`);
    },
    onWithdrawn() {
      unreadable = null;
    },
  });
  return {
    check: () => watch.check(),
    stop: () => watch.stop(),
    events: () => events,
    fault() {
      if (unreadable !== null) return unreadable;
      const fault = calendarFault(calendar, options.nowMs());
      return fault === null ? null : describeError(fault);
    },
  };
}
