import { z } from 'zod';
import { CONDITION_NAMES } from '../../../shared/core/decide/entry_conditions.ts';
import { DIRECTION_CONDITION_NAMES } from '../../../shared/core/decide/direction_conditions.ts';
import { signalSchema } from './signals.ts';

const number = z.number().nullable();
const MINUTE = /^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\dZ$/;

export const explainQuery = z.object({
  subject: z.string().max(80).describe('Identifier of the subject'),
  time: z
    .string()
    .regex(MINUTE)
    .refine((text) => !Number.isNaN(Date.parse(text)), 'no such minute')
    .describe('Open of the bar in UTC: 2026-11-20T12:35Z'),
});

const conditionSchema = z.object({
  name: z.enum([...new Set([...CONDITION_NAMES, ...DIRECTION_CONDITION_NAMES])]),
  reason: z.string().describe('Reason of a refusal by it'),
  holds: z.boolean(),
  value: number,
  limit: number,
  relation: z.enum(['>=', '>', '<=', '<']).nullable().describe('How value must relate to limit'),
  change: number.describe('What value has to move by; 0 when it holds'),
  relative: number.describe('|change| over the scale of the value'),
});

const modelSchema = z.object({
  answer: z.number().describe('Probability, or size of AI3'),
  score: number.describe('In logits: expected plus all contributions'),
  expected: number.describe('Mean score of training, logits'),
  contributions: z
    .array(z.object({ feature: z.string(), logits: z.number() }))
    .nullable()
    .describe('SHAP values, greatest first'),
  code: z.string().nullable().describe('Why there are none'),
});

export const explanationSchema = z
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
      .describe('Whether the minute, computed again, is what was published'),
    features: z.array(
      z.object({
        name: z.string(),
        unit: z.string(),
        value: number,
        percentile: number.describe('Rank in training, 0 to 1'),
      }),
    ),
    models: z.object({ ai1: modelSchema, ai2: modelSchema, ai3: modelSchema }).nullable(),
    direction: z
      .object({ up: modelSchema, down: modelSchema, range: modelSchema })
      .nullable()
      .describe('Of an instrument; probabilities are the softmax of the scores'),
    strategy: z
      .object({
        theta_up: z.number(),
        theta_down: z.number(),
        stop: z.number().describe('Share of the close of the entry'),
        target: z.number(),
        max_age_bars: z.int(),
        has_edge: z.boolean(),
      })
      .nullable()
      .describe('Rules of the direction bundle'),
    costs: z
      .object({
        round_trip_bps: z.number(),
        expected_net_bps: z.number().describe('At z, or at z_entry for a bar that is no candidate'),
        expected_gross_bps: z.number(),
        min_expected_net_bps: z.number(),
        break_even_prob: number,
      })
      .nullable()
      .describe('Basis points'),
    conditions: z.array(conditionSchema).describe('Of an entry, in the order in which they are asked'),
    to_enter: z.array(conditionSchema).describe('Those that did not hold, the nearest first'),
  })
  .meta({ id: 'Explanation' });
