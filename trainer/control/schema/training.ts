import * as z from 'zod';
import { TRAIN_ENGINES } from '../../../shared/policy/engines.ts';
import { runSchema } from './runs.ts';

const optional = <Schema extends z.ZodType>(schema: Schema, description: string) =>
  schema.optional().describe(description);
const FIXED = 'fixed by the configuration: only its current value is accepted';
const REFUSED = 'not supported: refused when given';
const IN_PLACE_OF = 'in this training in place of';

export const parameterSpaceConfig = z
  .strictObject({
    type: z.enum(['real', 'integer', 'categorical']),
    low: z.number().nullable().optional(),
    high: z.number().nullable().optional(),
    categories: z.array(z.unknown()).nullable().optional(),
  })
  .meta({ id: 'ParameterSpaceConfig' });

export const optimizationSettingsConfig = z
  .strictObject({
    enabled: z.boolean().default(false).describe('false: no search, parameters of the configuration'),
    method: z.enum(['tpe', 'optuna']).default('tpe').describe('Both name the tree-structured Parzen estimator'),
    n_calls: optional(z.int().min(1).max(10_000), 'Trials of each model of an enabled search; default: 50'),
    parameter_space: z
      .record(z.string(), parameterSpaceConfig)
      .default({})
      .describe(
        `Of pairs: ranges of an enabled search, ${IN_PLACE_OF} search.ranges, widened to contain the configured value. Of an instrument ${REFUSED}`,
      ),
  })
  .meta({ id: 'OptimizationSettingsConfig' });

export const baggingParamsConfig = z
  .strictObject({
    n_estimators: optional(z.int(), REFUSED),
    bootstrap_fraction: optional(z.number(), REFUSED),
    base_model_type: optional(z.string(), REFUSED),
    mixed_models: optional(z.array(z.string()).nullable(), REFUSED),
    random_state: optional(z.int().nullable(), REFUSED),
  })
  .meta({ id: 'BaggingParamsConfig' });

export const stackingParamsConfig = z
  .strictObject({
    base_models: optional(z.array(z.string()), REFUSED),
    meta_model: optional(z.string(), REFUSED),
    cv_folds: optional(z.int(), REFUSED),
    use_probas: optional(z.boolean(), REFUSED),
    random_state: optional(z.int().nullable(), REFUSED),
  })
  .meta({ id: 'StackingParamsConfig' });

export const ensembleConfig = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe('true: the engine `vote`, the weighted vote of train.vote_members (pairs only)'),
    method: optional(z.enum(['bagging', 'stacking']), REFUSED),
    bagging_params: optional(baggingParamsConfig, REFUSED),
    stacking_params: optional(stackingParamsConfig, REFUSED),
  })
  .meta({ id: 'EnsembleConfig' });

export const singleModelConfig = z
  .strictObject({ model_type: z.enum(TRAIN_ENGINES).describe('Learning engine of this run') })
  .meta({ id: 'SingleModelConfig' });

const generator = (description: string) =>
  z.looseObject({ enabled: z.boolean().default(false).describe('true is refused') }).describe(description);

export const autoMLConfigModel = z
  .strictObject({
    tsfresh: generator('tsfresh').default({ enabled: false }),
    featuretools: generator('Featuretools').default({ enabled: false }),
    autofeat: generator('AutoFeat').default({ enabled: false }),
  })
  .meta({ id: 'AutoMLConfigModel', description: 'Feature generators; none is part of minutehand' });

export const mlTrainingConfig = z
  .strictObject({
    symbol: optional(
      z.string().max(80),
      'An instrument such as BTC/USDT: the direction model is trained on it. all (the default): the models of all pairs',
    ),
    timeframe: optional(z.string().max(8), 'Of an instrument (default: 1h); for all pairs only 1m is accepted'),
    start_date: optional(z.iso.date().or(z.iso.datetime()), 'First bar, UTC'),
    end_date: optional(z.iso.date().or(z.iso.datetime()), 'End of the bars, UTC; a day is included'),
    save_model: z.literal(true).default(true).describe('A run always writes its bundle'),
    validation_split: optional(
      z.number(),
      `Of pairs: ${IN_PLACE_OF} train.holdout_fraction. Of an instrument ${REFUSED}`,
    ),
    train_test_split: optional(z.number(), 'The rest of validation_split'),
    cross_validation_folds: optional(z.int(), `Of pairs: ${IN_PLACE_OF} train.folds. Of an instrument ${FIXED}`),
    prediction_horizon: optional(z.int().min(1), `Of an instrument: bars until the labeled close. Of pairs ${FIXED}`),
    random_state: optional(
      z
        .int()
        .min(0)
        .max(2 ** 31 - 1),
      'Seed',
    ),
    early_stopping_rounds: optional(z.int(), FIXED),
    max_depth: optional(
      z.int().min(1).max(7),
      `Of pairs: trees of at most 2^max_depth leaves, ${IN_PLACE_OF} train.ai1.leaves, ai2, ai3. Of an instrument ${REFUSED}`,
    ),
    n_estimators: optional(
      z.int(),
      `Of pairs: trees of each model at most, ${IN_PLACE_OF} train.ai1.rounds, ai2, ai3. Of an instrument ${REFUSED}`,
    ),
    learning_rate: optional(
      z.number(),
      `Of pairs: ${IN_PLACE_OF} train.ai1.learning_rate, ai2, ai3. Of an instrument ${REFUSED}`,
    ),
    optimization_settings: optional(optimizationSettingsConfig, 'Search; default: the configuration'),
    automl_config: optional(autoMLConfigModel, 'Feature generators'),
    ensemble_config: optional(ensembleConfig, 'Ensembles'),
    single_model_config: optional(singleModelConfig, 'Engine'),
    kind: z.enum(['full', 'incremental', 'thresholds']).default('full').describe('What is learned'),
    reason: optional(z.string().max(500), 'Reason, for the audit'),
  })
  .meta({ id: 'MLTrainingConfig', description: 'Options of a training run' });

export type MLTrainingConfig = z.infer<typeof mlTrainingConfig>;

const trainedBarsSchema = z.object({
  symbol: z.string(),
  first: z.string().describe('Open time of its first bar in the period'),
  last: z.string().describe('Open time of its last one'),
});
export type TrainedBars = z.infer<typeof trainedBarsSchema>;

export const startedRunSchema = runSchema
  .extend({ bars: z.array(trainedBarsSchema).describe('Of each instrument of a direction model; empty for pairs') })
  .meta({ id: 'StartedRun', description: 'A training run that begins' });

export const trainingStatusSchema = z
  .object({
    is_training: z.boolean(),
    status: z.string().describe('Status of the newest run, or idle'),
    progress: z.number().describe('0 to 100'),
    message: z.string().describe('Stage'),
    start_time: z.string().nullable(),
    end_time: z.string().nullable(),
    eta_seconds: z.number().nullable(),
    error: z.string().nullable(),
    run: runSchema.nullable().describe('The newest run'),
  })
  .meta({ id: 'TrainingStatus' });
