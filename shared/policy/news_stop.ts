import type { NewsEvent } from '../core/news/news_event.ts';
import { withCalendar, type NewsPolicy } from '../core/news/news_windows.ts';
import type { CorePolicy } from './schema.ts';

const SECONDS_PER_MINUTE = 60;

/**
 * `news_stop` with the spans around known events; undefined where it is off.
 * @param events undefined: without spans, as in a daemon, which gets its calendar as an input
 */
export function newsPolicy(
  { news_stop }: CorePolicy,
  events: readonly NewsEvent[] | undefined,
): NewsPolicy | undefined {
  if (news_stop === null) return undefined;
  const { importance, minutes_before, minutes_after, close } = news_stop;
  const policy: NewsPolicy = {
    importance,
    secondsBefore: minutes_before * SECONDS_PER_MINUTE,
    secondsAfter: minutes_after * SECONDS_PER_MINUTE,
    closes: close,
  };
  return events === undefined ? policy : withCalendar(policy, events);
}
