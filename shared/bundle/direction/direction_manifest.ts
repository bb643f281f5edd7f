import { MARKETS } from '../../signal/signal.ts';
import * as z from 'zod';
import { recordedGateSchema } from '../gates/gate_schema.ts';
import { importedModelSchema } from '../imported_model.ts';
import { inputDescriptionSchema } from '../input_novelty.ts';
import { trainingWarningSchema } from '../training_warning.ts';

export const DIRECTION_FORMAT = 'minutehand.direction/2';
/** Its gates are texts. It is read as it is. */
export const WRITTEN_DIRECTION_FORMAT = 'minutehand.direction/1';
export const DIRECTION_FILE = 'direction.onnx';
export const DIRECTION_REPORT = 'validation.json';
/** All of a bundle that a daemon reads, but its signature. */
export const DIRECTION_FILES: readonly string[] = ['manifest.json', DIRECTION_FILE, DIRECTION_REPORT];

/** Per fill, in bundles that do not state their costs. */
export const EARLIER_COSTS = { taker_fee_bps: 5, slippage_bps: 1 };

const share = z.number().min(0).max(1);
const metric = z.number().nullable();
const classEpochs = z.array(
  z.strictObject({
    loss: z.number(),
    stopping_loss: metric,
    /** Share of the answers of which up, down and range is the likeliest. */
    class_shares: z.array(share).length(3),
  }),
);
const file = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), bytes: z.int().positive() });
const positive = z.number().positive();

const instrumentEdge = z.object({
  no_edge: z.boolean(),
  trades: z.int().nonnegative(),
  net_bps: metric,
  /** Lower bound of the mean net result at the level at which it was tested: 5 % over all instruments. */
  lower_net_bps: metric,
  /** Of a mean net result that is not above 0, adjusted for all claims (Holm); absent in earlier bundles. */
  p_value: metric.optional(),
});
export type InstrumentEdge = z.infer<typeof instrumentEdge>;

/** A bundle of the direction model. Arrays of three: up, down, range. */
export const directionManifestSchema = z.strictObject({
  format: z.enum([DIRECTION_FORMAT, WRITTEN_DIRECTION_FORMAT]),
  version: z.string(),
  created: z.iso.datetime(),
  git_commit: z.string().nullable(),
  /** Origin of the bars; absent in earlier bundles, which learned from files: live. */
  market: z.enum(MARKETS).optional(),
  engine: z.object({ name: z.string(), parameters: z.record(z.string(), z.number()) }),
  /** A model that was learned elsewhere, as it was brought; absent: it was learned here. */
  imported: importedModelSchema.optional(),
  /** Seconds per bar. */
  timeframe: z.int().positive(),
  /**
   * Look-backs; as `formulas` the formulas that the model learned from, and as `sequence` the bars whose features it
   * gets together; absent: none, one.
   */
  windows: z.record(z.string(), z.union([z.int(), z.string()])),
  feature_schema: z.string(),
  features: z.array(z.string()).min(1),
  instruments: z.array(z.string()).min(1),
  /** Auxiliary series, and `taker_buy_volume`, that had values in training; absent in earlier bundles. */
  sources: z.array(z.string()).optional(),
  period: z.object({ from: z.string(), to: z.string() }),
  data_hash: z.string(),
  /** What trains it again from the same bars and series; absent in earlier bundles. */
  training: z
    .strictObject({
      seed: z.int().nonnegative(),
      /** Open of the first bar, and end of the last one. */
      from: z.iso.datetime(),
      to: z.iso.datetime(),
      /** Parameters of its job (`minutehand job schema`). */
      parameters: z.record(z.string(), z.unknown()),
      /** Identity of the rows of training and evaluation, as `dataset export --role direction` states it. */
      dataset_id: z.string().regex(/^[0-9a-f]{64}$/),
      /** Smallest novelty of its entries, in the policy of its training; absent: any. */
      novelty_min: z.number().optional(),
    })
    .optional(),
  label: z.object({ unit: z.enum(['percent', 'sigmas']), threshold: positive, horizon: z.int().positive() }),
  balance: z.string(),
  /** Per class, inside the graph already. */
  calibration: z.object({ kind: z.string(), slope: z.array(z.number()), intercept: z.array(z.number()) }),
  strategy: z.object({
    theta_up: share,
    theta_down: share,
    stop: positive,
    target: positive,
    max_age_bars: z.int().positive(),
  }),
  /** Walk-forward, on the evaluation label. */
  metrics: z.object({
    rows: z.int(),
    log_loss: z.number(),
    log_loss_prior: z.number(),
    brier: z.number(),
    class_wise_ece: z.number(),
    auc: z.array(metric),
    up_or_down_auc: metric,
    net_bps: metric,
    lower_5_net_bps: metric,
    upper_95_net_bps: metric,
    trades: z.int(),
    /** Standard errors by days; absent in earlier bundles. */
    auc_errors: z.array(metric).optional(),
    up_or_down_error: metric.optional(),
    /**
     * Macro F1 of the most probable class, that of each class, and of as many random answers; absent in earlier
     * bundles.
     */
    f1: z.number().optional(),
    f1_by_class: z.array(z.number()).optional(),
    f1_chance: z.number().optional(),
    /** Lower bound of F1 − chance at 2 %. */
    f1_gain_lower: metric.optional(),
    /** Mean recall of the classes; absent in earlier bundles. */
    balanced_accuracy: share.optional(),
  }),
  /** The rows that the model was trained on; absent in earlier bundles. */
  inputs: inputDescriptionSchema.optional(),
  /** Share of each class in the training rows; absent in earlier bundles. */
  base_rates: z.array(share).length(3).optional(),
  /** Per fill; absent in earlier bundles: 5 and 1. */
  costs: z.object({ taker_fee_bps: z.number().nonnegative(), slippage_bps: z.number().nonnegative() }).optional(),
  /** Bias of the walk-forward predictions; absent in earlier bundles. */
  bias: z
    .object({
      overall_balance: metric,
      buy_sell_ratio: metric,
      distribution_std: metric,
      prediction_min: metric,
      prediction_max: metric,
      largest_variance_24h: metric,
      bull_market_buy_ratio: metric,
      bear_market_sell_ratio: metric,
      /**
       * Mean of the predictions on the bars that moved, and the share of them that went up; absent in earlier bundles.
       */
      outcome_predicted: metric.optional(),
      outcome_observed: metric.optional(),
      /** What a model is refused for; in earlier bundles without gates: calls that differ from the base rate. */
      biased: z.array(z.string()),
      /** What was outside other limits, in earlier bundles. */
      warnings: z.array(z.string()).optional(),
    })
    .optional(),
  /** Success targets and what was measured, for information: no target decides anything. */
  targets: z
    .array(
      z.object({
        name: z.string(),
        goal: z.string(),
        measured: metric,
        met: z.boolean(),
        /** Whether no honest model reaches the measured value: it is not met then. */
        implausible: z.boolean().optional(),
      }),
    )
    .optional(),
  /** Of the model and the bars that it learned from; absent without any. */
  warnings: z.array(trainingWarningSchema).min(1).optional(),
  /** Results of the gates of its training; absent in earlier bundles. */
  gates: z.array(recordedGateSchema).optional(),
  edge: z.record(z.string(), instrumentEdge),
  /** Of a network: what was seen after each epoch of its fit on all rows. */
  epochs: classEpochs.optional(),
  /** Of an ensemble: its members, and how much each counts in the weighted sum; older bundles: none. */
  members: z
    .array(z.strictObject({ learner: z.string(), weight: z.number(), epochs: classEpochs.optional() }))
    .optional(),
  /** Number of the look at the evaluated blocks, from 1: later ones show an edge less easily; absent: not counted. */
  evaluation_look: z.int().positive().optional(),
  files: z.strictObject({ [DIRECTION_FILE]: file, [DIRECTION_REPORT]: file }),
  /** Inputs (null = missing) and the three answers to each, within 1e-5. */
  golden: z.object({
    features: z.array(z.array(z.number().nullable())).min(1),
    probabilities: z.array(z.array(share).length(3)),
  }),
});
export type DirectionManifest = z.infer<typeof directionManifestSchema>;

/** Bars whose features the model gets together, the oldest first; 1 = those of the newest alone. */
export function directionBars({ windows: { sequence } }: Pick<DirectionManifest, 'windows'>): number {
  return typeof sequence === 'number' ? sequence : 1;
}
