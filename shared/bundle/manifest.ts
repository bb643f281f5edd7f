import { z } from 'zod';

export const BUNDLE_FORMAT = 'minutehand.bundle/1';
export const MODEL_FILES = { ai1: 'ai1.onnx', ai2: 'ai2.onnx', ai3: 'ai3.onnx' } as const;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const share = z.number().min(0).max(1);
const metric = z.number().nullable();

function isAscending(values: readonly number[]): boolean {
  return values.every((value, i) => i === 0 || value >= values[i - 1]!);
}

const modelMetrics = z.object({
  rows: z.int().nonnegative(),
  /** Mean of the label: the share of positives, or the mean target of AI3. */
  label_mean: metric,
  auc: metric,
  brier: metric,
  /** Brier score of always answering `label_mean`, which nobody could have known before: what a model has to beat. */
  brier_of_mean: metric,
  log_loss: metric,
  /** Expected calibration error, 10 equal-width bins. */
  ece: metric,
});
export type ModelMetrics = z.infer<typeof modelMetrics>;

const modelReport = z.object({
  /** Purged k-fold with embargo inside the training period, each fold scored by a model that never saw it. */
  cross_validation: z.object({ mean: modelMetrics, folds: z.array(modelMetrics) }),
  /** The last part of the period, used for no choice at all. */
  holdout: modelMetrics,
  holdout_by_pair: z.record(z.string(), modelMetrics),
});
export type ModelReport = z.infer<typeof modelReport>;

const pairEdge = z.object({
  no_edge: z.boolean(),
  trades: z.int().nonnegative(),
  mean_gross_bps: metric,
  mean_net_bps: metric,
  /** Lower 5 % bound of a block bootstrap of the mean net P&L per trade. */
  lower_5_net_bps: metric,
});
export type PairEdge = z.infer<typeof pairEdge>;

export const manifestSchema = z.strictObject({
  format: z.literal(BUNDLE_FORMAT),
  version: z.string().regex(/^\d{8}_\d{4}(_\d+)?$/),
  created: z.iso.datetime(),
  /** Where the bars came from: models of a simulated market say so. */
  market: z.enum(['live', 'simulated']),
  seed: z.int(),
  git_commit: z.string().nullable(),
  feature_schema: z.string(),
  features: z.array(z.string()),
  windows: z.record(z.string(), z.int()),
  pairs: z.array(z.string()),
  period: z.object({ from: z.string(), to: z.string(), holdout_from: z.string() }),
  data_hash: sha256,
  label_policy: z.record(z.string(), z.number()),
  engine: z.object({ name: z.string(), parameters: z.record(z.string(), z.number()) }),
  theta1: share,
  theta2: share,
  /** Quantiles of the risk probability among the entry candidates of training; risk_score is the rank in them. */
  risk_knots: z.array(share).refine(isAscending, 'not ascending'),
  metrics: z.object({ ai1: modelReport, ai2: modelReport, ai3: modelReport, ai2_parts: z.record(z.string(), share) }),
  /** Net result of the holdout per pair; `no_edge` pairs are published with HOLD NO_EDGE. */
  edge: z.record(z.string(), pairEdge),
  files: z.object({
    'ai1.onnx': z.object({ sha256, bytes: z.int().positive() }),
    'ai2.onnx': z.object({ sha256, bytes: z.int().positive() }),
    'ai3.onnx': z.object({ sha256, bytes: z.int().positive() }),
  }),
  /** Inputs (null = missing) and the answers expected of each model, within 1e-5. */
  golden: z.object({
    features: z.array(z.array(z.number().nullable())).min(1),
    ai1: z.array(share),
    ai2: z.array(share),
    ai3: z.array(share),
  }),
});
export type Manifest = z.infer<typeof manifestSchema>;
