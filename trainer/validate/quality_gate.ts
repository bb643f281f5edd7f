import type { ModelName } from '../../shared/core/features/feature.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { GateResult } from '../gate/criteria.ts';
import { allPositiveF1, balancedWeights, confusion, confusionMetrics } from './confusion.ts';
import { auc } from './metrics.ts';
import { aucStandardError } from './noise.ts';

/** Models with a binary answer. AI3 predicts a share. */
export const QUALITY_MODELS: readonly ModelName[] = ['ai1', 'ai2'];

/** An AUC that noise reaches one time in 44. */
export const STANDARD_ERRORS = 2;

export interface QualityLimits {
  /** Rows a model must have been learned from. */
  readonly min_samples: number;
  /** Minimum F1 with equally weighted classes. */
  readonly f1_floor: number;
}

export function qualityLimits({ retrain }: Settings): QualityLimits {
  return { min_samples: retrain.quality_min_samples, f1_floor: retrain.quality_f1_floor };
}

/** Answers on rows that the model was not trained on, with labels of 0 and 1. */
export interface QualityCase {
  /** Rows it was learned from. */
  readonly samples: number;
  readonly scores: ArrayLike<number>;
  readonly labels: ArrayLike<number>;
  /** Positive above it. Chosen on other rows, as by `bestF1Threshold` on out-of-fold answers. */
  readonly threshold: number;
  /** Uniqueness of each row's label (noise.ts); every row is independent when absent. */
  readonly uniqueness?: ArrayLike<number> | null;
}

/**
 * The quality gate of a model: enough samples, an F1 at its floor and above that of all positive, and an AUC above
 * noise, which no threshold chosen by chance has. Both F1 use classes balanced by weights (nothing is resampled), so
 * that they do not depend on the rarity of a class: a coin flip has ½, all positive ⅔.
 * @throws RangeError when lengths differ or a label is neither 0 nor 1
 */
export function checkQuality(quality: QualityCase, limits: QualityLimits): GateResult[] {
  return [
    checkSamples(quality, limits.min_samples),
    checkF1(quality, limits.f1_floor),
    checkF1AboveAllPositive(quality),
    checkRanking(quality),
  ];
}

export function checkSamples({ samples }: Pick<QualityCase, 'samples'>, least: number): GateResult {
  return { name: 'samples', passed: samples >= least, seen: String(samples), limit: `at least ${least}` };
}

export function checkF1(quality: QualityCase, floor: number): GateResult {
  const f1 = balancedF1(quality);
  return {
    name: 'f1',
    passed: f1 !== null && f1 >= floor,
    seen: `${shown(f1)} above ${quality.threshold.toFixed(4)}, classes balanced`,
    limit: `at least ${floor}`,
  };
}

export function checkF1AboveAllPositive(quality: QualityCase): GateResult {
  const f1 = balancedF1(quality);
  const allPositive = allPositiveF1(quality.labels, balancedWeights(quality.labels));
  return {
    name: 'f1 above all-positive',
    passed: f1 !== null && allPositive !== null && f1 > allPositive,
    seen: shown(f1),
    limit: `above ${shown(allPositive)}`,
  };
}

/** null for rows of one class, which are inconclusive. */
function balancedF1({ scores, labels, threshold }: QualityCase): number | null {
  const { f1, balanced_accuracy } = confusionMetrics(confusion(scores, labels, threshold, balancedWeights(labels)));
  return balanced_accuracy === null ? null : f1;
}

export function checkRanking({ scores, labels, uniqueness: given }: QualityCase): GateResult {
  const uniqueness = given ?? new Float64Array(labels.length).fill(1);
  const rank = auc(scores, labels, uniqueness);
  const ofClass = [0, 0];
  for (let row = 0; row < labels.length; row++) ofClass[labels[row]!]! += uniqueness[row]!;
  const least = 0.5 + STANDARD_ERRORS * aucStandardError(0.5, ofClass[1]!, ofClass[0]!);
  const independent = Math.round(ofClass[0]! + ofClass[1]!);
  return {
    name: 'auc above noise',
    passed: rank !== null && rank > least,
    seen: shown(rank),
    limit: `above ${least.toFixed(4)}, ${STANDARD_ERRORS} standard errors of ${independent} independent rows`,
  };
}

function shown(value: number | null): string {
  return value === null ? 'none' : value.toFixed(4);
}
