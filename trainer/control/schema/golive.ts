import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';
import { GO_LIVE_CODES } from '../../../shared/golive/golive_words.ts';
import { GO_LIVE_IDS } from '../golive/checks.ts';

import { routes } from './routes.ts';

const goLiveSchema = z
  .object({
    looked_at: z.iso.datetime(),
    market: z.enum(MARKETS),
    ready_for_paper: z.boolean().describe('Nothing is left to do before trading on paper'),
    ready: z.boolean().describe('Paper trading is done as well'),
    checks: z
      .array(
        z.object({
          id: z.enum(GO_LIVE_IDS),
          verdict: z.enum(['ok', 'todo', 'ask']).describe('ask: minutehand cannot see it, and a person decides'),
          code: z.enum(GO_LIVE_CODES).describe('The outcome; `values` has its figures and names'),
          values: z.record(z.string(), z.union([z.string(), z.number()])),
          seen: z.string().describe('The same in English'),
          fix: z.string().describe('Empty when there is nothing to do'),
        }),
      )
      .describe('In the order in which they are worked off'),
    next: z.string(),
  })
  .meta({ id: 'GoLive' });

/** Routes of `api/routes/golive.ts`. */
export const goLiveRoutes = routes({
  'GET /api/golive': {
    role: 'viewer',
    tags: ['status'],
    summary: 'The checklist from here to trading on paper, as `minutehand golive`',
    response: { 200: goLiveSchema },
  },
});
