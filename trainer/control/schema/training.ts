import * as z from 'zod';
import { DIRECTION_BALANCES } from '../../../shared/policy/balances.ts';
import { balancePolicy, networksPolicy } from '../../../shared/policy/schema.ts';
import { TRAIN_ENGINES, VOTERS } from '../../../shared/policy/engines.ts';
import { featurePlace } from '../../../shared/policy/feature_place.ts';
import { runSchema } from './runs.ts';
import { TRAIN_ERRORS } from './route_errors.ts';
import { routes } from './routes.ts';

const optional = <Schema extends z.ZodType>(schema: Schema, description: string) =>
  schema.optional().describe(description);
const FIXED = 'fixed by the configuration: only its current value is accepted';
const OF_TREES = 'Refused of a learner without boosted trees';
const MEMBERS = VOTERS.join(', ');
const MEMBER_SEED = 'Draws of the members, beside the seed of the training; null or absent: that seed alone';
const IN_PLACE_OF = 'in this training in place of';

export const parameterSpaceConfig = z
  .strictObject({
    type: z
      .enum(['real', 'integer', 'categorical'])
      .describe('real or integer, which the parameter itself decides: leaves are integers. categorical is refused'),
    low: z.number().nullable().optional().describe('Least value that the search tries; absent: that of search.ranges'),
    high: z.number().nullable().optional().describe('Greatest value; absent: that of search.ranges'),
    categories: z
      .array(z.unknown())
      .nullable()
      .optional()
      .describe('Refused: every parameter that a search varies is a number'),
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
        `Ranges of tree parameters in an enabled search, ${IN_PLACE_OF} search.ranges (of an instrument: of the delivered ranges), widened to contain the configured value`,
      ),
  })
  .meta({ id: 'OptimizationSettingsConfig' });

const baggingParamsConfig = z
  .strictObject({
    n_estimators: optional(z.int(), 'Number of members, 2 to 50; default: 10'),
    bootstrap_fraction: optional(
      z.number(),
      'Days that a member draws, with replacement, as a share of all days, 0.1 to 1; default: 1',
    ),
    base_model_type: optional(z.string(), `Learner of all members, of ${MEMBERS}; default: gbdt`),
    mixed_models: optional(
      z.array(z.string()).nullable(),
      `Learners that the members have in turn, 2 to 5 of ${MEMBERS}, in place of base_model_type`,
    ),
    random_state: optional(z.int().nullable(), MEMBER_SEED),
  })
  .meta({ id: 'BaggingParamsConfig' });

const stackingParamsConfig = z
  .strictObject({
    base_models: optional(
      z.array(z.string()),
      `Learners whose answers are combined, 2 to 5 of ${MEMBERS}; default: gbdt, random_forest, logistic`,
    ),
    meta_model: optional(
      z.string(),
      'What learns from their answers: greedy (default; weights of a mean, halfway to equal ones) or logistic (logistic_regression)',
    ),
    cv_folds: optional(
      z.int(),
      'Blocks of time, 1 to 10, each answered by members that learned only rows before it; default: 3',
    ),
    use_probas: optional(z.boolean(), 'Whether probabilities (default) are combined, or their logits'),
    random_state: optional(z.int().nullable(), MEMBER_SEED),
  })
  .meta({ id: 'StackingParamsConfig' });

const ensembleConfig = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe(
        'true: the ensemble of `method` is trained. false: one model, of single_model_config, else of train.engine (of an instrument: train.direction_engine) where that is a single learner, else of gbdt',
      ),
    method: optional(
      z.enum(['bagging', 'stacking']),
      'Absent: the weighted vote of train.vote_members, else of lightgbm, xgboost and random_forest',
    ),
    bagging_params: optional(baggingParamsConfig, 'Members of a bag, in place of train.bagging; only with its method'),
    stacking_params: optional(
      stackingParamsConfig,
      'Members of a stack, in place of train.stacking; only with its method',
    ),
  })
  .meta({ id: 'EnsembleConfig' });

export const singleModelConfig = z
  .strictObject({
    model_type: z.enum(TRAIN_ENGINES).describe('The one learner of this run; an ensemble is refused here'),
  })
  .meta({ id: 'SingleModelConfig' });

const enabled = (what: string) => z.boolean().default(false).describe(`Whether ${what} are candidates`);
const most = optional(z.int().min(1).max(100), 'Chosen ones of this kind at most; default: 8');
const threads = optional(z.int().min(1).max(256), 'Threads, at most all processors but one; speed only');
const REFUSED_BUT = (value: string, why: string): string => `Only ${value}: ${why}`;

const tsfreshConfigModel = z
  .looseObject({
    enabled: enabled('statistics of the last bars of a series, after tsfresh,'),
    feature_selection: optional(z.boolean(), REFUSED_BUT('true', 'only screened formulas are chosen')),
    fdr_level: optional(
      z.number().gt(0).lt(1),
      'Expected share of false formulas among those that help, of all kinds together; default: 0.05',
    ),
    feature_count_limit: most,
    parallel_jobs: threads,
    performance_mode: optional(
      z.enum(['fast', 'balanced', 'comprehensive', 'financial_optimized']),
      'Windows of the statistics: fast 3, balanced (default) 7, comprehensive 12, financial_optimized those of usual charts and a session of eight hours: 5, 15, 30, 60, 240, 480 bars',
    ),
  })
  .meta({ id: 'TSFreshConfigModel', description: 'Other keys are refused by name' });

const featuretoolsConfigModel = z
  .looseObject({
    enabled: enabled('hour, day of the week and minute of the day'),
    max_depth: optional(
      z.int(),
      '1 (default): the calendar. 2: also columns compared with those of the other pairs at the same time, by mean, rank and z-score. Others are refused',
    ),
    max_features: most,
  })
  .meta({ id: 'FeaturetoolsConfigModel', description: 'Other keys are refused by name' });

const autofeatConfigModel = z
  .looseObject({
    enabled: enabled('products and ratios of two columns, after AutoFeat,'),
    max_features: most,
    feateng_steps: optional(z.int(), REFUSED_BUT('2', 'a formula of one column has the splits of that column')),
    max_gb: optional(z.number().gt(0), 'Memory for values of candidates, GB; default: 60 candidates at a time'),
    featsel_runs: optional(
      z.int().min(2).max(50),
      'Parts of the time: a formula helps in all of them but one; default: 5',
    ),
    n_jobs: threads,
    generations: optional(
      z.int().min(1),
      'With population_size: candidates of all kinds at most, generations × population_size, 20000 at most, drawn by the seed; absent with it: 1, both absent: 600 candidates',
    ),
    population_size: optional(z.int().min(1), 'Candidates of a generation; absent beside generations: 50'),
    tournament_size: optional(
      z.int(),
      'Refused: no tournament selects; every candidate is tested, and fdr_level of tsfresh decides',
    ),
  })
  .meta({ id: 'AutoFeatConfigModel', description: 'Other keys are refused by name' });

export const autoMLConfigModel = z
  .strictObject({
    tsfresh: tsfreshConfigModel.default({ enabled: false }).describe('Statistics of the last bars of a series'),
    featuretools: featuretoolsConfigModel.default({ enabled: false }).describe('Parts of the time'),
    autofeat: autofeatConfigModel.default({ enabled: false }).describe('Products and ratios of two columns'),
  })
  .meta({
    id: 'AutoMLConfigModel',
    description: 'A search of formulas by `POST /api/automl-features/generate`, as `minutehand automl` makes it',
  });
export type AutoMLConfig = z.infer<typeof autoMLConfigModel>;

const balanceConfig = balancePolicy.extend({
  direction: z
    .enum(DIRECTION_BALANCES)
    .optional()
    .describe('Of the direction model of an instrument; mirror: class weights on the bars and their mirror images'),
});

export const mlTrainingConfig = z
  .strictObject({
    symbol: optional(
      z.string().max(80),
      'An instrument such as BTC/USDT: the direction model is trained on it. all (the default): the models of all pairs',
    ),
    timeframe: optional(
      z.string().max(12),
      'Of an instrument (default: 1h), also as 60m, H1, 1D; refused where its stored bars are longer. For all pairs only 1m is accepted',
    ),
    start_date: optional(z.iso.date().or(z.iso.datetime()), 'First bar, UTC'),
    end_date: optional(z.iso.date().or(z.iso.datetime()), 'End of the bars, UTC; a day is included'),
    save_model: z
      .boolean()
      .default(true)
      .describe('Only true: a run always writes its bundle, and the gates decide whether it becomes active'),
    validation_split: optional(
      z.number(),
      `Share of the rows that is validated. Of pairs: ${IN_PLACE_OF} train.holdout_fraction. Of an instrument: the last rows, in blocks of a walk-forward whose first model learned the rest, 0.1 to 0.8; default: two thirds`,
    ),
    train_test_split: optional(z.number(), 'The rest of validation_split'),
    cross_validation_folds: optional(
      z.int(),
      `Of pairs: folds, 2 to 20, ${IN_PLACE_OF} train.folds. Of an instrument: blocks of its walk-forward, 4 to 20, the first two of which calibrate; default: 8`,
    ),
    prediction_horizon: optional(z.int().min(1), `Of an instrument: bars until the labeled close. Of pairs ${FIXED}`),
    threshold_up: optional(
      z.number().gt(0).max(1),
      'Of an instrument: return from which a bar is labeled up, a share; default: 0.02. The label is symmetric, so that one alone sets both. Of pairs refused',
    ),
    threshold_down: optional(
      z.number().min(-1).max(1),
      'Of an instrument: return from which a bar is labeled down, as -0.02 or 0.02; refused where it is not that of threshold_up. Of pairs refused',
    ),
    random_state: optional(
      z
        .int()
        .min(0)
        .max(2 ** 31 - 1),
      'Seed',
    ),
    early_stopping_rounds: optional(
      z.int(),
      `Trees without an improvement after which boosting ends; default: 20. ${OF_TREES}`,
    ),
    max_depth: optional(
      z.int().min(1).max(12),
      `Trees of at most 2^max_depth leaves, 2 to 4096, ${IN_PLACE_OF} train.ai1.leaves, ai2, ai3; of an instrument in place of 12 leaves. Refused of a learner without trees`,
    ),
    n_estimators: optional(
      z.int(),
      `Trees of each model at most, ${IN_PLACE_OF} train.ai1.rounds, ai2, ai3; of an instrument in place of 300 per class. Refused of a learner without trees`,
    ),
    learning_rate: optional(
      z.number(),
      `Weight of each tree, ${IN_PLACE_OF} train.ai1.learning_rate, ai2, ai3; of an instrument in place of 0.03. ${OF_TREES}`,
    ),
    optimization_settings: optional(optimizationSettingsConfig, 'Search; default: the configuration'),
    automl_config: optional(
      autoMLConfigModel,
      'Enabled generators are refused: search formulas first, by POST /api/automl-features/generate',
    ),
    ensemble_config: optional(
      ensembleConfig,
      'Absent, and without single_model_config: the weighted vote of lightgbm, xgboost and random_forest, in which gbdt stands in for what is not installed',
    ),
    single_model_config: optional(singleModelConfig, 'One learner in place of an ensemble'),
    networks: optional(
      networksPolicy,
      `Figures of the networks among the learners, ${IN_PLACE_OF} train.networks; ai1, ai2 and ai3 are of pairs. Refused where no learner has them`,
    ),
    balance: optional(
      balanceConfig,
      `Against imbalance of the classes: ai1 and ai2 of pairs, ${IN_PLACE_OF} train.balance; direction of an instrument, in place of class_weights`,
    ),
    features: optional(
      featurePlace,
      'Of pairs: features and labels, bars (computed), store, or table:schema.name of PostgreSQL, in place of retrain_features. Of an instrument, and of kind thresholds, refused',
    ),
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

const trainedLearnerSchema = z
  .object({
    engine: z.string().describe('Learning engine'),
    members: z.array(z.string()).describe('Learner of each member of an ensemble; empty for a single learner'),
    stand_ins: z
      .array(
        z.object({
          engine: z.string().describe('Engine that the specified vote has'),
          by: z.string().describe('Engine that is trained in its place'),
          reason: z.string(),
        }),
      )
      .describe('Engines that others stand in for'),
  })
  .describe('What the run learns with');
export type TrainedLearner = z.infer<typeof trainedLearnerSchema>;

const expectedTimeSchema = z.object({
  seconds: z.int(),
  from_run: z
    .int()
    .nullable()
    .describe(
      'The newest completed run of this kind, whose time is scaled by bars, folds, trials, members and trees at most: early stopping may end sooner. null: no such run has completed; the time is that of a training measured on two idle processors, scaled in the same way',
    ),
});

const startedRunSchema = runSchema
  .extend({
    learner: trainedLearnerSchema,
    bars: z
      .array(trainedBarsSchema)
      .describe('Of each instrument of a direction model, or of each leg of the pairs that has bars in the period'),
    expected: expectedTimeSchema
      .nullable()
      .describe('Time that the run may take once it begins; null: nothing tells it yet'),
    origin: z.string().describe('Origin of its record among the jobs: GET /api/jobs?origin='),
  })
  .meta({ id: 'StartedRun', description: 'A training run that begins' });

const trainingStatusSchema = z
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

const trainRoute = {
  role: 'operator',
  errors: TRAIN_ERRORS,
  tags: ['training'],
  summary: 'Start a training run, or queue it while another one is in progress',
  description:
    'A run that waits has the status queued, and begins when no other run is in progress. ' +
    'With a body that has neither `ensemble_config` nor `single_model_config`, the weighted vote of LightGBM, XGBoost and a random forest is trained; gbdt stands in for an engine that is not installed, and `learner` of the answer names what is trained. Without a body: the engine of the configuration.',
  body: mlTrainingConfig.nullish(),
  response: { 202: startedRunSchema },
} as const;

/** Routes of `api/routes/training.ts`. */
export const trainingRoutes = routes({
  'POST /api/ml-training/train': trainRoute,
  'POST /api/ml/train': trainRoute,
  'GET /api/ml-training/training/status': {
    role: 'viewer',
    tags: ['training'],
    summary: 'State of the newest run',
    response: { 200: trainingStatusSchema },
  },
  'POST /api/ml-training/stop': {
    role: 'operator',
    errors: ['RETRAIN_IDLE'],
    tags: ['training'],
    summary: 'Stop the current run, or the one of this number, which may wait',
    querystring: z.strictObject({ run: z.coerce.number().int().min(1).optional().describe('Number of the run') }),
    response: { 202: runSchema },
  },
});
