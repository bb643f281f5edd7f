import { isoMinute } from '../../../../shared/bar.ts';
import { calendarNowMs } from '../../news/calendar_now.ts';
import { nextNews } from '../../news/next_news.ts';
import type { Api, ApiContext } from '../context.ts';
import { newsRoutes } from '../../schema/news.ts';

/** `GET /api/news`. */
export function addNewsRoutes(api: Api, { settings, paths, store, clock }: ApiContext): void {
  api.route({
    ...newsRoutes['GET /api/news'],
    async handler({ query: { days, importance, all } }) {
      const wish = { days, importance, isAll: all === 'true' };
      const nowMs = calendarNowMs(settings, paths, clock.nowMs());
      const { currencies, events, coversUntil, fault } = await nextNews(await store(), settings, wish, nowMs);
      return {
        is_on: settings.core.news_stop !== null,
        currencies: [...currencies],
        covers_until: coversUntil === null ? null : isoMinute(coversUntil),
        events: events.map(({ time, currency, importance: rank, name }) => ({
          time: isoMinute(time),
          currency,
          importance: rank,
          name,
        })),
        fault: fault === null ? null : { code: fault.code, message: fault.message, next: fault.next },
      };
    },
  });
}
