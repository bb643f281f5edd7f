import * as z from 'zod';
import { failedGateSchema } from '../../../shared/bundle/gates/gate_schema.ts';
import { manifestSchema } from '../../../shared/bundle/manifest.ts';
import { MODEL_TYPES, STRATEGY_NAMES } from '../../../shared/strategies/registry.ts';
import { VERSION } from '../../../shared/bundle/bundle.ts';
import { overrideShape } from './override.ts';
import { TIMEFRAME_NAMES } from '../../../shared/pair.ts';
import { ADMISSION_ERRORS, BODY_ERRORS, BUNDLE_ERRORS } from './route_errors.ts';
import { routes } from './routes.ts';

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

const modelsSchema = z.object({ models: z.array(modelSchema).describe('Newest first') });

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

/** Direction models in use or in shadow: one slot per timeframe. */
export const directionModelsSchema = z
  .array(
    z.object({
      timeframe: z.string(),
      version: z.string().nullable().describe('Active bundle; null without one'),
      previous: z.string().nullable().describe('Its predecessor'),
      shadow: z.string().nullable(),
    }),
  )
  .describe('Of direction models, a slot per timeframe that has one');

const currentModelSchema = z
  .object({
    version: z.string().nullable().describe('Active bundle; null without one'),
    previous: z.string().nullable().describe('Its predecessor'),
    shadow: z.string().nullable(),
    age_seconds: z.number().nullable().describe('Age of the bundle'),
    is_signed: z.boolean().nullable().describe('Whether it has a signature'),
    manifest: shownManifest.nullable(),
    card: z.string().nullable().describe('Model card, Markdown'),
    direction_models: directionModelsSchema,
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

const modelDetailSchema = z
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

const cleanupSchema = z
  .object({
    removed: z.array(z.string()).describe('Versions whose files were removed'),
    failed: z
      .array(z.object({ version: z.string(), code: z.string(), message: z.string(), next: z.string() }))
      .describe('Versions that are still there, and why'),
  })
  .meta({ id: 'RemovedModels' });

const version = z.string().max(60).regex(VERSION).describe('Version of a bundle');

/** Routes of `api/routes/model_writes.ts`. */
export const modelWriteRoutes = routes({
  'POST /api/ml/models/{model_name}/load': {
    role: 'approver',
    errors: [...ADMISSION_ERRORS, ...BODY_ERRORS],
    tags: ['models'],
    summary:
      'Verify a bundle, of pairs or of a direction model, refuse failed or unknown gates, and activate it; daemons swap it in between two bars. The predecessor is rolled back to',
    params: z.object({ model_name: version }),
    body: z.strictObject(overrideShape).nullish(),
    response: { 200: pointersSchema },
  },
  'PUT /api/ml/shadow': {
    role: 'approver',
    errors: [...ADMISSION_ERRORS, ...BODY_ERRORS],
    tags: ['models'],
    summary: 'Verify a bundle and make it the shadow of its slot, or end a shadow',
    description:
      'The pairs have one, and the instruments of each timeframe. A version that both kinds of bundles have is of pairs, unless `timeframe` is given.',
    body: z.strictObject({
      model_name: version.nullable().describe('Of pairs, or of a direction model; null: none'),
      timeframe: z
        .enum(TIMEFRAME_NAMES)
        .nullish()
        .describe(
          'Of the direction model, or of those whose shadow ends; without a model, null or absent: of the pairs',
        ),
    }),
    response: { 200: pointersSchema },
  },
  'DELETE /api/ml/models/{model_id}': {
    role: 'approver',
    errors: ['MODEL_MISSING', 'MODEL_IN_USE'],
    tags: ['models'],
    summary:
      'Remove the files of a bundle, of pairs or of a direction model; refused for the active one, its predecessor and the shadow',
    params: z.object({ model_id: version }),
    response: { 200: cleanupSchema },
  },
  'POST /api/ml/models/cleanup': {
    role: 'approver',
    errors: [],
    tags: ['models'],
    summary: 'Remove bundles beyond model_version_retention',
    description:
      'A bundle that cannot be removed stays, does not keep the others, and is in `failed` with the code of its error. Where none could be removed, the answer is the error of the first.',
    response: { 200: cleanupSchema },
  },
});

/** Routes of `api/routes/models.ts`. */
export const modelRoutes = routes({
  'GET /api/ml/models': {
    role: 'viewer',
    errors: ['MODEL_FILE'],
    tags: ['models'],
    summary: 'Model bundles',
    response: { 200: modelsSchema },
  },
  'GET /api/ml/models/current': {
    role: 'viewer',
    errors: BUNDLE_ERRORS,
    tags: ['models'],
    summary: 'The active bundle of pairs, and those of direction models',
    response: { 200: currentModelSchema },
  },
  'GET /api/ml/models/{model_name}': {
    role: 'viewer',
    errors: BUNDLE_ERRORS,
    tags: ['models'],
    summary: 'A bundle: manifest, card, reliability',
    params: z.object({ model_name: z.string().max(60).regex(VERSION).describe('Version of a bundle') }),
    response: { 200: modelDetailSchema },
  },
});
