import type { Importance } from '../../../shared/core/news/news_event.ts';
import { BIGINT, NUMBERED, TEXT, optional, table, textOf } from './table.ts';

/** Scheduled events of the economic calendar, with when they were known. Times are epoch seconds, UTC. */
const NEWS_EVENTS = table(
  'core.news_events',
  { indexes: [{ name: 'news_events_by_time', columns: ['time'] }] },
  {
    event_id: NUMBERED,
    time: BIGINT,
    currency: TEXT,
    importance: textOf<Importance>(),
    name: TEXT,
    /** `terminal`, or the absolute path of an imported file. */
    source: TEXT,
    /** 0: from a file without such times. */
    known_from: BIGINT,
    /** When it was called off or moved; null = it was not. */
    known_until: optional(BIGINT),
  },
);

/** How far ahead each source of the calendar reaches. */
const NEWS_SOURCES = table(
  'core.news_sources',
  { key: ['source'] },
  {
    source: TEXT,
    confirmed_ms: BIGINT,
    /** Epoch seconds: all events before it are known. */
    covers_until: BIGINT,
  },
);

export const NEWS_TABLES = [NEWS_EVENTS, NEWS_SOURCES] as const;
