import { isoMinute } from '../../../../shared/bar.ts';
import { calendarNowMs } from '../../news/calendar_now.ts';
import { nextNews } from '../../news/next_news.ts';
import { newsQuery, newsSchema } from '../../schema/news.ts';
import { REFUSALS } from '../../schema/refusal.ts';
import type { Api, ApiContext } from '../context.ts';

/** `GET /api/news`. */
export function addNewsRoutes(api: Api, { settings, paths, store, clock }: ApiContext): void {
  api.route({
    method: 'GET',
    url: '/api/news',
    config: { role: 'viewer' },
    schema: {
      tags: ['signals'],
      summary: 'The next events of the economic calendar, as `minutehand news list`',
      querystring: newsQuery,
      response: { 200: newsSchema, ...REFUSALS },
    },
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
