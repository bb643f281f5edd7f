import * as z from 'zod';

import { routes } from './routes.ts';

const value = z.union([z.number(), z.string(), z.boolean()]);

const searchesSchema = z.object({
  searches: z
    .array(
      z.object({
        search_id: z.string(),
        model: z.string().describe('ai1, ai2 or ai3'),
        is_finished: z.boolean().describe('false: running, or interrupted and resumable'),
        is_running: z.boolean().describe('A process works on it'),
        changed_ms: z.number().describe('Last trial, epoch ms'),
        bytes: z.number(),
      }),
    )
    .describe('Newest first; the last 30 finished ones'),
});

export const searchHistorySchema = z
  .object({
    search_id: z.string(),
    direction: z.enum(['minimize', 'maximize']).describe('Of the value'),
    space: z
      .record(
        z.string(),
        z.looseObject({
          kind: z.enum(['float', 'integer', 'categorical']),
          low: z.number().optional(),
          high: z.number().optional(),
          log: z.boolean().optional().describe('Logarithmic scale'),
          choices: z.array(value).optional(),
        }),
      )
      .describe('Parameters'),
    state: z.array(z.enum(['running', 'complete', 'pruned', 'failed'])).describe('By trial'),
    value: z.array(z.number().nullable()).describe('Mean log loss of the folds; null without one'),
    params: z.record(z.string(), z.array(value.nullable())).describe('Values of each parameter, by trial'),
  })
  .meta({ id: 'SearchHistory' });

/** Routes of `api/routes/searches.ts`. */
export const searchRoutes = routes({
  'GET /api/searches': {
    role: 'viewer',
    tags: ['training'],
    summary: 'Parameter searches',
    response: { 200: searchesSchema },
  },
  'GET /api/searches/{search_id}': {
    role: 'viewer',
    errors: ['NOT_FOUND', 'SEARCH_JOURNAL'],
    tags: ['training'],
    summary: 'All trials of a search',
    params: z.object({ search_id: z.string().max(80) }),
    response: { 200: searchHistorySchema },
  },
});
