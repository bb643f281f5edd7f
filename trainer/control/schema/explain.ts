import * as z from 'zod';
import { signalSchema } from './signals.ts';

import { routes } from './routes.ts';

const number = z.number().nullable();
const MINUTE = /^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\dZ$/;

const explainQuery = z.object({
  subject: z.string().max(80).describe('Identifier of the subject'),
  time: z
    .string()
    .regex(MINUTE)
    .refine((text) => !Number.isNaN(Date.parse(text)), 'no such minute')
    .describe('Open of the bar in UTC: 2026-11-20T12:35Z'),
});

const conditionSchema = z.object({
  name: z.string().describe('Of a rule file: its text'),
  reason: z.string().describe('Reason of HOLD if an entry fails, of EXIT if an exit holds'),
  holds: z.boolean(),
  value: number,
  limit: number,
  relation: z.enum(['>=', '>', '<=', '<']).nullable().describe('Required relation of value to limit'),
  change: number.describe('Required change of value; 0 if the condition holds'),
  relative: number.describe('|change| relative to the scale of the value'),
});

const modelSchema = z.object({
  answer: z.number().describe('Probability, or size of AI3'),
  score: number.describe('In logits: expected plus all contributions'),
  expected: number.describe('Mean score of training, logits'),
  contributions: z
    .array(z.object({ feature: z.string(), logits: z.number() }))
    .nullable()
    .describe('SHAP values, greatest first'),
  code: z.string().nullable().describe('Error code if unavailable'),
});

const explanationSchema = z
  .looseObject({
    subject: z.string(),
    kind: z.enum(['pair', 'instrument']),
    time: z.string().describe('Open of the bar'),
    signal: signalSchema.omit({ generated_at_ms: true }).describe('As published, without its envelope'),
    meaning: z.string().describe('Meaning of the reason'),
    reproduced: z
      .object({
        equal: z.boolean(),
        code: z.string().nullable(),
        differences: z.array(z.object({ what: z.string(), published: z.string(), computed: z.string() })),
      })
      .describe('Whether recomputation gives the published signal'),
    features: z.array(
      z.object({
        name: z.string(),
        unit: z.string(),
        value: number,
        percentile: number.describe('Quantile in training, 0 to 1'),
      }),
    ),
    models: z.object({ ai1: modelSchema, ai2: modelSchema, ai3: modelSchema }).nullable(),
    direction: z
      .object({ up: modelSchema, down: modelSchema, range: modelSchema })
      .nullable()
      .describe('For instruments; probabilities are the softmax of the scores'),
    strategy: z
      .object({
        theta_up: z.number(),
        theta_down: z.number(),
        stop: z.number().describe('Fraction of the close at entry'),
        target: z.number(),
        max_age_bars: z.int(),
        has_edge: z.boolean(),
      })
      .nullable()
      .describe('Rules of the direction bundle'),
    failed_rule: z
      .string()
      .nullable()
      .optional()
      .describe('The rule of the subject that had failed, so that something else has answered'),
    rule: z
      .object({
        version: z.string(),
        name: z.string(),
        has_edge: z.boolean(),
        formulas: z
          .record(z.string(), z.array(conditionSchema))
          .describe('Conditions of entry_long, entry_short and exit, nearest failing first'),
      })
      .nullable()
      .optional()
      .describe('The rule that answered in place of the models'),
    costs: z
      .object({
        round_trip_bps: z.number(),
        expected_swap_bps: z.number().describe('Overnight swaps that the entry is expected to pay'),
        expected_net_bps: z.number().describe('At z, or at z_entry if the bar is not a candidate'),
        expected_gross_bps: z.number(),
        min_expected_net_bps: z.number(),
        break_even_prob: number,
      })
      .nullable()
      .describe('Basis points'),
    conditions: z.array(conditionSchema).describe('Entry conditions, in order of evaluation'),
    to_enter: z.array(conditionSchema).describe('Entry conditions that failed, nearest first'),
    to_exit: z
      .array(conditionSchema)
      .describe('Conditions that end the position open before the bar, nearest first; empty when flat'),
  })
  .meta({ id: 'Explanation' });

/** Routes of `api/routes/explain.ts`. */
export const explainRoutes = routes({
  'GET /api/explain': {
    role: 'viewer',
    tags: ['signals'],
    summary: 'Explanation of the answer to a minute',
    querystring: explainQuery,
    response: { 200: explanationSchema },
  },
});
