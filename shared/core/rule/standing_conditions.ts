import { MINUTES_PER_WEEK } from '../cost/new_york_time.ts';
import { hasNewsWindows, isNewsClose, isNewsTime, minutesOfNews } from '../news/news_rule.ts';
import type { NewsWindows } from '../news/news_windows.ts';
import { fact } from './conditions.ts';
import type { Condition } from './rule.ts';

/** What a person or the calendar orders, whatever the strategy of an instrument says. */
export interface StandingOrders {
  /** A person has stopped the entries, or also has the position closed; null or absent = neither. */
  readonly stop?: 'entries' | 'close' | null | undefined;
  /** Where news keep the instrument from entering; null or absent: nowhere. */
  readonly news?: NewsWindows | null | undefined;
  /** Open of the bar's last minute, epoch seconds; needed with `news`. */
  readonly time?: number | undefined;
}

/** An exit: news are near, and the policy has positions closed before them. */
export const NEWS_CLOSES: Condition<StandingOrders, 'news_close', 'NEWS_CLOSE'> = fact({
  name: 'news_close',
  reason: 'NEWS_CLOSE',
  limitFrom: 'policy',
  holds: ({ news, time = NaN }) => isNewsClose(news) && isNewsTime(news, time),
  applies: ({ news }) => isNewsClose(news),
});

/** An exit: a person has all positions closed. */
export const PERSON_CLOSES: Condition<StandingOrders, 'close_all', 'CLOSE_ALL'> = fact({
  name: 'close_all',
  reason: 'CLOSE_ALL',
  limitFrom: 'person',
  holds: ({ stop }) => stop === 'close',
});

/** An entry: no person has stopped it. */
export const NOT_STOPPED: Condition<StandingOrders, 'stop', 'STOPPED'> = fact({
  name: 'stop',
  reason: 'STOPPED',
  limitFrom: 'person',
  holds: ({ stop }) => stop === undefined || stop === null,
});

/** An entry: no news are near. */
export const NO_NEWS: Condition<StandingOrders, 'news', 'NEWS'> = {
  name: 'news',
  reason: 'NEWS',
  limitFrom: 'policy',
  holds: ({ news, time = NaN }) => !isNewsTime(news, time),
  measure: ({ news, time = NaN }) => ({
    value: minutesOfNews(news, time),
    relation: '<=',
    limit: 0,
    scale: MINUTES_PER_WEEK,
  }),
  applies: ({ news }) => hasNewsWindows(news),
};
