import { isoMinute, SECONDS_PER_BAR, type OpenTime } from '../bar.ts';
import { newsCurrencies } from '../core/news/news_currencies.ts';
import { isAtLeast, type NewsEvent } from '../core/news/news_event.ts';
import { minutesOfNews } from '../core/news/news_rule.ts';
import type { NewsPolicy, NewsWindows } from '../core/news/news_windows.ts';
import type { Pair } from '../pair.ts';
import type { ExplainedNews } from './explanation.ts';

/** The event nearest to the fill of a minute's decision that stops its entry; null when none does. */
export function explainNews(
  windows: NewsWindows,
  events: readonly NewsEvent[],
  { importance, secondsBefore, secondsAfter }: NewsPolicy,
  subject: Pair,
  time: OpenTime,
): ExplainedNews | null {
  const minutesLeft = minutesOfNews(windows, time);
  if (minutesLeft === 0) return null;
  const fill = time + SECONDS_PER_BAR;
  const currencies = newsCurrencies(subject);
  const near = events
    .filter((event) => currencies.includes(event.currency) && isAtLeast(event.importance, importance))
    .filter((event) => event.time - secondsBefore <= fill && fill < event.time + secondsAfter)
    .sort((a, b) => Math.abs(a.time - fill) - Math.abs(b.time - fill));
  const nearest = near[0]!;
  return {
    time: isoMinute(nearest.time),
    currency: nearest.currency,
    importance: nearest.importance,
    name: nearest.name,
    minutes_left: minutesLeft,
  };
}
