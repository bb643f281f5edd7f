import { MARKETS } from '../signal/signal.ts';
import * as z from 'zod';
import { MODEL_NAMES } from '../core/features/feature.ts';
import { GROUP_NAME } from '../pair.ts';
import { VERSION } from './version_name.ts';
import { recordedGateSchema } from './gates/gate_schema.ts';
import { importedModelSchema } from './imported_model.ts';
import { inputDescriptionSchema } from './input_novelty.ts';
import { trainingWarningSchema } from './training_warning.ts';
import { bundleModels, groupFile, MODEL_FILES, modelFile, NET_FILE } from './bundle_models.ts';

export * from './bundle_models.ts';

export const BUNDLE_FORMAT = 'minutehand.bundle/3';
/** Its gates are texts. It is read as it is. */
export const WRITTEN_GATES_FORMAT = 'minutehand.bundle/2';
/** Without `efficiency_ratio`, `risk_quantiles`, `warm_start_from`, which had other names. */
export const FORMER_FORMAT = 'minutehand.bundle/1';
/** Reports of validation, for people: the daemon does not read it. */
export const VALIDATION_FILE = 'validation.json';
/** Reference for live bars; read by the trainer's monitor. */
export const MONITOR_FILE = 'monitor.json';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const share = z.number().min(0).max(1);
const metric = z.number().nullable();

function isAscending(values: readonly number[]): boolean {
  return values.every((value, i) => i === 0 || value >= values[i - 1]!);
}

function areDistinct(groups: readonly { readonly name: string; readonly pairs: readonly string[] }[]): boolean {
  const pairs = groups.flatMap((group) => group.pairs);
  return new Set(pairs).size === pairs.length && new Set(groups.map(({ name }) => name)).size === groups.length;
}

const bundleFile = z.object({ sha256, bytes: z.int().positive() });

const modelMetrics = z.object({
  rows: z.int().nonnegative(),
  /** Mean of the label: the share of positives, or the mean target of AI3. */
  label_mean: metric,
  auc: metric,
  brier: metric,
  /**
   * Brier score of the constant prediction `label_mean`, which is unknown in advance: the baseline that a model must
   * beat.
   */
  brier_baseline: metric,
  log_loss: metric,
  /** Expected calibration error, 10 equal-width bins. */
  ece: metric,
});
export type ModelMetrics = z.infer<typeof modelMetrics>;

const splitMetrics = z.object({ mean: modelMetrics, folds: z.array(modelMetrics) });

/** What was seen after each epoch of the last fit of a network, on all rows. */
const epochReports = z.array(z.object({ loss: z.number(), stopping_loss: metric, positive_share: share }));

/** A member of an ensemble, and how much it counts in the weighted sum. */
const memberReport = z.object({ learner: z.string(), weight: z.number(), epochs: epochReports.optional() });

const modelReport = z.object({
  /** Rows it was trained on, and the number of independent rows. */
  rows: z.int().nonnegative().optional(),
  effective_rows: z.number().optional(),
  trees: z.int().nonnegative().optional(),
  /** Of a network. */
  epochs: epochReports.optional(),
  /** Of an ensemble; older bundles: none. */
  members: z.array(memberReport).optional(),
  /** Platt scaling inside the graph; null where it did not help out of fold. */
  calibration: z.object({ slope: z.number(), intercept: z.number() }).nullable().optional(),
  /** Purged k-fold with embargo inside the training period, each fold scored by a model that was not trained on it. */
  cross_validation: splitMetrics,
  /** Blocks of the training period, each scored by a model of what came before. */
  walk_forward: splitMetrics.optional(),
  /** The last part of the period, used for no choice at all. */
  holdout: modelMetrics,
  holdout_by_pair: z.record(z.string(), modelMetrics),
  /**
   * Of a pooled model beside those of groups: the holdout of the pairs that it serves. Older bundles have none.
   */
  holdout_served: modelMetrics.optional(),
});
export type ModelReport = z.infer<typeof modelReport>;

const pairEdge = z.object({
  no_edge: z.boolean(),
  trades: z.int().nonnegative(),
  /** Those that earned after costs. */
  wins: z.int().nonnegative().optional(),
  mean_gross_bps: metric,
  mean_net_bps: metric,
  /**
   * Lower bound of the mean net P&L per trade, above 0 where there is an edge: a single false edge among all pairs, and
   * all evaluations of the holdout, has a probability of at most 5 %. Older bundles: lower 5 % bound of a block
   * bootstrap.
   */
  lower_5_net_bps: metric,
  /** p-value of a mean above 0, that adjusted for the number of pairs, and the one-sided level of the bound. */
  p: share.optional(),
  adjusted_p: share.optional(),
  bound_level: share.optional(),
  /** Loss of a single trade, basis points, that the test allows for though none was seen; older bundles: none. */
  allowed_loss_bps: metric.optional(),
  /** Mean round-trip cost that was charged, and the one at which the trades earn nothing; without overnight swaps. */
  mean_cost_bps: metric.optional(),
  break_even_cost_bps: metric.optional(),
});
export type PairEdge = z.infer<typeof pairEdge>;

/** The holdout of all pairs, as if each had an edge, at full size, after costs. */
const holdoutBacktest = z.object({
  trades: z.int().nonnegative(),
  win_rate: metric,
  mean_net_bps: metric,
  /** Annualized, of trading days. */
  net_sharpe: metric,
  /** Fraction of the capital, which is the full-size gross notional. */
  max_drawdown: z.number().nonnegative(),
});
export type HoldoutBacktest = z.infer<typeof holdoutBacktest>;
/** Executability of the trades of the backtest. Basis points at full size, after costs. */
const executability = z.object({
  trades: z.int().nonnegative(),
  net_bps: metric,
  /** Multiple of the costs at which the mean result is 0. */
  break_even_cost: metric,
  /** Mean results of the same trades, entered so many minutes later. */
  delayed_net_bps: z.object({ after_1: metric, after_2: metric, after_5: metric }),
  /** Trades outside the widest 25 % of minutes, and what they earned, per trade of all. */
  narrow_trades: z.int().nonnegative(),
  narrow_net_bps: metric,
  /** By hour of the entry in New York: trades, and what they earned, per trade of all. */
  hours: z.array(z.object({ trades: z.int().nonnegative(), net_bps: z.number() })).length(24),
});
export type Executability = z.infer<typeof executability>;

/**
 * AUC on the holdout minus the mean AUC of the same model in placebo markets, whose bars were mirrored by coins: what
 * the model knows of direction, beyond volatility and the distances to the barriers.
 */
export const skillSchema = z.object({
  auc: share,
  placebo_auc: share,
  skill: z.number(),
  /** Of a bootstrap of trading days; null with too few of them. */
  standard_error: metric,
  /** Lower bound at 95 %, one-sided. */
  lower_95: metric,
  /** Placebo markets, and trading days. */
  draws: z.int().positive(),
  days: z.int().nonnegative(),
});
export type Skill = z.infer<typeof skillSchema>;

const parameter = z.union([z.number(), z.string(), z.boolean()]);

/**
 * Result of the search for better parameters of a model. Log losses are means over purged folds, on the evaluation
 * label.
 */
const searchReport = z.object({
  /** Of a network: `configured_log_loss`, `best_log_loss` and `gain` include this × |0.5 − mean answer|. */
  balance_penalty: z.number().optional(),
  trials: z.int().nonnegative(),
  complete: z.int().nonnegative(),
  pruned: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  configured_log_loss: z.number(),
  best_log_loss: z.number(),
  /** Distance of the best trial below the configured one, and its standard error over the folds. */
  gain: z.number(),
  gain_standard_error: z.number(),
  /** Standard errors that the gain must exceed: the best of as many trials does by chance in 5 % of searches. */
  gain_required_errors: z.number().optional(),
  /** The same in walk-forward, computed only where the gain is clear; else null. */
  forward_gain: metric.optional(),
  best_parameters: z.record(z.string(), parameter),
  /** Whether the models were learned by the best trial's parameters. */
  adopted: z.boolean(),
});
export type SearchReport = z.infer<typeof searchReport>;

/**
 * Choice of θ1 and θ2: backtests of the training period on out-of-fold scores. Ratios are annualized, after
 * costs.
 */
const thresholdReport = z.object({
  tried: z.int().nonnegative(),
  /** With enough trades, and the pass rate in its range. */
  allowed: z.int().nonnegative(),
  /** false: none was allowed, and the initial ones apply. */
  chosen: z.boolean(),
  net_sharpe: metric,
  trades: z.int().nonnegative(),
  pass_rate: share,
  /** Expected maximum Sharpe ratio of as many tries without skill. */
  expected_max_sharpe: metric,
  /** Probability that the true ratio is above 0, and above `expected_max_sharpe` (Bailey & López de Prado 2014). */
  probabilistic_sharpe: metric,
  deflated_sharpe: metric,
});
export type ThresholdReport = z.infer<typeof thresholdReport>;

/** Bins of `Expectation` in shared/core/cost/expected_net.ts. */
const expectation = z
  .object({
    promised: z.array(z.number()).min(1).refine(isAscending, 'not ascending'),
    earned: z.array(z.number()).min(1).refine(isAscending, 'not ascending'),
    bars_held: z.number().positive().optional(),
  })
  .refine(({ promised, earned }) => promised.length === earned.length, 'not as many');

const trees = z.int().nonnegative();

/** Of a bundle that was not learned in full, but is warm-started from one that was. */
const warmStartFrom = z.object({
  /** The bundle that was learned in full. */
  version: z.string(),
  /** Warm starts since then, this one included: from 1. */
  times: z.int().positive(),
  /** Start of the holdout of the full run: its trees use labels up to here. */
  learned_until: z.string(),
  /** Trees of the full run, which come first in each model. */
  trees: z.object({ ai1: trees, ai2: trees, ai3: trees }),
  /** What the warm start has changed; absent: it has added trees. */
  update: z.literal('calibration').optional(),
});
export type WarmStartFrom = z.infer<typeof warmStartFrom>;

/** Walk-forward of the model of the result: its trades by the costs that were charged, with and without the windows. */
const netTrades = z.object({
  costs: z.enum(['flat', 'profile']),
  windows: z.boolean(),
  trades: z.int().nonnegative(),
  gross_bps: metric,
  net_bps: metric,
  /** Bounds of a 90 % interval by the test of trading days; of older bundles, by a stationary bootstrap of them. */
  lower_5_net_bps: metric,
  upper_95_net_bps: metric,
  no_edge: z.boolean(),
});

const netReport = z.object({
  rows: z.int().nonnegative(),
  effective_rows: z.number(),
  trees,
  /** Share of the rows whose result was clipped. */
  clipped: share,
  walk_forward: z.array(netTrades),
});
export type NetReport = z.infer<typeof netReport>;

const golden = z.object({
  features: z.array(z.array(z.number().nullable())).min(1),
  ai1: z.array(share),
  ai2: z.array(share),
  ai3: z.array(share),
  net: z.array(share).optional(),
});

/** A group's own model against the pooled one, out of fold on the same rows of the training period. */
const pairedGain = z.object({
  rows: z.int().nonnegative(),
  /** UTC days by which the rows are paired. */
  days: z.int().nonnegative(),
  own_log_loss: metric,
  pooled_log_loss: metric,
  /** Log loss of the pooled model minus that of the own one, and its standard error over the days. */
  gain: metric,
  standard_error: metric,
  /** Standard errors that the gain must exceed; null with too few days. */
  required: metric,
  chosen: z.boolean(),
});
export type PairedGain = z.infer<typeof pairedGain>;

/** In place of the fields of the same name of the bundle, for the pairs of a group. */
const ownModels = z.strictObject({
  theta1: share,
  theta2: share,
  /** Choice of θ1 and θ2; null without one. */
  thresholds: thresholdReport.nullable(),
  risk_quantiles: z.array(share).refine(isAscending, 'not ascending'),
  expectation: expectation.optional(),
  /** Rows of its own AI1; absent where that is the pooled one. */
  inputs: inputDescriptionSchema.optional(),
  /** Of its own AI1; absent where that is the pooled one. */
  skill: skillSchema.nullable().optional(),
  /** Of the own models. */
  metrics: z.strictObject({ ai1: modelReport.optional(), ai2: modelReport.optional(), ai3: modelReport.optional() }),
  /** Files `<group>.<model>.onnx`; a model without one is the pooled one. */
  files: z.strictObject({ ai1: bundleFile.optional(), ai2: bundleFile.optional(), ai3: bundleFile.optional() }),
  golden,
});

const subjectGroup = z.strictObject({
  name: z.string().regex(GROUP_NAME),
  pairs: z.array(z.string()).min(1),
  /** Why the group has its own models, or uses the pooled ones. */
  verdict: z.string(),
  comparison: z.strictObject({ ai1: pairedGain, ai2: pairedGain, ai3: pairedGain }).optional(),
  /** Of the group's own models, where a model was chosen. */
  gates: z.array(recordedGateSchema).optional(),
  /** Absent: the pooled models serve the group. */
  own: ownModels.optional(),
});
export type SubjectGroup = z.infer<typeof subjectGroup>;

export const manifestSchema = z.strictObject({
  format: z.enum([BUNDLE_FORMAT, WRITTEN_GATES_FORMAT]),
  version: z.string().regex(VERSION),
  /** Summary of its training: policy_hash, and the settings of learning, label, decision and search. */
  configuration: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
  created: z.iso.datetime(),
  /** Origin of the bars: the models of a simulated market are marked. */
  market: z.enum(MARKETS),
  seed: z.int(),
  git_commit: z.string().nullable(),
  feature_schema: z.string(),
  features: z.array(z.string()),
  windows: z.record(z.string(), z.union([z.int(), z.string()])),
  pairs: z.array(z.string()),
  period: z.object({ from: z.string(), to: z.string(), holdout_from: z.string() }),
  warm_start_from: warmStartFrom.optional(),
  /** Models that were not trained here. */
  imported: z
    .strictObject({
      ai1: importedModelSchema.optional(),
      ai2: importedModelSchema.optional(),
      ai3: importedModelSchema.optional(),
    })
    .optional(),
  data_hash: sha256,
  /** Identity of the rows that were learned from and evaluated on. */
  dataset_id: sha256.optional(),
  label_policy: z.record(z.string(), z.number()),
  engine: z.object({ name: z.string(), parameters: z.record(z.string(), z.number()) }),
  theta1: share,
  theta2: share,
  /** Search; null without one. */
  search: z
    .object({
      ai1: searchReport.nullable(),
      ai2: searchReport.nullable().optional(),
      ai3: searchReport.nullable().optional(),
      thresholds: thresholdReport.nullable(),
    })
    .optional(),
  /** Quantiles of the risk probability among the entry candidates of training; risk_score is the rank in them. */
  risk_quantiles: z.array(share).refine(isAscending, 'not ascending'),
  /** Calibration of the expected result. Older bundles have none: the barriers' result applies. */
  expectation: expectation.optional(),
  /** Rows that AI1 was trained on; absent in older bundles, and where AI1 was not trained here. */
  inputs: inputDescriptionSchema.optional(),
  metrics: z.object({
    ai1: modelReport,
    ai2: modelReport,
    ai3: modelReport,
    /** Share of ones of each part of AI2's label alone. */
    ai2_parts: z.record(z.string(), share),
    ai2_parts_auc: z.record(z.string(), metric).optional(),
    net: netReport.optional(),
  }),
  /** Net result of the holdout per pair; `no_edge` pairs are published with HOLD NO_EDGE. */
  edge: z.record(z.string(), pairEdge),
  /**
   * Looks at this holdout up to this one, by trainings and searches of θ2 with other trades, and the probability of a
   * single false edge that this one may have. Older bundles have none.
   */
  holdout_look: z.object({ look: z.int().positive(), level: share }).optional(),
  /**
   * Configurations that this training tried on the bars before its holdout, and all that were ever tried on them in
   * its models folder, these included. The Sharpe ratio of the thresholds is deflated by the total. Older bundles have
   * none.
   */
  trials: z.object({ own: z.int().positive(), total: z.int().positive() }).optional(),
  backtest: holdoutBacktest.optional(),
  /** Of the holdout's trades: all pairs as if each had an edge, and those of the pairs with one. */
  executability: z.object({ all_pairs: executability, edge_pairs: executability }).optional(),
  /** Of AI1 over all pairs; null where it cannot be measured. Older bundles have none. */
  skill: skillSchema.nullable().optional(),
  /** Columns of a feature table whose values are not those that the daemon computes from the same bars. */
  outside_columns: z.array(z.string()).min(1).optional(),
  /** Of AI1 and the bars that it learned from; absent without any. */
  warnings: z.array(trainingWarningSchema).min(1).optional(),
  /** Gates of the training run, without the comparison with the active models. */
  gates: z.array(recordedGateSchema).optional(),
  /** Names of a bundle's own folder, and no others: no path leads out of it. */
  files: z.strictObject({
    'ai1.onnx': bundleFile,
    'ai2.onnx': bundleFile,
    'ai3.onnx': bundleFile,
    [NET_FILE]: bundleFile.optional(),
    [VALIDATION_FILE]: bundleFile.optional(),
    [MONITOR_FILE]: bundleFile.optional(),
  }),
  /** Inputs (null = missing) and the answers expected of each model, within 1e-5. */
  golden,
  /** Groups of pairs that were compared with the pooled models. A pair is in one of them at most. */
  groups: z.array(subjectGroup).min(1).refine(areDistinct, 'a name or a pair twice').optional(),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** A group with its own models. */
export type OwnGroup = SubjectGroup & { readonly own: NonNullable<SubjectGroup['own']> };

export function ownGroups({ groups = [] }: Pick<Manifest, 'groups'>): OwnGroup[] {
  return groups.flatMap((group) => (group.own === undefined ? [] : [{ ...group, own: group.own }]));
}

/** Names of all model files, those of the groups last. */
export function modelFiles(manifest: Pick<Manifest, 'files' | 'groups'>): string[] {
  const own = ownGroups(manifest).flatMap(({ name, own: { files } }) =>
    MODEL_NAMES.flatMap((model) => (files[model] === undefined ? [] : [groupFile(name, model)])),
  );
  return [...bundleModels(manifest).map(modelFile), ...own];
}

/** The manifest as it is for the pairs of a group. */
export function manifestOfGroup(manifest: Manifest, { pairs, own }: OwnGroup): Manifest {
  const { groups: _groups, expectation: _pooled, inputs: pooledInputs, ...kept } = manifest;
  const { theta1, theta2, thresholds, risk_quantiles, expectation: ofGroup, golden: answers } = own;
  const inputs = own.files.ai1 === undefined ? pooledInputs : own.inputs;
  const files = MODEL_NAMES.flatMap((name) => {
    const file = own.files[name];
    return file === undefined ? [] : [[MODEL_FILES[name], file]];
  });
  const reports = MODEL_NAMES.flatMap((name) => {
    const report = own.metrics[name];
    return report === undefined ? [] : [[name, report]];
  });
  return {
    ...kept,
    pairs,
    theta1,
    theta2,
    risk_quantiles,
    golden: answers,
    ...(ofGroup && { expectation: ofGroup }),
    ...(inputs && { inputs }),
    ...(kept.search && { search: { ...kept.search, thresholds } }),
    metrics: { ...kept.metrics, ...Object.fromEntries(reports) },
    files: { ...kept.files, ...Object.fromEntries(files) },
  };
}
