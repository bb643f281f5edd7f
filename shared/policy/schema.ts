import { MARKETS } from '../signal/signal.ts';
import * as z from 'zod';
import { ARCHIVE_TARGET_NAMES } from '../archive_targets.ts';
import { S3_ADDRESS } from '../blob/s3_address.ts';
import { BALANCES } from './balances.ts';
import { HOST_KEY, SFTP_ADDRESS } from '../blob/sftp_address.ts';
import { MAX_SEQUENCE } from '../core/features/windows.ts';
import { PRICE_KINDS } from '../core/cost/fill_cost.ts';
import { IMPORTANCES } from '../core/news/news_event.ts';
import { ENTRY_WINDOW_PATTERN } from '../core/cost/entry_window.ts';
import { CHANNEL_NAMES } from '../notification_channels.ts';
import { GROUP_NAME, INSTRUMENT_ID, PAIR_ID, SUBJECT_ID } from '../pair.ts';
import { isSymbol, SYMBOL_SOURCE } from '../symbol_source.ts';
import {
  DEVICES,
  DIRECTION_ENGINE,
  META_LEARNERS,
  NATIVE_ENGINES,
  NETWORKS,
  SCIKIT,
  TRAIN_ENGINES,
  VOTERS,
} from './engines.ts';
import { featurePlace } from './feature_place.ts';
import { ONLINE_LEARNING } from './online_learning.ts';
import { isReservedTable } from './reserved_tables.ts';

/*
 * What may stand in the files of config/. Every key of minutehand.yaml but `train.groups`, `train.direction_engine`,
 * `train.vote_members`, `train.bagging`, `train.stacking`, `train.networks`, `train.balance`, `search.ranges` and
 * `symbol_names` is required; one that a policy file lacks has its delivered value, which `config check` names. Types,
 * JSON Schemas, error messages and docs/reference/CONFIGURATION.md all come from here. Rules between two values are in
 * consistency.ts: JSON Schema cannot express them.
 */

// Each process checks its configuration once: compiling the checks would take longer than they do.
z.config({ jitless: true });

const fraction = z.number().gt(0).lt(1);
const port = z.int().min(0).max(65535);
const windowBars = z.int().min(5).max(10_000);
const pairId = z
  .string()
  .regex(PAIR_ID)
  .meta({ examples: ['XAUUSD_XAGUSD'] });
const instrumentId = z
  .string()
  .regex(INSTRUMENT_ID)
  .meta({ examples: ['BTCUSDT@1h'] });
const subjectId = z
  .string()
  .regex(SUBJECT_ID)
  .meta({ examples: ['XAUUSD_XAGUSD'] });
const symbol = z
  .string()
  .regex(new RegExp(`^${SYMBOL_SOURCE}$`))
  .refine(isSymbol)
  .meta({ examples: ['XAUUSD'] });
// Shard names become part of file names.
const shardName = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,31}$/)
  .meta({ examples: ['main'] });
const shardList = z.union([z.literal('all'), z.array(subjectId).min(1)]);
// Names reach SQL text, where they cannot be bound as parameters: the pattern is what makes that safe.
const tableName = z
  .string()
  .regex(/^[a-z_][a-z0-9_]{0,62}\.[a-z_][a-z0-9_]{0,62}$/)
  .refine((table) => !isReservedTable(table), 'a table of your own: this one belongs to the store')
  .meta({ examples: ['core.signals_live'] });
const host = z
  .string()
  .regex(/^[A-Za-z0-9.:_-]+$/)
  .meta({ examples: ['127.0.0.1'] });
const allowedHosts = z.array(host).max(100);
// Groups are negative. Numbers of chats have at most 52 bits (https://core.telegram.org/bots/api#chat).
const telegramChat = z.int().refine((id) => id !== 0, 'the number of a chat, not 0');
const channels = z.array(z.enum(CHANNEL_NAMES));
const searchRange = z.tuple([fraction, fraction]);
/** Lowest and highest; null = not judged. */
const limitRange = z.tuple([z.number().min(0).max(1), z.number().min(0).max(1)]).nullable();

const rateSteps = z.array(z.tuple([z.number().min(0).max(1), z.number().gt(0).max(1)])).max(20);

function deploymentStage<Name extends string>(name: Name) {
  const duration = z.string().regex(/^[1-9]\d{0,3}[hd]$/);
  return z.strictObject({ name: z.literal(name), allocation: fraction, duration });
}
const fullStage = z.strictObject({
  name: z.literal('full'),
  allocation: z.literal(1),
  duration: z.literal('ongoing'),
});

const exposureLimit = z.number().gt(0).max(1000).nullable();

const noveltyMin = z.number().gt(0).max(0.5).nullable();

const newsStop = z
  .strictObject({
    importance: z.enum(IMPORTANCES),
    minutes_before: z.int().min(0).max(1440),
    minutes_after: z.int().min(0).max(1440),
    close: z.boolean(),
  })
  .nullable();

const coreValues = {
  theta1_initial: fraction,
  theta2_initial: fraction,
  theta_search_range: z.strictObject({ theta1: searchRange, theta2: searchRange }),
  theta_step: z.number().gt(0).max(0.1),
  risk_label_dd_threshold: z.number().gt(0).max(1),
  risk_label_vol_ratio: z.number().min(1).max(100),
  risk_label_corr_drop: z.number().min(-2).lt(0),
  require_edge: z.boolean(),
  leverage_reduction_rate: z.strictObject({ drawdown: rateSteps, risk_score: rateSteps }),
  no_entry_windows: z
    .array(
      z
        .string()
        .regex(ENTRY_WINDOW_PATTERN)
        .meta({ examples: ['16:45-18:15'] }),
    )
    .max(50),
  min_expected_net_bps: z.number().min(-100).max(100),
  max_symbol_exposure: exposureLimit,
  max_currency_exposure: exposureLimit,
  news_stop: newsStop,
  novelty_min: noveltyMin,
};

/** Columns of the table of runs, in the order in which they are delivered: those of the specification first. */
export const RETRAIN_RUN_COLUMNS = [
  'run_id',
  'started_at',
  'ended_at',
  'status',
  'retry_count',
  'model_version',
  'theta1',
  'theta2',
  'metrics',
  'log_path',
  'error_message',
  'run_number',
  'outcome',
  'trigger',
  'attempt',
  'finished_at',
  'previous_version',
  'seed',
  'data_from',
  'data_to',
  'data_hash',
  'gate',
  'error',
  'kind',
  'cpu_seconds',
  'peak_memory_bytes',
  'duration_ms',
  'gpu_seconds',
  'gpu_memory_bytes',
] as const;

const runColumnName = z.enum(RETRAIN_RUN_COLUMNS);
/** A name, or a map as the specification writes it; `type` is checked, `comment` goes to the column on PostgreSQL. */
const runColumn = z.union([
  runColumnName,
  z.strictObject({
    name: runColumnName,
    type: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9 ]*(?:\(\d+(?:, ?\d+)?\)[A-Za-z ]*)?$/)
      .meta({ examples: ['uuid'] })
      .optional(),
    comment: z.string().optional(),
  }),
]);

const retrainValues = {
  retrain_cron: z
    .string()
    .min(1)
    .meta({ examples: ['0 3 1 * *'] }),
  retrain_weekly_cron: z
    .string()
    .min(1)
    .nullable()
    .meta({ examples: ['0 4 * * 6'] }),
  retrain_direction_cron: z
    .string()
    .min(1)
    .nullable()
    .meta({ examples: ['0 5 * * 0'] }),
  rule_search_cron: z
    .string()
    .min(1)
    .nullable()
    .meta({ examples: ['0 7 * * 0'] }),
  rule_search_space: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,63}$/)
    .meta({ examples: ['hourly'] }),
  retrain_incremental_cron: z
    .string()
    .min(1)
    .nullable()
    .meta({ examples: ['30 21 * * 1-5'] }),
  retrain_features: featurePlace,
  retrain_retry_max: z.int().min(0).max(20),
  retrain_retry_delay_minutes: z.int().min(0).max(1440),
  retrain_limit_minutes: z.number().gt(0).max(20_000).nullable(),
  retrain_min_free_mb: z.int().min(0).max(10_000_000),
  retrain_job_priority: z.enum(['idle', 'normal']),
  retrain_notification_channel: z
    .string()
    .min(1)
    .meta({ examples: ['#ml-ops'] }),
  notification_routes: z.strictObject({ critical: channels, warning: channels, info: channels }),
  notification_email_from: z.string().min(3),
  notification_email_to: z.array(z.string().min(3)),
  notification_telegram_chats: z.array(telegramChat).max(100),
  telegram_command_chats: z.array(telegramChat).max(100),
  notification_rate_per_minute: z.int().min(1).max(600),
  notification_retry_hours: z.number().gt(0).max(720),
  notification_repeat_hours: z.number().gt(0).max(720).nullable(),
  notification_link: z.url({ protocol: /^https?$/ }).nullable(),
  notification_self_test_cron: z
    .string()
    .min(9)
    .nullable()
    .meta({ examples: ['0 9 * * 1'] }),
  parity_cron: z
    .string()
    .min(9)
    .nullable()
    .meta({ examples: ['30 1 * * *'] }),
  report_cron: z
    .string()
    .min(9)
    .nullable()
    .meta({ examples: ['0 6 * * 1'] }),
  daily_summary_cron: z
    .string()
    .min(9)
    .nullable()
    .meta({ examples: ['15 0 * * *'] }),
  notification_disk_min_mb: z.int().min(1).max(100_000_000),
  model_version_retention: z.int().min(2).max(1000),
  record_days: z.int().min(30).max(36_500).nullable(),
  quality_min_samples: z.int().min(1).max(10_000_000),
  quality_f1_floor: z.number().min(0).lt(1),
  quality_f1_gates: z.array(z.enum(['ai1', 'ai2', 'direction'])),
  pass_rate_range: searchRange,
  direction_prediction_range: limitRange,
  direction_mean_range: limitRange,
  direction_buy_ratio_range: limitRange,
  direction_hour_buy_ratio_range: limitRange,
  direction_bull_buy_ratio_range: limitRange,
  direction_bear_sell_ratio_range: limitRange,
  direction_variance_24h_max: z.number().gt(0).max(4).nullable(),
  adopt_min_auc: fraction,
  adopt_min_candidates: z.int().min(1).max(1_000_000),
  adopt_min_sharpe_ratio: z.number().min(0).max(1).nullable(),
  adopt_min_sharpe_gain: z
    .number()
    .min(-100)
    .max(100)
    .nullable()
    .meta({ examples: [0.05] }),
  adopt_max_auc_loss: z.number().min(0).max(1),
  executable_share_min: z.number().min(0).max(1),
  claims_veto: z.enum(['entries', 'serving']),
  adopt_by: z.enum(['swap', 'rollout']),
  online_learning: z.enum(ONLINE_LEARNING),
  delivery_target: z
    .string()
    .regex(new RegExp(`${SFTP_ADDRESS.source}|${S3_ADDRESS.source}`))
    .nullable()
    .meta({
      examples: ['sftp://minutehand@windows.example/C:/minutehand/delivery', 's3://models/live?region=eu-central-1'],
    }),
  delivery_host_keys: z.array(z.string().regex(HOST_KEY)).max(10),
  deployment_stages: z.tuple([
    deploymentStage('test'),
    deploymentStage('pilot'),
    deploymentStage('rollout'),
    fullStage,
  ]),
  rollout_block_minutes: z.int().min(1).max(10_080),
  rollout_min_labels: z.int().min(1).max(10_000_000),
  rollout_timeout_days: z.number().gt(0).max(365),
  rollout_on_timeout: z.enum(['stay', 'return']),
  rollout_loss_budget_bps: z.number().gt(0).max(10_000),
  rollout_entry_ratio_max: z.number().gt(1).max(100),
  rollout_missing_share_max: z.number().gt(0).lt(1),
  rollout_fdr: fraction,
  monitor_minutes: z.int().min(1).max(10_080),
  monitor_days: z.int().min(1).max(365),
  drift_psi_max: z.number().gt(0).max(10).nullable(),
  drift_mean_shift_max: z.number().gt(0).max(100).nullable(),
  drift_metric_gap: z.number().gt(0).max(10).nullable(),
  win_rate_min_trades: z.int().min(1).max(1_000_000),
  win_rate_noise_sigmas: z
    .number()
    .gt(0)
    .max(10)
    .nullable()
    .meta({ examples: [3] }),
  drift_cooldown_hours: z.number().min(0).max(8760),
  model_max_age_days: z.number().gt(0).max(3650).nullable(),
  fill_min_trades: z.int().min(1).max(100_000),
  fill_win_rate_gap: z.number().gt(0).max(1).nullable(),
  fill_net_gap_bps: z.number().gt(0).max(1000).nullable(),
  fill_cost_gap: z.number().gt(0).max(10).nullable(),
  kpi_window_trades: z.int().min(1).max(100_000),
  kpi_min_trades: z.int().min(1).max(100_000),
  kpi_win_rate_min: fraction.nullable(),
  kpi_drawdown_max: z.number().gt(0).max(100).nullable(),
  kpi_refusal_rate_min: fraction.nullable(),
  kpi_refusal_rate_max: fraction.nullable(),
  kpi_false_alarm_rate: fraction.nullable(),
  risk_streak_significance: fraction.nullable(),
  change_two_person_rule: z.boolean(),
  change_expiry_days: z.number().gt(0).max(365),
  retrain_runs_table: tableName,
  retrain_runs_columns: z.array(runColumn).min(1),
};

const signalsValues = {
  signals_table: tableName,
  signals_history_table: tableName,
  archive_target: z.enum(ARCHIVE_TARGET_NAMES),
  archive_path: z
    .string()
    .min(1)
    .meta({ examples: ['archive'] }),
  archive_region: z
    .string()
    .regex(/^[a-z0-9-]+$/)
    .meta({ examples: ['us-east-1'] }),
  archive_endpoint: z
    .string()
    .regex(/^https?:\/\/[^\s/@]+\/?$/)
    .nullable()
    .meta({ examples: ['https://s3.example.com'] }),
  archive_cron: z
    .string()
    .min(1)
    .nullable()
    .meta({ examples: ['30 0 * * *'] }),
  signals_history_days: z.int().min(2).max(36_500).nullable(),
  signals_journal_days: z.int().min(2).max(36_500).nullable(),
};

type Shape = Readonly<Record<string, z.ZodType>>;

/**
 * A policy file: every value with its Japanese label and a description. A key that is not there has its delivered
 * value, so that a file with the keys of the specification alone is complete; delivered.ts.
 */
function policyFile(values: Shape) {
  const entry = (value: z.ZodType) =>
    z.strictObject({ value, label_ja: z.string().min(1), description: z.string().min(1).optional() }).optional();
  return z.strictObject(Object.fromEntries(Object.entries(values).map(([key, value]) => [key, entry(value)])));
}

/** Costs of a symbol, as a person writes them, and as a backtest states those that it charged. */
export const symbolCosts = z.strictObject({
  spread_bps: z.number().min(0).max(1000).describe('Full quoted spread, ask − bid.'),
  commission_bps: z.number().min(0).max(1000).describe('Commission per side.'),
  slippage_bps: z.number().min(0).max(1000).describe('Expected slippage per side beyond the spread.'),
  swap_long_bps_per_night: z
    .number()
    .min(-1000)
    .max(1000)
    .describe('Cost of holding a long position overnight; negative is received.'),
  swap_short_bps_per_night: z.number().min(-1000).max(1000).describe('The same of a short position.'),
  price: z
    .enum(PRICE_KINDS)
    .optional()
    .describe('Price type of its bars; at bid, a buy pays the whole spread and a sell none. Absent: mid.'),
  spread_profile: z
    .array(z.tuple([z.int().min(0).max(10_079), z.number().min(0).max(100)]))
    .min(1)
    .refine((steps) => steps.every(([minute], i) => (i === 0 ? minute === 0 : minute > steps[i - 1]![0])))
    .optional()
    .describe(
      'Multiples of spread_bps, each from a minute of the New York week on (0: Sunday 00:00), as `bars learn-spreads` writes them. Absent: the delivered profile.',
    ),
});

const windows = z.strictObject({
  beta_window: windowBars.describe('Rolling regression of ln A on ln B: beta, alpha and correlation.'),
  z_window: windowBars.describe('Mean and standard deviation of the spread behind z_score.'),
  vol_short: windowBars.describe('Short volatility, the numerator of vol_jump, and the recent volume. Below vol_long.'),
  vol_window: windowBars.describe('Volatility of the legs and of the hedged return, and the faster z-score.'),
  vol_long: windowBars.describe('Long volatility, the denominator of vol_jump.'),
  atr_short: windowBars.describe('Short average true range, the numerator of atr_ratio. Below atr_long.'),
  atr_long: windowBars.describe('Long average true range, the denominator of atr_ratio.'),
  stability_window: windowBars.describe('Stability of beta, changes of beta and correlation.'),
  half_life_window: windowBars.describe('Speed of reversion and half-life of the spread.'),
  pnl_window: windowBars.describe('Standard deviation of the unit position’s result (pnl_std).'),
  activity_window: windowBars.describe('Share of bars in which the legs moved, and of missing minutes.'),
  volume_window: windowBars.describe('Usual volume, compared with the recent.'),
});

const decision = z.strictObject({
  z_entry: z.number().gt(0).max(20).describe('Minimum |z| of an entry candidate, in σ.'),
  z_exit: z.number().min(0).max(20).describe('Frozen z, in σ, that closes a position. Below z_entry.'),
  stop: z.number().gt(0).max(20).describe('Move outward of a frozen z, in σ, that stops a position.'),
  max_age_bars: z.int().min(1).max(10_000).describe('Maximum age of a position, in bars.'),
  beta_min: z.number().min(0).max(1000).describe('Minimum |beta| that is traded; else HOLD BETA_RANGE.'),
  beta_max: z.number().gt(0).max(1000).describe('Maximum |beta| that is traded.'),
  risk_exit: z.number().gt(0).max(1).describe('risk_score that closes a position. Not below the search range of θ2.'),
});

const label = z.strictObject({
  horizon_bars: z
    .int()
    .min(1)
    .max(10_000)
    .describe('Horizon of AI2’s and AI3’s labels; AI1 is always evaluated on 60.'),
  leverage: z.number().gt(0).max(1000).describe('Position value over margin.'),
  target_sigma: z.number().gt(0).max(1).describe('Volatility target of AI3 over the horizon, as a fraction of margin.'),
});

/** Tree parameters of one model. */
export const treesPolicy = z.strictObject({
  rounds: z.int().min(1).max(5000).describe('Maximum number of trees.'),
  early_stopping_rounds: z
    .int()
    .min(1)
    .max(5000)
    .optional()
    .describe('Trees without an improvement after which boosting ends. Absent: 20.'),
  learning_rate: z.number().gt(0).max(1).describe('Weight of each tree.'),
  leaves: z.int().min(2).max(4096).describe('Maximum leaves per tree.'),
  min_data_in_leaf: z.int().min(1).max(1_000_000).describe('Minimum rows of a leaf.'),
  l2: z.number().min(0).max(10_000).describe('L2 penalty on leaf values.'),
  row_fraction: z.number().gt(0).max(1).describe('Fraction of rows drawn for each tree.'),
  column_fraction: z.number().gt(0).max(1).describe('Fraction of features drawn for each tree.'),
});

/** Absent keys have the value that their description names. */
export const networkFigures = z.strictObject({
  learning_rate: z.number().min(1e-5).max(0.01).optional().describe('Step of the optimizer (Adam). Absent: 0.001.'),
  dropout: z.number().min(0).max(0.5).optional().describe('Fraction of units left out in each step. Absent: 0.2.'),
  batch_size: z
    .union([z.literal(256), z.literal(512), z.literal(1024)])
    .optional()
    .describe('Rows of a step. Absent: 512.'),
  epochs: z.int().min(1).max(1000).optional().describe('Maximum passes over the rows. Absent: 100.'),
  patience: z.int().min(1).max(100).optional().describe('Epochs without a gain after which it ends. Absent: 10.'),
  class_weight_ratio: z
    .number()
    .min(0.05)
    .max(0.95)
    .optional()
    .describe(
      'α of the focal loss: weight of positives (of a direction: up and down); negatives (range) have 1 − α. Absent: 0.25.',
    ),
  focal_gamma: z.number().min(1).max(5).optional().describe('γ of the focal loss. Absent: 2.'),
  lstm_units: z
    .int()
    .min(64)
    .max(256)
    .multipleOf(2)
    .optional()
    .describe('Units of the first layer of `lstm`; its second has half of them. Absent: 128.'),
});
export type NetworkFigures = z.infer<typeof networkFigures>;

/** Figures of the networks of one training. */
export const trainedNetworks = networkFigures.extend({
  sequence_bars: z
    .int()
    .min(2)
    .max(MAX_SEQUENCE)
    .optional()
    .describe('Bars whose features gru, lstm and transformer get together, the newest included. Absent: 60.'),
});
export type TrainedNetworks = z.infer<typeof trainedNetworks>;
/** Figures of the networks of all models, and of one model in place of these. */
export const networksPolicy = trainedNetworks.extend({
  ai1: networkFigures.optional().describe('Of AI1, in place of those of all models.'),
  ai2: networkFigures.optional().describe('Of AI2, in place of those of all models.'),
  ai3: networkFigures.optional().describe('Of AI3, in place of those of all models.'),
});

export const balancePolicy = z.strictObject({
  ai1: z.enum(BALANCES).optional().describe('Of AI1. focal: the engine gbdt alone. Absent: none.'),
  ai2: z.enum(BALANCES).optional().describe('Of AI2. focal: the engine gbdt alone. Absent: none.'),
});

const columnNames = z.array(z.string().min(1)).optional();
/** Columns are computed all the same: other models have them, and the daemon has one schema. */
const leftOutPolicy = z.strictObject({
  ai1: columnNames.describe('Of AI1. Absent: none.'),
  ai2: columnNames.describe('Of AI2. Absent: none.'),
  ai3: columnNames.describe('Of AI3. Absent: none.'),
});

/** Two learners or more, each once. */
const namesOnce = <Name extends string>(names: readonly Name[], most: number) =>
  z
    .array(z.enum(names))
    .min(2)
    .max(most)
    .refine((given) => new Set(given).size === given.length, 'each learner once')
    .optional();
/** Learners of an ensemble. */
const memberNames = namesOnce(VOTERS, 5);
const memberSeed = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
  .optional()
  .describe('Draws of the members, beside the seed of the training. Absent: that one alone.');

const baggingPolicy = z
  .strictObject({
    members: z.int().min(2).max(50).optional().describe('Number of members. Absent: 10.'),
    fraction: z
      .number()
      .min(0.1)
      .max(1)
      .optional()
      .describe('Days that a member draws, with replacement, as a share of all days. Absent: 1.'),
    base: z.enum(VOTERS).optional().describe('Learner of all members. Absent: gbdt.'),
    mixed: memberNames.describe('Learners that the members have in turn, in place of `base`. Absent: `base`.'),
    seed: memberSeed,
  })
  .refine(({ base, mixed }) => base === undefined || mixed === undefined, 'one of base and mixed');

const stackingPolicy = z.strictObject({
  members: memberNames.describe('Learners whose answers are combined. Absent: gbdt, random_forest, logistic.'),
  meta: z
    .enum(META_LEARNERS)
    .optional()
    .describe(
      'What learns from the answers: greedy weights of a mean, halfway to equal ones, or a regression. Absent: greedy.',
    ),
  folds: z
    .int()
    .min(1)
    .max(10)
    .optional()
    .describe('Later blocks of time that the members answer before they have learned them. Absent: 3.'),
  probabilities: z.boolean().optional().describe('Whether probabilities are combined, or their logits. Absent: true.'),
  seed: memberSeed,
});

export const trainPolicy = z.strictObject({
  engine: z
    .enum(TRAIN_ENGINES)
    .describe(
      `Learning engine. ${NATIVE_ENGINES.join(' and ')} need their library, ${[...SCIKIT, ...NETWORKS].join(', ')} the environment that \`minutehand learners install\` makes, program a program of yours; all others are built in. docs/reference/ENGINES.md.`,
    ),
  direction_engine: z
    .enum(TRAIN_ENGINES)
    .optional()
    .describe(
      `Learning engine of direction models; members and networks are those of vote_members, bagging, stacking and networks. Absent: ${DIRECTION_ENGINE}.`,
    ),
  device: z
    .enum(DEVICES)
    .optional()
    .describe(
      'gpu: lightgbm (a build with OpenCL), xgboost and the networks (CUDA) learn on the GPU; refused where no engine of the training can. Absent: cpu.',
    ),
  vote_members: memberNames.describe('Members of the engine `vote`. Absent: gbdt, random_forest, logistic.'),
  bagging: baggingPolicy.optional().describe('Members of the engine `bagging`.'),
  stacking: stackingPolicy.optional().describe('Members of the engine `stacking`.'),
  balance: balancePolicy
    .optional()
    .describe('Against imbalance of the classes, among the rows of a fold that a model is learned from. Absent: none.'),
  networks: networksPolicy.optional().describe('Figures of the engines that are networks.'),
  left_out: leftOutPolicy.optional().describe('Columns that a model does not get, as `automl` proposes them.'),
  ai1: treesPolicy.describe('Whether the spread reverts is mostly noise: small trees, much averaging.'),
  ai2: treesPolicy.describe('Risk has clear causes: larger trees pay.'),
  ai3: treesPolicy.describe('Volatility of the next hour, likewise.'),
  folds: z.int().min(2).max(20).describe('Folds of the purged cross-validation.'),
  holdout_fraction: z.number().gt(0).max(0.5).describe('Holdout as a fraction of time.'),
  max_rows: z.int().min(1000).max(10_000_000).describe('Maximum training rows per model, thinned evenly in time.'),
  min_bars: z
    .int()
    .min(100)
    .max(10_000_000)
    .describe('Minimum bars of a pair in training, up to its newest one without a gap of more than five days.'),
  warm_start_rounds: z.int().min(1).max(1000).describe('Maximum trees that a warm start adds.'),
  warm_start_min_days: z
    .number()
    .gt(0)
    .max(3650)
    .describe('Days of bars, from the holdout of the last full training on, that a warm start learns from at least.'),
  max_warm_starts: z.int().min(1).max(1000).describe('Maximum warm starts between full trainings.'),
  groups: z
    .record(z.string().regex(GROUP_NAME), z.array(pairId).min(1))
    .optional()
    .describe(
      'Pairs by group, such as `metals: [XAUUSD_XAGUSD]`: models of its own where they beat the pooled ones. Absent: none.',
    ),
});

/** What learners over learners consist of. */
export const ensemblePolicy = trainPolicy.pick({ vote_members: true, bagging: true, stacking: true });
export type EnsemblePolicy = z.infer<typeof ensemblePolicy>;

/** Parameters of trees that a search tries. `rounds` is none: early stopping determines it. */
export const SEARCHED_PARAMETERS = [
  'learning_rate',
  'leaves',
  'min_data_in_leaf',
  'l2',
  'row_fraction',
  'column_fraction',
] as const;
export type SearchedParameter = (typeof SEARCHED_PARAMETERS)[number];

/** Ends of a range; an absent one is the delivered one. */
function rangeOf(name: SearchedParameter) {
  const end = treesPolicy.shape[name];
  return z
    .strictObject({
      low: end.optional().describe('Least value that a search tries.'),
      high: end.optional().describe('Greatest value that a search tries.'),
    })
    .refine(({ low, high }) => low === undefined || high === undefined || low <= high, {
      error: 'expected low to be at most high',
    })
    .optional();
}

export const searchPolicy = z.strictObject({
  trials: z
    .int()
    .min(0)
    .max(10_000)
    .describe(
      "Trials of each model's parameters, the configured ones first; 0 = these. `train --trials` overrides it.",
    ),
  limit_minutes: z
    .number()
    .gt(0)
    .max(10_000)
    .nullable()
    .describe('Time limit of the search; with one, results depend on the machine; null = none.'),
  max_rows: z.int().min(1000).max(10_000_000).describe('Maximum rows of a trial, evenly thinned.'),
  label: z.boolean().describe("Also search the barriers of AI1's training label."),
  theta_evaluations: z
    .int()
    .min(0)
    .max(10_000)
    .describe('Maximum pairs of θ1, θ2 backtested out of fold; 0 = the initial ones.'),
  min_trades: z.int().min(1).max(1_000_000).describe('Minimum trades of chosen thresholds.'),
  ranges: z
    .strictObject({
      learning_rate: rangeOf('learning_rate'),
      leaves: rangeOf('leaves'),
      min_data_in_leaf: rangeOf('min_data_in_leaf'),
      l2: rangeOf('l2'),
      row_fraction: rangeOf('row_fraction'),
      column_fraction: rangeOf('column_fraction'),
    })
    .optional()
    .describe(
      'Ranges of the searched parameters, such as `leaves: {low: 4, high: 32}`, widened to contain the configured value. Absent: the delivered ones.',
    ),
});

const feed = z.strictObject({
  interval_ms: z
    .int()
    .min(10)
    .max(3_600_000)
    .describe('Time between two bars of a live market; a signal is valid for 2.5 intervals.'),
  straggler_timeout_ms: z
    .int()
    .min(1)
    .max(3_600_000)
    .describe('Wait for the other leg before HOLD LEG_MISSING. Below interval_ms.'),
  max_clock_skew_ms: z.int().min(0).max(60_000).describe('Maximum lead of a bar over this machine’s clock.'),
  max_bars_per_request: z.int().min(1).max(1_000_000).describe('Maximum bars of a request.'),
  max_body_bytes: z.int().min(1024).max(1_073_741_824).describe('Maximum size of a request.'),
  budget_ms: z.int().min(1).max(60_000).describe('Time from bar to signals above which a minute is logged.'),
  silence_degraded_intervals: z
    .number()
    .min(1.5)
    .max(10_000)
    .describe('Intervals without a bar before HOLD SILENCE, mode DEGRADED.'),
  silence_halt_intervals: z
    .number()
    .min(1.5)
    .max(10_000)
    .describe('Intervals without a bar before that mode is HALT. Above silence_degraded_intervals.'),
});

const screen = z.strictObject({
  enabled: z.boolean().describe('Hold back suspect bars (HOLD BAR_SUSPECT).'),
  sigmas: z
    .number()
    .min(5)
    .max(10_000)
    .describe('Distance from the last trusted close that makes a bar suspect, in robust standard deviations of moves.'),
  min_move_bps: z.number().min(0).max(10_000).describe('Distance, in basis points, up to which no bar is suspect.'),
});

const inference = z.strictObject({
  engine: z
    .enum(['auto', 'onnxruntime'])
    .describe('auto scores in WebAssembly where onnxruntime has confirmed the answers.'),
  slow_ms: z
    .int()
    .min(1)
    .max(60_000)
    .describe('Time of a batch that, exceeded twice in a row, brings the previous models back; of a rule, ends it.'),
});

const simulated = z.strictObject({
  seed: z.int().min(0).max(4_294_967_295).describe('Same seed, same prices.'),
  bar_interval_ms: z.int().min(1).max(3_600_000).describe('Time between two simulated bars.'),
  start: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:00Z$/)
    .meta({ examples: ['2024-01-01T22:00:00Z'] })
    .describe('First minute, UTC.'),
  history_bars: z.int().min(0).max(1_000_000).describe('Minutes of history for the first models.'),
  await_models_ms: z.int().min(0).max(3_600_000).describe('Maximum wait for first models.'),
  paper_account: z
    .boolean()
    .describe('`minutehand up` also runs a paper account that follows all pairs. A live market never starts one.'),
});

const loopbackNeedsToken = z.boolean();

const transports = z.strictObject({
  daemon: z
    .strictObject({
      host: host.describe('Address of the daemon; 127.0.0.1 = local only.'),
      allowed_hosts: allowedHosts.describe('Additional host names, without port, in requests and origins.'),
      loopback_needs_token: loopbackNeedsToken.describe(
        'Whether programs of this machine need MINUTEHAND_TOKEN too: set it where a tunnel ends here.',
      ),
      port: port.describe('Port of daemons whose shard has none; 0 = a free one.'),
      engine: z.enum(['auto', 'uwebsockets', 'ws']).describe('auto = uWebSockets.js when it loads, else ws.'),
      max_buffered_bytes: z
        .int()
        .min(1024)
        .max(1_073_741_824)
        .describe('Unread bytes beyond which a WebSocket reader is dropped.'),
    })
    .describe('The daemon: bars in, signals out.'),
  trainer: z
    .strictObject({
      host: host.describe('Address of the trainer.'),
      allowed_hosts: allowedHosts.describe('As that of the daemon.'),
      loopback_needs_token: loopbackNeedsToken.describe('As that of the daemon.'),
      port: port.describe('Port of the trainer; 0 = a free one.'),
    })
    .describe('HTTP of the trainer: dashboard, API, health.'),
  redis: z
    .strictObject({
      url: z
        .string()
        .regex(/^(rediss?|unix):\/\/.+$/)
        .meta({ examples: ['redis://127.0.0.1:6379', 'rediss://user:password@host', 'unix:///run/redis/redis.sock'] })
        .describe('URL of Redis: redis://, rediss:// (TLS) or unix://.'),
      ca_file: z
        .string()
        .min(1)
        .nullable()
        .meta({ examples: ['/etc/minutehand/redis_ca.pem'] })
        .describe("PEM file of trusted certificates for rediss://; null = the system's."),
      enabled: z.enum(['auto', 'off']).describe('Use Redis whenever it responds, or never.'),
      key_ttl_ms: z.int().min(1000).max(86_400_000).describe('Expiry of the keys minutehand:signal:<pair_id>.'),
      stream_maxlen: z.int().min(1).max(10_000_000).describe('Approximate length of the stream minutehand:signals.'),
      connect_timeout_ms: z.int().min(10).max(60_000).describe('Timeout of a connection.'),
      command_timeout_ms: z.int().min(10).max(60_000).describe('Timeout of a command.'),
      max_batches_in_flight: z
        .int()
        .min(1)
        .max(1000)
        .describe('Maximum unanswered batches; further signals count as missed.'),
    })
    .describe('Redis is used when it answers; files and WebSocket never wait for it.'),
  files: z
    .strictObject({ enabled: z.boolean().describe('Write signal files at every bar.') })
    .describe('Signal files, the way MetaTrader reads them.'),
});

const log = z.strictObject({
  level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .describe('Minimum level that is logged.'),
});

const lease = z.strictObject({
  url: z
    .string()
    .regex(/^(postgres(ql)?|rediss?|unix):\/\/.+$/)
    .nullable()
    .meta({ examples: ['redis://10.0.0.5:6379', 'postgres://user:password@10.0.0.5/minutehand'] })
    .describe('Redis or PostgreSQL URL that all machines use; null = one machine.'),
  seconds: z
    .number()
    .min(0.2)
    .max(60)
    .describe('Duration. A standby takes over within 1.5 times this after the holder ends.'),
});

const market = z.enum(MARKETS);

const affix = z.string().regex(/^[\x21-\x7e]{1,20}$/);
const symbolNames = z.strictObject({
  aliases: z
    .record(z.string().regex(/^[\x21-\x7e]{1,40}$/), symbol)
    .optional()
    .describe('Whole names and their symbols, letter case aside: GOLD: XAUUSD.'),
  prefixes: z
    .array(affix.meta({ examples: ['FTMO_'] }))
    .max(50)
    .optional()
    .describe('Taken off the beginning of a name: FTMO_.'),
  suffixes: z
    .array(affix.meta({ examples: ['.m'] }))
    .max(50)
    .optional()
    .describe('Taken off the end of a name: .m, -ECN, _i. Letters and digits alone must have the same case.'),
});

const minutehandFile = z.strictObject({
  market: market.describe('Source of bars. simulated: a seeded market, paper only. live: received bars.'),
  pairs: z
    .array(pairId)
    .min(1)
    .describe(
      'Pairs, leg A first: A is regressed on B. @5m, @15m, @1h, @4h or @1d sets the timeframe: EURUSD_GBPUSD@1h.',
    ),
  instruments: z.array(instrumentId).describe('Symbols that the direction model trades: BTCUSDT@1h.'),
  shards: z
    .record(shardName, z.union([shardList, z.strictObject({ pairs: shardList, port })]))
    .describe('Daemons, their pairs and instruments: a list, all, or {pairs, port}.'),
  symbols: z
    .record(symbol, symbolCosts)
    .describe(
      'Costs per symbol, in basis points. The spread is paid once per round trip, commission and slippage twice, overnight swaps at each rollover (17:00 New York, three on Wednesdays).',
    ),
  symbol_names: symbolNames
    .optional()
    .describe(
      'How names of brokers and exchanges become symbols, in files, options and incoming bars. BTC/USDT, BTC-USDT and btcusdt are BTCUSDT without it.',
    ),
  windows: windows.describe('Look-back windows of the features, in bars of a pair, including the current one.'),
  decision: decision.describe('Rules of entry and exit. Part of policy_hash.'),
  label: label.describe('Labels of training.'),
  train: trainPolicy.describe('Parameters of learning.'),
  search: searchPolicy.describe('Search of parameters and thresholds.'),
  feed: feed.describe('External bars: pace, timeouts and limits.'),
  screen: screen.describe('Bad ticks: suspect bars wait for the next one.'),
  inference: inference.describe('Scoring of models.'),
  simulated: simulated.describe('The simulated market.'),
  transports: transports.describe('Ways in and out.'),
  lease: lease.describe('Lease of daemons on several machines; one publishes.'),
  log: log.describe('Log files.'),
});

const POLICY_KEYS: Readonly<Record<string, readonly string[]>> = {
  core: Object.keys(coreValues),
  retrain: Object.keys(retrainValues),
  signals: Object.keys(signalsValues),
};

/** The keys of a policy file; none of minutehand.yaml. */
export function policyKeys(part: ConfigPart): readonly string[] {
  return POLICY_KEYS[part] ?? [];
}

/** The files of config/, by the name of their part of the settings. */
export const CONFIG_FILES = {
  core: 'core_policy.yaml',
  retrain: 'retrain_policy.yaml',
  signals: 'signals_policy.yaml',
  minutehand: 'minutehand.yaml',
} as const;

export type ConfigPart = keyof typeof CONFIG_FILES;

/** Schema of each file. */
export const FILE_SCHEMAS: Readonly<Record<ConfigPart, z.ZodType>> = {
  core: policyFile(coreValues),
  retrain: policyFile(retrainValues),
  signals: policyFile(signalsValues),
  minutehand: minutehandFile,
};

/** Schemas of single values that an environment variable can set. */
export const OVERRIDABLE = {
  market,
  host,
  allowedHosts,
  port,
  redisUrl: transports.shape.redis.shape.url,
  leaseUrl: lease.shape.url,
  archiveTarget: signalsValues.archive_target,
};

/** Objects, lists and tuples to the bottom. */
export type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;

type Values<S extends Shape> = { readonly [Key in keyof S]: DeepReadonly<z.infer<S[Key]>> };

export type CorePolicy = Values<typeof coreValues>;
export type RetrainPolicy = Values<typeof retrainValues>;
export type SignalsPolicy = Values<typeof signalsValues>;
export type MinutehandSettings = DeepReadonly<z.infer<typeof minutehandFile>>;

export type RetrainRunColumn = z.infer<typeof runColumnName>;
export type SymbolCosts = MinutehandSettings['symbols'][string];
export type SymbolNamesPolicy = NonNullable<MinutehandSettings['symbol_names']>;
export type Windows = MinutehandSettings['windows'];
export type DecisionPolicy = MinutehandSettings['decision'];
export type LabelPolicy = MinutehandSettings['label'];
export type TrainPolicy = MinutehandSettings['train'];
export type SearchPolicy = MinutehandSettings['search'];
/** Tree parameters of one model. */
export type TreePolicy = TrainPolicy['ai1'];
export type NetworksPolicy = z.infer<typeof networksPolicy>;
export type FeedPolicy = MinutehandSettings['feed'];
export type SimulatedSettings = MinutehandSettings['simulated'];
export type Transports = MinutehandSettings['transports'];
export type DaemonTransport = Transports['daemon'];
export type TrainerTransport = Transports['trainer'];
export type RedisTransport = Transports['redis'];
export type FileTransport = Transports['files'];
export type LeaseSettings = MinutehandSettings['lease'];
export type LogSettings = MinutehandSettings['log'];
