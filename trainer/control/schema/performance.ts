import * as z from 'zod';
import { performanceSchema } from '../performance/performance_schema.ts';
import { routes } from './routes.ts';

const performanceQuery = z.object({
  from: z.iso
    .datetime()
    .optional()
    .describe('Positions closed from here on, by the clock of the market, as their bars; default: all'),
  to: z.iso.datetime().optional().describe('Positions closed before'),
  format: z.enum(['json', 'csv']).default('json').describe('csv: days, subjects, hours and reasons as one table'),
});

/** Routes of `api/routes/performance.ts`. */
export const performanceRoutes = routes({
  'GET /api/performance': {
    role: 'viewer',
    errors: ['EA_STATE'],
    tags: ['records'],
    summary: 'What every account earned, net of costs, beside the backtest of its models',
    querystring: performanceQuery,
    response: {
      200: {
        description: 'One entry per account',
        content: { 'application/json': { schema: performanceSchema }, 'text/csv': { schema: z.string() } },
      },
    },
  },
});
