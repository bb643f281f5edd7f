import { IMPORTANCES, type NewsEvent } from '../core/news/news_event.ts';

/** An event as it is scheduled now. */
export type ScheduledEvent = Pick<NewsEvent, 'time' | 'currency' | 'importance' | 'name'>;

/** As an event that is known, and was not called off. */
export function asKnown({ time, currency, importance, name }: ScheduledEvent): NewsEvent {
  return { time, currency, importance, name, knownFrom: 0, knownUntil: null };
}

/** Ascending by time, then currency, then name, each once: equal calendars have equal texts. */
export function inOrder<Event extends ScheduledEvent>(events: readonly Event[]): Event[] {
  const keyOf = ({ time, currency, name }: Event): string => `${String(time).padStart(12, '0')} ${currency} ${name}`;
  const byKey = new Map(events.map((event) => [keyOf(event), event]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, event]) => event);
}

/** The text of a calendar in a journal: JSON of [epoch seconds, currency, importance 1 to 3, name] by event. */
export function calendarText(events: readonly ScheduledEvent[]): string {
  return JSON.stringify(
    inOrder(events).map(({ time, currency, importance, name }) => [
      time,
      currency,
      IMPORTANCES.indexOf(importance) + 1,
      name,
    ]),
  );
}

/** The reverse of `calendarText`. */
export function parseCalendarText(text: string): ScheduledEvent[] {
  return (JSON.parse(text) as [number, string, number, string][]).map(([time, currency, rank, name]) => ({
    time,
    currency,
    importance: IMPORTANCES[rank - 1]!,
    name,
  }));
}
