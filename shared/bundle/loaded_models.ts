import type { Expectation } from '../core/cost/expected_net.ts';
import type { BundleModel, PerBundleModel } from './bundle_models.ts';
import type { FeatureSchema } from './feature_schema.ts';
import type { InputNovelty } from './input_novelty.ts';
import type { Manifest } from './manifest.ts';
import type { ScoringEngine } from './scoring_engine.ts';

/**
 * The answers of the models for one batch; row i belongs to row i of the features. Overwritten by the next call.
 */
export interface BatchScores {
  readonly return_prob: Float64Array;
  /** Calibrated probability of AI2, before its rank is taken. */
  readonly risk_prob: Float64Array;
  readonly risk_score: Float64Array;
  readonly position_scale: Float64Array;
  /** Result before costs, in standard deviations of the spread; NaN where the bundle has no model of it. */
  readonly result_sigmas: Float64Array;
  /**
   * Share of AI1's training rows that are farther out than a row of the batch. Measured when it is asked for, as few
   * rows are candidates of an entry: the features of the batch must still be in place. Absent: the bundle does not
   * describe its training rows. NaN for a pair of a group whose AI1 has no description.
   */
  readonly novelty?: (row: number) => number;
}

/** Models that are verified, warm and ready to be swapped in together. */
export interface ModelSet {
  readonly version: string;
  readonly modelsHash: string;
  readonly manifest: Manifest;
  /** Of the rows that it scores. */
  readonly schema: FeatureSchema;
  readonly theta1: number;
  readonly theta2: number;
  readonly engines: PerBundleModel<ScoringEngine>;
  /** Reason for the engine of each model, as text. */
  readonly engineNotes: PerBundleModel<string>;
  /** Calibration of the expected result; older bundles have none. */
  readonly expectation?: Expectation;
  /** Of AI1's inputs; absent: the bundle does not describe its training rows. */
  readonly novelty?: InputNovelty;
  /** Sets of the groups that have models of their own; absent = one set serves all pairs. */
  readonly groups?: SetGroups;
  hasEdge(pairId: string): boolean;
  /**
   * Scores the first `rows` rows of `features`, [rows × columns], or [rows × bars × columns] where models get a
   * sequence. At once, and without allocating, when our own code serves all models; else a promise.
   * @param only models of the set to be used; the answers of the others are undefined. Default: all
   * @param pairs id of the pair of each row; needed where there are groups
   * @throws RangeError more rows than the set was loaded for
   * @throws MinutehandError MODEL_OUTPUT when an answer is not within [0, 1]; at once or by the promise
   */
  infer(
    features: Float32Array,
    rows: number,
    only?: readonly BundleModel[],
    pairs?: readonly string[],
  ): BatchScores | Promise<BatchScores>;
  /** Gives memory and sessions back. Not to be used afterward. */
  release(): Promise<void>;
}

/** The parts of a set with groups: one model set per group. */
export interface SetGroups {
  readonly pooled: ModelSet;
  readonly own: readonly { readonly name: string; readonly pairs: readonly string[]; readonly set: ModelSet }[];
  /** The set that scores the pair. */
  serving(pairId: string): ModelSet;
}

/** The models, thresholds and calibration that apply to a pair. */
export function servingSet(set: ModelSet, pairId: string): ModelSet {
  return set.groups === undefined ? set : set.groups.serving(pairId);
}

/** The set itself, or the parts of a set with groups, the pooled one first. */
export function partsOfSet(set: ModelSet): readonly ModelSet[] {
  return set.groups === undefined ? [set] : [set.groups.pooled, ...set.groups.own.map((group) => group.set)];
}
