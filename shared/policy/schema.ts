import { z } from 'zod';
import { ENTRY_WINDOW_PATTERN } from '../core/cost/entry_window.ts';
import { BUILT_IN_ENGINES, ENGINES, NATIVE_ENGINES } from './engines.ts';

/*
 * What may stand in the files of config/. Every key of minutehand.yaml is required; one that a policy file lacks has
 * its delivered value, which `config check` names. Types, JSON Schemas, error messages and
 * docs/reference/CONFIGURATION.md all come from here. Rules between two values are in consistency.ts, for JSON Schema
 * cannot say them.
 */

/** Ways to people, of `trainer/notify/channels/`. */
export const CHANNEL_NAMES = ['slack', 'discord', 'pagerduty', 'webhook', 'email'] as const;

const fraction = z.number().gt(0).lt(1);
const port = z.int().min(0).max(65535);
const windowBars = z.int().min(5).max(10_000);
const pairId = z
  .string()
  .regex(/^[A-Z0-9.]+_[A-Z0-9.]+$/)
  .meta({ examples: ['XAUUSD_XAGUSD'] });
const symbol = z
  .string()
  .regex(/^[A-Z0-9.]+$/)
  .meta({ examples: ['XAUUSD'] });
// Shard names become part of file names.
const shardName = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,31}$/)
  .meta({ examples: ['main'] });
const shardList = z.union([z.literal('all'), z.array(pairId).min(1)]);
// Names reach SQL text, where they cannot be bound as parameters: the pattern is what makes that safe.
const tableName = z
  .string()
  .regex(/^[a-z_][a-z0-9_]{0,62}\.[a-z_][a-z0-9_]{0,62}$/)
  .meta({ examples: ['core.signals_live'] });
const host = z
  .string()
  .regex(/^[A-Za-z0-9.:_-]+$/)
  .meta({ examples: ['127.0.0.1'] });
const allowedHosts = z.array(host).max(100);
const channels = z.array(z.enum(CHANNEL_NAMES));
const searchRange = z.tuple([fraction, fraction]);

const rateSteps = z.array(z.tuple([z.number().min(0).max(1), z.number().gt(0).max(1)])).max(20);

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
};

/** Columns of the table of runs, in the order in which they are delivered: those of the specification first. */
const RETRAIN_RUN_COLUMNS = [
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
      .regex(/^[A-Za-z][A-Za-z0-9 ]*(\(\d+(, ?\d+)?\))?[A-Za-z ]*$/)
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
  retrain_incremental_cron: z
    .string()
    .min(1)
    .nullable()
    .meta({ examples: ['30 21 * * 1-5'] }),
  retrain_retry_max: z.int().min(0).max(20),
  retrain_retry_delay_minutes: z.int().min(0).max(1440),
  retrain_limit_minutes: z.number().gt(0).max(20_000).nullable(),
  retrain_min_free_mb: z.int().min(0).max(10_000_000),
  retrain_notification_channel: z
    .string()
    .min(1)
    .meta({ examples: ['#ml-ops'] }),
  notification_routes: z.strictObject({ critical: channels, warning: channels, info: channels }),
  notification_email_from: z.string().min(3),
  notification_email_to: z.array(z.string().min(3)),
  notification_rate_per_minute: z.int().min(1).max(600),
  notification_retry_hours: z.number().gt(0).max(720),
  notification_repeat_hours: z.number().gt(0).max(720).nullable(),
  notification_link: z.url({ protocol: /^https?$/ }).nullable(),
  notification_self_test_cron: z
    .string()
    .min(9)
    .nullable()
    .meta({ examples: ['0 9 * * 1'] }),
  notification_disk_min_mb: z.int().min(1).max(100_000_000),
  model_version_retention: z.int().min(2).max(1000),
  quality_min_samples: z.int().min(1).max(10_000_000),
  quality_f1_floor: z.number().min(0).lt(1),
  pass_rate_range: searchRange,
  adopt_min_auc: fraction,
  adopt_min_candidates: z.int().min(1).max(1_000_000),
  adopt_min_sharpe_gain: z.number().min(-100).max(100),
  adopt_max_auc_loss: z.number().min(0).max(1),
  executable_share_min: z.number().min(0).max(1),
  monitor_minutes: z.int().min(1).max(10_080),
  monitor_days: z.int().min(1).max(365),
  drift_psi_max: z.number().gt(0).max(10).nullable(),
  drift_mean_shift_max: z.number().gt(0).max(100).nullable(),
  drift_metric_gap: z.number().gt(0).max(10).nullable(),
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
  retrain_runs_table: tableName,
  retrain_runs_columns: z.array(runColumn).min(1),
};

export const ARCHIVE_TARGETS = ['NAS', 'LOCAL', 'S3', 'WASABI', 'B2'] as const;

const signalsValues = {
  signals_table: tableName,
  signals_history_table: tableName,
  archive_target: z.enum(ARCHIVE_TARGETS),
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

const symbolCosts = z.strictObject({
  spread_bps: z.number().min(0).max(1000).describe('Full quoted spread, ask − bid, in basis points of the price.'),
  commission_bps: z.number().min(0).max(1000).describe('Commission per side, in basis points of the traded value.'),
  slippage_bps: z
    .number()
    .min(0)
    .max(1000)
    .describe('Expected slippage per side beyond the spread, in basis points of the price.'),
  swap_long_bps_per_night: z
    .number()
    .min(-1000)
    .max(1000)
    .describe('What a night bought costs, in basis points of the value held; positive is paid, negative received.'),
  swap_short_bps_per_night: z.number().min(-1000).max(1000).describe('The same of a night sold.'),
});

const windows = z.strictObject({
  beta_window: windowBars.describe('Rolling regression of ln A on ln B: beta, alpha and correlation.'),
  z_window: windowBars.describe('Mean and standard deviation of the spread behind z_score.'),
  vol_short: windowBars.describe('Short volatility, the numerator of vol_jump, and the recent volume. Below vol_long.'),
  vol_window: windowBars.describe('Volatility of the legs and of the hedged return, and the faster z-score.'),
  vol_long: windowBars.describe('Long volatility, the denominator of vol_jump.'),
  atr_short: windowBars.describe('Short average true range, the numerator of ATR_ratio. Below atr_long.'),
  atr_long: windowBars.describe('Long average true range, the denominator of ATR_ratio.'),
  stability_window: windowBars.describe('How steady beta was, and how far beta and correlation have moved.'),
  half_life_window: windowBars.describe('Speed of reversion and half-life of the spread.'),
  pnl_window: windowBars.describe("Standard deviation of the unit position's profit and loss (pnl_std)."),
  activity_window: windowBars.describe('Share of bars in which the legs moved, and of minutes that are missing.'),
  volume_window: windowBars.describe('Usual volume, against which the recent volume is measured.'),
});

const decision = z.strictObject({
  z_entry: z.number().gt(0).max(20).describe('A bar is an entry candidate when |z| is at least this, in σ.'),
  z_exit: z
    .number()
    .min(0)
    .max(20)
    .describe('An open position is closed when its frozen z has reverted to this, in σ. Below z_entry.'),
  stop: z
    .number()
    .gt(0)
    .max(20)
    .describe('An open position is stopped when its frozen z has moved this much further out than at its entry, in σ.'),
  max_age_bars: z.int().min(1).max(10_000).describe('An open position is closed after this many bars.'),
  beta_min: z
    .number()
    .min(0)
    .max(1000)
    .describe('Smallest |beta| that is traded; below it the bar is HOLD BETA_RANGE.'),
  beta_max: z.number().gt(0).max(1000).describe('Largest |beta| that is traded; above it the bar is HOLD BETA_RANGE.'),
  risk_exit: z
    .number()
    .gt(0)
    .max(1)
    .describe('An open position is closed when risk_score (0 to 1) reaches this. Not below the search range of θ2.'),
});

const label = z.strictObject({
  horizon_bars: z
    .int()
    .min(1)
    .max(10_000)
    .describe('How far the labels of AI2 and AI3 look ahead, in bars; AI1 is always evaluated on 60.'),
  leverage: z
    .number()
    .gt(0)
    .max(1000)
    .describe('Position value over margin: turns returns into fractions of margin for drawdown and profit and loss.'),
  target_sigma: z
    .number()
    .gt(0)
    .max(1)
    .describe(
      "Volatility target of AI3: standard deviation of the unit position's profit and loss over the horizon, as a fraction of margin.",
    ),
});

/** How the trees of one model are grown. */
const trees = z.strictObject({
  rounds: z.int().min(1).max(5000).describe('Trees at most; boosting ends earlier when they stop helping.'),
  learning_rate: z.number().gt(0).max(1).describe('Weight of each tree; smaller learns slower and needs more rounds.'),
  leaves: z.int().min(2).max(255).describe('Leaves per tree at most.'),
  min_data_in_leaf: z.int().min(1).max(1_000_000).describe('Rows a leaf must hold at least.'),
  l2: z.number().min(0).max(10_000).describe('L2 penalty on leaf values.'),
  row_fraction: z.number().gt(0).max(1).describe('Fraction of rows drawn for each tree.'),
  column_fraction: z.number().gt(0).max(1).describe('Fraction of features drawn for each tree.'),
});

const train = z.strictObject({
  engine: z
    .enum(ENGINES)
    .describe(
      `What learns the trees. ${BUILT_IN_ENGINES.join(' and ')} are built in; ${NATIVE_ENGINES.join(' and ')} need their library.`,
    ),
  ai1: trees.describe('Whether the spread reverts is mostly noise: small trees, much averaging.'),
  ai2: trees.describe('Risk has clear causes: larger trees pay.'),
  ai3: trees.describe('Volatility of the next hour, likewise.'),
  folds: z.int().min(2).max(20).describe('Folds of the purged cross-validation.'),
  holdout_fraction: z
    .number()
    .gt(0)
    .max(0.5)
    .describe('Holdout as a fraction of time; gates and NO_EDGE are evaluated on it.'),
  max_rows: z
    .int()
    .min(1000)
    .max(10_000_000)
    .describe('Training rows per model at most; beyond, rows are thinned evenly in time.'),
  min_bars: z.int().min(100).max(10_000_000).describe('A pair with fewer bars than this is left out of training.'),
  warm_start_rounds: z
    .int()
    .min(1)
    .max(1000)
    .describe(
      'Trees that `train --warm-start` adds to each model as it was last learned in full, at most; none where none helps.',
    ),
  warm_start_min_days: z.number().gt(0).max(3650).describe('Days of bars since then that a warm start needs.'),
  max_warm_starts: z
    .int()
    .min(1)
    .max(1000)
    .describe('Times in a row that models are warm-started before they must be learned in full.'),
});

const search = z.strictObject({
  trials: z
    .int()
    .min(0)
    .max(10_000)
    .describe(
      "Trials of each model's parameters, the configured ones first; 0 takes those. `train --trials` overrides it.",
    ),
  limit_minutes: z
    .number()
    .gt(0)
    .max(10_000)
    .nullable()
    .describe('Time limit of the search; null = none. With a limit the result depends on the machine.'),
  max_rows: z
    .int()
    .min(1000)
    .max(10_000_000)
    .describe('Rows of a trial at most, evenly thinned; what is found is learned from all.'),
  label: z
    .boolean()
    .describe("Search the barriers of AI1's training label too; measures stay on the evaluation label."),
  theta_evaluations: z
    .int()
    .min(0)
    .max(10_000)
    .describe('Pairs of θ1 and θ2 that are backtested on out-of-fold scores at most; 0 takes the initial ones.'),
  min_trades: z.int().min(1).max(1_000_000).describe('Trades that a pair of thresholds must make there to be chosen.'),
});

const feed = z.strictObject({
  interval_ms: z
    .int()
    .min(10)
    .max(3_600_000)
    .describe('Time between two bars of a live market. A signal is valid for 2.5 intervals.'),
  straggler_timeout_ms: z
    .int()
    .min(1)
    .max(3_600_000)
    .describe('How long the first leg of a minute waits for the other before HOLD LEG_MISSING. Below interval_ms.'),
  max_clock_skew_ms: z
    .int()
    .min(0)
    .max(60_000)
    .describe('Clock difference up to which a bar ahead of this machine is accepted.'),
  max_bars_per_request: z.int().min(1).max(1_000_000).describe('Bars in one request at most.'),
  max_body_bytes: z.int().min(1024).max(1_073_741_824).describe('Size of one request body at most.'),
  budget_ms: z
    .int()
    .min(1)
    .max(60_000)
    .describe('From a bar to its signals at most; a minute that took longer is counted and logged.'),
  silence_degraded_intervals: z
    .number()
    .min(1.5)
    .max(10_000)
    .describe('Intervals without a bar after which a pair publishes HOLD SILENCE, mode DEGRADED, each interval.'),
  silence_halt_intervals: z
    .number()
    .min(1.5)
    .max(10_000)
    .describe('After this many intervals without a bar the mode is HALT. Above silence_degraded_intervals.'),
});

const screen = z.strictObject({
  enabled: z.boolean().describe('Hold back suspect bars (HOLD BAR_SUSPECT). false takes every bar.'),
  sigmas: z
    .number()
    .min(5)
    .max(10_000)
    .describe(
      'A bar is suspect when its high or low is farther than this from the last trusted close, in robust standard deviations of the symbol’s last 240 one-minute moves, times the square root of the minutes in between.',
    ),
  min_move_bps: z
    .number()
    .min(0)
    .max(10_000)
    .describe('A bar that is no farther away than this, in basis points, is never suspect.'),
});

const inference = z.strictObject({
  engine: z
    .enum(['auto', 'onnxruntime'])
    .describe(
      'auto scores tree ensembles in WebAssembly where onnxruntime has confirmed the answers; onnxruntime uses nothing else.',
    ),
  slow_ms: z
    .int()
    .min(1)
    .max(60_000)
    .describe('A model set that takes longer for a batch, twice in a row, is replaced by its predecessor.'),
});

const simulated = z.strictObject({
  seed: z.int().min(0).max(4_294_967_295).describe('Seed of the simulated market: same seed, same prices.'),
  bar_interval_ms: z.int().min(1).max(3_600_000).describe('Wall-clock time between two simulated one-minute bars.'),
  start: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:00Z$/)
    .meta({ examples: ['2024-01-01T22:00:00Z'] })
    .describe("First minute of the simulated market's own clock, UTC."),
  history_bars: z.int().min(0).max(1_000_000).describe('Minutes of history for the first models.'),
  await_models_ms: z
    .int()
    .min(0)
    .max(3_600_000)
    .describe('How long the simulated market waits for first models before it begins without them.'),
});

const transports = z.strictObject({
  daemon: z
    .strictObject({
      host: host.describe('Address the daemon listens on. 127.0.0.1 is reachable from this machine only.'),
      allowed_hosts: allowedHosts.describe(
        'Further host names of requests and of web pages that may use the daemon, without a port.',
      ),
      port: port.describe(
        'Port of daemons whose shard has none; 0 takes a free one. MINUTEHAND_DAEMON_PORT overrides it.',
      ),
      engine: z
        .enum(['auto', 'uwebsockets', 'ws'])
        .describe('HTTP and WebSocket engine. auto takes uWebSockets.js when it loads, else ws.'),
      max_buffered_bytes: z
        .int()
        .min(1024)
        .max(1_073_741_824)
        .describe('A WebSocket reader that leaves more than this unread is dropped.'),
    })
    .describe('The daemon: bars in, signals out.'),
  trainer: z
    .strictObject({
      host: host.describe('Address the trainer listens on.'),
      allowed_hosts: allowedHosts.describe('As that of the daemon.'),
      port: port.describe('Port of the trainer; 0 takes a free one. MINUTEHAND_TRAINER_PORT overrides it.'),
    })
    .describe('HTTP of the trainer: dashboard, API, health.'),
  redis: z
    .strictObject({
      url: z
        .string()
        .regex(/^(rediss?|unix):\/\/.+$/)
        .meta({ examples: ['redis://127.0.0.1:6379', 'rediss://user:password@host', 'unix:///run/redis/redis.sock'] })
        .describe('URL of Redis: redis://, rediss:// (TLS) or unix://. MINUTEHAND_REDIS_URL overrides it.'),
      ca_file: z
        .string()
        .min(1)
        .nullable()
        .meta({ examples: ['/etc/minutehand/redis_ca.pem'] })
        .describe("PEM file of trusted certificates for rediss://; null = the system's."),
      enabled: z.enum(['auto', 'off']).describe('auto uses Redis whenever it responds; off never connects.'),
      key_ttl_ms: z.int().min(1000).max(86_400_000).describe('Expiry of the keys minutehand:signal:<pair_id>.'),
      stream_maxlen: z.int().min(1).max(10_000_000).describe('Entries kept in the stream minutehand:signals, about.'),
      connect_timeout_ms: z.int().min(10).max(60_000).describe('A connection that takes longer counts as absent.'),
      command_timeout_ms: z.int().min(10).max(60_000).describe('A command that takes longer counts as failed.'),
      max_batches_in_flight: z
        .int()
        .min(1)
        .max(1000)
        .describe('Unanswered batches at most; beyond, signals are skipped and counted.'),
    })
    .describe('Redis is used when it answers; files and WebSocket never wait for it.'),
  files: z
    .strictObject({ enabled: z.boolean().describe('Write signal files at every bar.') })
    .describe('Signal files, the way MetaTrader reads them.'),
});

const log = z.strictObject({
  level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .describe('Least severe line that is written.'),
});

const market = z.enum(['live', 'simulated']);

const minutehandFile = z.strictObject({
  market: market.describe(
    'Where bars come from. simulated: a seeded market of its own, no expert advisor trades on it. live: bars that are sent in. MINUTEHAND_MARKET wins.',
  ),
  pairs: z.array(pairId).min(1).describe('The pairs, leg A first: A is explained by B.'),
  shards: z
    .record(shardName, z.union([shardList, z.strictObject({ pairs: shardList, port })]))
    .describe(
      'Daemons and their pairs: a list, or all; {pairs, port} sets the port. Every pair is in exactly one shard.',
    ),
  symbols: z
    .record(symbol, symbolCosts)
    .describe(
      'Costs per symbol, in basis points. The spread is paid once per round trip, commission and slippage twice, overnight swaps at each rollover (17:00 New York, three on Wednesdays).',
    ),
  windows: windows.describe('Look-back windows of the features, in bars of a pair, the current bar included.'),
  decision: decision.describe('Rules of entry and exit. Part of policy_hash.'),
  label: label.describe('What the models are taught.'),
  train: train.describe('Parameters of learning.'),
  search: search.describe('How training looks for better parameters and thresholds.'),
  feed: feed.describe('External bars: pace, timeouts and limits.'),
  screen: screen.describe('Bad ticks: bars that wait for the next one to confirm or refute them.'),
  inference: inference.describe('How models are scored.'),
  simulated: simulated.describe('The market for trying things out; no expert advisor trades on it.'),
  transports: transports.describe('Ways in and out.'),
  log: log.describe('What is logged.'),
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
  port,
  redisUrl: transports.shape.redis.shape.url,
  archiveTarget: signalsValues.archive_target,
};

/** Objects, lists and tuples to the bottom. */
export type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;

type Values<S extends Shape> = { readonly [Key in keyof S]: DeepReadonly<z.infer<S[Key]>> };

export type CorePolicy = Values<typeof coreValues>;
export type RetrainPolicy = Values<typeof retrainValues>;
export type SignalsPolicy = Values<typeof signalsValues>;
export type MinutehandSettings = DeepReadonly<z.infer<typeof minutehandFile>>;

export type ArchiveTarget = (typeof ARCHIVE_TARGETS)[number];

/** Whether archives are kept in a folder; else in a bucket. */
export function isFolderTarget(target: ArchiveTarget): boolean {
  return target === 'LOCAL' || target === 'NAS';
}
export type RetrainRunColumn = z.infer<typeof runColumnName>;
export type SymbolCosts = MinutehandSettings['symbols'][string];
export type Windows = MinutehandSettings['windows'];
export type DecisionPolicy = MinutehandSettings['decision'];
export type LabelPolicy = MinutehandSettings['label'];
export type TrainPolicy = MinutehandSettings['train'];
export type FeedPolicy = MinutehandSettings['feed'];
export type SimulatedSettings = MinutehandSettings['simulated'];
export type Transports = MinutehandSettings['transports'];
export type DaemonTransport = Transports['daemon'];
export type TrainerTransport = Transports['trainer'];
export type RedisTransport = Transports['redis'];
export type FileTransport = Transports['files'];
export type LogSettings = MinutehandSettings['log'];
