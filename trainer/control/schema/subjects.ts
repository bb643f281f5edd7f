import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';

import { routes } from './routes.ts';

const subjectSchema = z
  .object({
    subject: z.string().describe('Identifier, e.g. XAUUSD_XAGUSD; `pair_id` of its signals'),
    kind: z.enum(['pair', 'instrument']).describe('Two symbols traded against each other, or one'),
    label: z.string().describe('Display name: XAU/USD vs XAG/USD'),
    symbols: z.array(z.string()).describe('Symbols of its legs'),
    timeframe: z.string().describe('1m, 5m, 10m, 15m, 20m, 30m, 1h, 2h, 3h, 4h, 6h, 8h, 12h or 1d'),
    shard: z.string().describe('Its shard'),
    z_entry: z.number().nullable().describe('|z| from which a bar is an entry candidate; null for an instrument'),
    z_exit: z.number().nullable().describe('z at which an open position has reverted; null for an instrument'),
    z_stop: z
      .number()
      .nullable()
      .describe('|z| that stops a position which was entered at z_entry; null for an instrument'),
    cost_bps: z
      .number()
      .nullable()
      .describe(
        'Costs of a round trip, basis points: the mean of the active bundle’s holdout; without trades there, those configured for legs of the same size',
      ),
    break_even_cost_bps: z.number().nullable().describe('Costs at which its holdout result is zero, basis points'),
    theta_up: z
      .number()
      .nullable()
      .describe('ml_up_prob above which an instrument is entered long; null without a model'),
    theta_down: z.number().nullable().describe('ml_down_prob above which it is entered short'),
    model_version: z.string().nullable().describe('Its active bundle'),
    no_edge: z.boolean().nullable().describe('true: the active bundle earns less than it costs; null without one'),
  })
  .meta({ id: 'Subject' });

const spellingQuery = z.object({
  subject: z.string().min(1).max(200).describe('A pair, an instrument or a symbol in any spelling: btc/usdt'),
});

const spellingSchema = z.object({
  subject: z.string().describe('As the program spells it: BTCUSDT; what is no such name is returned as it is'),
});

const subjectsSchema = z.object({
  market: z.enum(MARKETS).describe('Where bars come from'),
  subjects: z.array(subjectSchema),
});

/** Routes of `api/routes/subjects.ts`. */
export const subjectRoutes = routes({
  'GET /api/subjects': {
    role: 'viewer',
    tags: ['signals'],
    summary: 'Pairs and instruments',
    response: { 200: subjectsSchema },
  },
  'GET /api/spelling': {
    role: 'viewer',
    tags: ['signals'],
    summary: 'A pair, an instrument or a symbol as the program spells it',
    querystring: spellingQuery,
    response: { 200: spellingSchema },
  },
});
