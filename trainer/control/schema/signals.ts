import * as z from 'zod';
import { NOVELTY_BUCKETS } from '../../../shared/signal/novelty_buckets.ts';

import { routes } from './routes.ts';

const number = (description: string) => z.number().nullable().describe(description);
const ofPair = (description: string) => number(`${description}; absent in an instrument's`).optional();
const ofInstrument = (description: string) => number(`${description}; absent in a pair's`).optional();

/** A signal as specified in docs/reference/PROTOCOL.md; unknown fields of later versions pass through. */
export const signalSchema = z
  .looseObject({
    timestamp: z.string().describe('Close of the bar, ISO 8601 in UTC'),
    pair_id: z.string().describe('The subject'),
    z_score: number('Distance of the spread from its mean, standard deviations'),
    return_prob: number('AI1: probability of reversion before the stop'),
    risk_score: number('AI2: risk rank, 0 to 1'),
    entry: z.string().describe('SELL_XAUUSD, BUY_XAGUSD; empty unless ENTER'),
    confidence: number('return_prob · (1 − risk_score)'),
    theta1: number('Entry requires return_prob above this'),
    theta2: number('Entry requires a risk rank below this'),
    position_scale: number('AI3: size, 0 to 1'),
    action: z.enum(['ENTER', 'EXIT', 'HOLD']).describe('Action for consumers'),
    reason: z.string().describe('Reason, see docs/reference/PROTOCOL.md'),
    mode: z.enum(['OK', 'WARMUP', 'DEGRADED', 'HALT']).describe('State of the daemon'),
    target: z.number().describe('Side of the position after this bar: −1, 0 or 1'),
    position_id: z.string().describe('signal_id of the entry of the open position, or empty'),
    beta: ofPair('Hedge ratio'),
    price_a: ofPair('Close of leg A'),
    price_b: ofPair('Close of leg B'),
    signal_id: z.string().describe('Identifier of the decision'),
    model_version: z.string().describe('Bundle that scored it; empty without models'),
    policy_hash: z.string().describe('Hash of the configuration that decided it'),
    expected_net_bps: ofPair('Expected net result of an entry now, basis points'),
    novelty: z
      .number()
      .nullable()
      .optional()
      .describe("Share of the model's training rows that are farther out; of candidates whose bundle describes them"),
    ml_up_prob: ofInstrument('Probability of up'),
    ml_down_prob: ofInstrument('Probability of down'),
    ml_range_prob: ofInstrument('Probability of range'),
    stop: ofInstrument("Stop loss, as a fraction of the entry's close"),
    take_profit: ofInstrument('Take profit, as a fraction of the entry’s close'),
    price: ofInstrument('Close of the bar'),
    generated_at_ms: z.number().describe('Publication, epoch ms'),
  })
  .meta({ id: 'Signal', description: 'A published signal' });

const signalsQuery = z.object({
  subject: z.string().max(80).optional().describe('Only this subject'),
  from: z.iso.datetime().optional().describe('Publication time, inclusive'),
  to: z.iso.datetime().optional().describe('Publication time, exclusive'),
  action: z.enum(['ENTER', 'EXIT', 'HOLD']).optional().describe('Only these'),
  limit: z.coerce.number().int().min(1).max(10_000).default(200).describe('Maximum number of signals, the newest'),
});

const signalsSchema = z.object({
  latest: z.array(signalSchema).describe('The last signal of each subject'),
  history: z.array(signalSchema).describe('Oldest first; empty unless subject, from, to or action is given'),
});

const signalHistoryQuery = z.object({
  subject: z.string().max(80).describe('The subject'),
  from: z.iso.datetime().optional().describe('Publication time, inclusive'),
  to: z.iso.datetime().optional().describe('Publication time, exclusive'),
  points: z.coerce
    .number()
    .int()
    .min(10)
    .max(10_000)
    .default(4000)
    .describe('Approximate number of signals of a longer period'),
});

const signalHistorySchema = z.object({
  total: z.int().describe('Signals of the period'),
  is_thinned: z
    .boolean()
    .describe('true: only the signals with the smallest and largest z and prices of each part of the period'),
  signals: z.array(signalSchema).describe('Oldest first; includes all entries and exits'),
  reasons: z
    .array(
      z.object({
        reason: z.string(),
        action: z.string(),
        count: z.int(),
        columns: z.array(z.int()).describe('By 120 equal parts of the period'),
      }),
    )
    .describe('The most frequent first'),
  novelties: z
    .array(z.int())
    .describe(
      `Candidates of entries by novelty: up to ${NOVELTY_BUCKETS.join(', ')}, each from above the one before; empty where none has a novelty`,
    ),
});

/** Routes of `api/routes/signals.ts`. */
export const signalRoutes = routes({
  'GET /api/signals': {
    role: 'viewer',
    tags: ['signals'],
    summary: 'Last signals, and the history',
    querystring: signalsQuery,
    response: { 200: signalsSchema },
  },
  'GET /api/signals/history': {
    role: 'viewer',
    tags: ['signals'],
    summary: 'Thinned history of one subject, for charts',
    querystring: signalHistoryQuery,
    response: { 200: signalHistorySchema },
  },
});
