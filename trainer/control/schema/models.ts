import * as z from 'zod';
import { failedGateSchema } from '../../../shared/bundle/gates/gate_schema.ts';
import { manifestSchema } from '../../../shared/bundle/manifest.ts';
import { MODEL_TYPES, STRATEGY_NAMES } from '../../../shared/strategies/registry.ts';

export const modelSchema = z
  .object({
    model_id: z.string().describe('Version of the bundle'),
    model_name: z.string().describe('Same as model_id, as used by `load`'),
    strategy: z.enum(STRATEGY_NAMES).describe('What its models are for: pairs, or instruments'),
    timeframe: z.string().nullable().describe('Of the instruments of a direction model; null: models of pairs'),
    status: z.enum(['candidate', 'active', 'archived', 'rejected']).describe('State in the registry'),
    is_active: z.boolean().describe('Of the pairs, or of its timeframe'),
    is_previous: z.boolean().describe('Predecessor of the active one, target of a rollback'),
    is_shadow: z.boolean().describe('Scores the same bars without publishing'),
    created: z.string().describe('ISO 8601 in UTC'),
    adopted_at: z.string().nullable(),
    retired_at: z.string().nullable(),
    removed_at: z.string().nullable().describe('When retention removed its files'),
    reasons: z.array(z.string()).describe('Failed gates in words'),
    failed_gates: z.array(failedGateSchema).describe('The same as data'),
    models: z
      .array(
        z.object({
          model_type: z.enum(MODEL_TYPES).describe('AI1, AI2 and AI3 of pairs; DIRECTION of instruments'),
          train_period_start: z.unknown(),
          train_period_end: z.unknown(),
          theta1: z.number().nullable(),
          theta2: z.number().nullable(),
          metrics: z.unknown().describe('Of the holdout; of a direction model walk-forward'),
          notes: z.string().nullable(),
        }),
      )
      .describe('Rows of `model_registry`'),
  })
  .meta({ id: 'Model', description: 'A model bundle' });

export const modelsSchema = z.object({ models: z.array(modelSchema).describe('Newest first') });

const groupSchema = z.object({
  name: z.string(),
  pairs: z.array(z.string()),
  verdict: z.string().describe('Why it has its own models, or uses the pooled ones'),
  comparison: z.record(z.string(), z.unknown()).optional().describe('Own and pooled model out of fold, by model'),
  gates: z.array(z.unknown()).optional(),
  own: z
    .object({ theta1: z.number(), theta2: z.number(), metrics: z.record(z.string(), z.unknown()) })
    .optional()
    .describe('Absent: uses the pooled models'),
});

const shownManifest = manifestSchema
  .omit({ golden: true })
  .extend({ groups: z.array(groupSchema).optional() })
  .meta({ id: 'Manifest', description: 'The manifest of a bundle without golden answers' });

export const currentModelSchema = z
  .object({
    version: z.string().nullable().describe('Active bundle; null without one'),
    previous: z.string().nullable().describe('Its predecessor'),
    shadow: z.string().nullable(),
    age_seconds: z.number().nullable().describe('Age of the bundle'),
    is_signed: z.boolean().nullable().describe('Whether it has a signature'),
    manifest: shownManifest.nullable(),
    card: z.string().nullable().describe('Model card, Markdown'),
  })
  .meta({ id: 'CurrentModel' });

const reliability = z
  .array(
    z.object({
      from: z.number().describe('Bounds of the probabilities'),
      to: z.number(),
      rows: z.int(),
      confidence: z.number().nullable().describe('Mean probability; null without rows'),
      frequency: z.number().nullable().describe('Share of positives'),
    }),
  )
  .describe('Empty for soft labels, and where the bundle has no validation report');

export const modelDetailSchema = z
  .object({
    version: z.string(),
    is_signed: z.boolean(),
    manifest: shownManifest,
    card: z.string().describe('Model card, Markdown'),
    reliability: z.object({ ai1: reliability, ai2: reliability }).describe('Of the holdout'),
  })
  .meta({ id: 'ModelDetail' });

export const pointersSchema = z
  .object({
    version: z.string().nullable().describe('Active bundle'),
    previous: z.string().nullable().describe('Its predecessor'),
    shadow: z.string().nullable().describe('Scores the same bars without publishing'),
    timeframe: z.string().nullable().describe('Of a direction model; null: models of pairs'),
  })
  .meta({ id: 'ModelPointers' });

export const cleanupSchema = z
  .object({
    removed: z.array(z.string()).describe('Versions whose files were removed'),
    failed: z
      .array(z.object({ version: z.string(), code: z.string(), message: z.string(), next: z.string() }))
      .describe('Versions that are still there, and why'),
  })
  .meta({ id: 'RemovedModels' });
