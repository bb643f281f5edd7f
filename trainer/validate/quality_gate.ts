import type { GateResult } from '../gate/criteria.ts';
import { alwaysYesF1, balancedWeights, confusion, confusionMetrics } from './confusion.ts';
import { auc } from './metrics.ts';
import { aucStandardError } from './noise.ts';

/** An AUC that noise reaches one time in 44. */
const STANDARD_ERRORS = 2;

export interface QualityLimits {
  /** Rows a model must have been learned from. */
  readonly min_samples: number;
  /** F1 it must reach with both classes weighing the same. */
  readonly f1_floor: number;
}

/** Answers to rows that the model never saw, with labels of 0 and 1. */
export interface QualityCase {
  /** Rows it was learned from. */
  readonly samples: number;
  readonly scores: ArrayLike<number>;
  readonly labels: ArrayLike<number>;
  /** Yes above it. Chosen on other rows, as by `bestF1Threshold` on out-of-fold answers. */
  readonly threshold: number;
  /** Uniqueness of each row's label (noise.ts); every row counts for an independent one when absent. */
  readonly uniqueness?: ArrayLike<number> | null;
}

/**
 * Whether a model is good enough to be let in at all: enough samples, F1 at its floor, above that of always saying yes, and an AUC that
 * noise does not reach, which a lucky threshold cannot give. Both F1 are taken with the classes balanced by weights
 * (nothing is resampled), so that they do not depend on how rare a class is: a coin has ½ there, always yes ⅔.
 * @throws RangeError when lengths differ or a label is neither 0 nor 1
 */
export function judgeQuality(
  { samples, scores, labels, threshold, uniqueness }: QualityCase,
  limits: QualityLimits,
): GateResult[] {
  const balanced = balancedWeights(labels);
  const { f1, balanced_accuracy } = confusionMetrics(confusion(scores, labels, threshold, balanced));
  const alwaysYes = alwaysYesF1(labels, balanced);
  // Rows of one class show nothing.
  const own = balanced_accuracy === null ? null : f1;
  return [
    {
      name: 'samples',
      passed: samples >= limits.min_samples,
      seen: String(samples),
      limit: `at least ${limits.min_samples}`,
    },
    {
      name: 'f1',
      passed: own !== null && own >= limits.f1_floor,
      seen: `${shown(own)} above ${threshold.toFixed(4)}, classes balanced`,
      limit: `at least ${limits.f1_floor}`,
    },
    {
      name: 'f1 above always-yes',
      passed: own !== null && alwaysYes !== null && own > alwaysYes,
      seen: shown(own),
      limit: `above ${shown(alwaysYes)}`,
    },
    judgeRanking(scores, labels, uniqueness ?? new Float64Array(labels.length).fill(1)),
  ];
}

function judgeRanking(scores: ArrayLike<number>, labels: ArrayLike<number>, uniqueness: ArrayLike<number>): GateResult {
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
