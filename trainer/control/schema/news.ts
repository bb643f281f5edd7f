import * as z from 'zod';
import { IMPORTANCES } from '../../../shared/core/news/news_event.ts';

import { routes } from './routes.ts';

const newsQuery = z.object({
  days: z.coerce.number().int().min(1).max(60).default(7).describe('Days ahead'),
  importance: z.enum(IMPORTANCES).default('medium').describe('At least'),
  all: z.enum(['true', 'false']).default('false').describe('true: of all currencies'),
});

const newsSchema = z.object({
  is_on: z.boolean().describe('`news_stop` of the policy stops entries'),
  currencies: z.array(z.string()).describe('Of the configured subjects'),
  covers_until: z.string().nullable().describe('End of the calendar, UTC; null without one'),
  events: z
    .array(
      z.object({
        time: z.string().describe('ISO 8601 in UTC'),
        currency: z.string(),
        importance: z.enum(IMPORTANCES),
        name: z.string(),
      }),
    )
    .describe('In order of time'),
  fault: z
    .object({ code: z.string(), message: z.string(), next: z.string() })
    .nullable()
    .describe('Why the calendar cannot be relied on'),
});

/** Routes of `api/routes/news.ts`. */
export const newsRoutes = routes({
  'GET /api/news': {
    role: 'viewer',
    tags: ['signals'],
    summary: 'The next events of the economic calendar, as `minutehand news list`',
    querystring: newsQuery,
    response: { 200: newsSchema },
  },
});
