import * as z from 'zod';
import { autoMLConfigModel } from './training.ts';
import { runSchema } from './runs.ts';
import { BODY_ERRORS } from './route_errors.ts';
import { routes } from './routes.ts';

const ofSearch = (what: string): string => `${what}; of a search`;

const generateRequest = z
  .strictObject({
    symbol: z
      .string()
      .max(80)
      .describe('Without an enabled generator: a subject. With one: all, as AI1 learns from all pairs'),
    timeframe: z.literal('1m').default('1m').describe('Formulas are searched on bars of one minute'),
    limit: z.int().min(100).max(10_000).optional().describe('Newest minutes without a search; default: 1000'),
    automl_config: autoMLConfigModel.optional().describe('Generators; an enabled one begins a search of formulas'),
    start_date: z.iso.date().or(z.iso.datetime()).optional().describe(ofSearch('First bar, UTC')),
    end_date: z.iso.date().or(z.iso.datetime()).optional().describe(ofSearch('End of the bars, UTC, a day included')),
    candidates: z
      .int()
      .min(1)
      .max(20_000)
      .optional()
      .describe(ofSearch('Candidates at most, more are thinned by the seed; default: 600')),
    limit_minutes: z
      .number()
      .gt(0)
      .max(10_000)
      .optional()
      .describe(ofSearch('Minutes after which no further candidates are tested; default: none')),
    random_state: z.int().min(0).optional().describe(ofSearch('Seed; default: 1')),
    include_target: z
      .literal(false)
      .default(false)
      .describe('Labels are part of datasets: `minutehand dataset export`'),
    reason: z.string().max(500).optional().describe('Reason, for the audit'),
  })
  .meta({ id: 'FeatureGenerationRequest' });

export type GenerateRequest = z.infer<typeof generateRequest>;

const figure = z.number().nullable();

export const generatedSchema = z
  .object({
    success: z.boolean(),
    message: z.string(),
    feature_count: z.int(),
    processing_time: z.number().describe('Seconds'),
    feature_names: z.array(z.string()),
    statistics: z
      .record(
        z.string(),
        z.object({
          last: figure.describe('Newest value'),
          mean: figure,
          min: figure,
          max: figure,
          missing: z.int().describe('Minutes without a value'),
        }),
      )
      .describe('By feature'),
    rows: z.int().describe('Minutes with bars of both legs'),
    feature_schema: z.string().describe('Hash of the feature schema'),
  })
  .meta({ id: 'FeatureGenerationResponse' });

export const checkSchema = z
  .object({
    success: z.boolean().describe('Always true'),
    valid: z.boolean(),
    errors: z.array(z.string()),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'ConfigValidationResponse' });

const clearedSchema = z.object({ success: z.boolean(), message: z.string() }).meta({ id: 'ClearedCache' });

/** Routes of `api/routes/automl_features.ts`. */
export const automlFeatureRoutes = routes({
  'POST /api/automl-features/generate': {
    role: 'operator',
    errors: [
      ...(['SETTING_UNSUPPORTED', 'PAIR_UNKNOWN', 'DATA_MISSING', 'DATA_FORMAT', 'RETRAIN_RUNNING'] as const),
      'RUNS_TOO_MANY',
      ...BODY_ERRORS,
    ],
    tags: ['features'],
    summary: 'Search formulas that help AI1, or show the features of a subject',
    description:
      'With an enabled generator it begins a run of the kind `automl`, as `minutehand automl` does: candidates are screened against what the present columns leave unexplained, and those chosen are confirmed on later rows; the holdout is not looked at. ' +
      '`GET /api/runs` shows its progress, and at its end, as `metrics`, what was chosen, with the error of its gain and entries for features.yaml; `POST /api/ml-training/stop` stops it. It changes no configuration. ' +
      'Without an enabled generator: statistics of the features of the newest minutes of a subject.',
    body: generateRequest,
    response: { 200: generatedSchema, 202: runSchema },
  },
  'POST /api/automl-features/validate-config': {
    role: 'viewer',
    errors: BODY_ERRORS,
    tags: ['features'],
    summary: 'Check generators',
    description: 'Names every key that a search would refuse, with the reason and the next step.',
    body: autoMLConfigModel,
    response: { 200: checkSchema },
  },
  'GET /api/automl-features/default-config': {
    role: 'viewer',
    tags: ['features'],
    summary: 'All generators, with their defaults',
    response: { 200: autoMLConfigModel },
  },
  'POST /api/automl-features/clear-cache': {
    role: 'operator',
    errors: ['RETRAIN_RUNNING'],
    tags: ['features'],
    summary: 'Delete cached features, labels and scores of formulas; refused during a run',
    response: { 200: clearedSchema },
  },
});
