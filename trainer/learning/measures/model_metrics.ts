import type { ModelMetrics } from '../../../shared/bundle/manifest.ts';
import {
  allPositiveF1,
  balancedWeights,
  confusion,
  confusionMetrics,
  expectedConfusion,
  type Confusion,
  type ConfusionMetrics,
} from './confusion.ts';
import { auc, brier, expectedCalibrationError, logLoss, weightedMean } from './metrics.ts';
import { mae, r2, rmse } from './regression.ts';
import { meanOrNull } from '../../../shared/statistics.ts';
import { isHard } from '../dataset/rows.ts';

/**
 * All measures of one model on one set of rows; null where they do not exist (no rows, one class only, soft labels).
 * @param weights ≥ 0, [rows]; 1 each when absent
 */
export function modelMetrics(
  scores: Float64Array,
  labels: Float64Array,
  weights: ArrayLike<number> | null = null,
): ModelMetrics {
  const rows = labels.length;
  const label_mean = weightedMean(labels, labels, weights, (_, label) => label);
  if (Number.isNaN(label_mean))
    return { rows, label_mean: null, auc: null, brier: null, brier_baseline: null, log_loss: null, ece: null };
  const hard = isHard(labels);
  return {
    rows,
    label_mean,
    auc: hard ? auc(scores, labels, weights) : null,
    brier: brier(scores, labels, weights),
    brier_baseline: brier(new Float64Array(rows).fill(label_mean), labels, weights),
    log_loss: logLoss(scores, labels, weights),
    ece: hard ? expectedCalibrationError(scores, labels, 10, weights) : null,
  };
}

/** The mean of each measure over the folds that have it; rows are summed. */
export function meanMetrics(folds: readonly ModelMetrics[]): ModelMetrics {
  const mean = (name: keyof ModelMetrics): number | null => {
    const values = folds.map((fold) => fold[name]).filter((value) => value !== null);
    return meanOrNull(values);
  };
  return {
    rows: folds.reduce((sum, { rows }) => sum + rows, 0),
    label_mean: mean('label_mean'),
    auc: mean('auc'),
    brier: mean('brier'),
    brier_baseline: mean('brier_baseline'),
    log_loss: mean('log_loss'),
    ece: mean('ece'),
  };
}

export interface DetailedMetrics extends ModelMetrics, ConfusionMetrics {
  /** Of a positive answer: above it. */
  readonly threshold: number;
  readonly confusion: Confusion | null;
  /** F1 with equally weighted classes, where all positive has ⅔. */
  readonly f1_balanced: number | null;
  /** F1 of predicting all positive, with unweighted classes. */
  readonly f1_all_positive: number | null;
  /** F1 and accuracy of `expectedConfusion`, which soft labels have too. */
  readonly f1_expected: number | null;
  readonly accuracy_expected: number | null;
  /** Of the answer as a number, on which AI3 is evaluated. */
  readonly rmse: number | null;
  readonly mae: number | null;
  readonly r2: number | null;
}

/** Every measure, including those at `threshold`, which are null for soft labels. */
export function detailedMetrics(scores: Float64Array, labels: Float64Array, threshold = 0.5): DetailedMetrics {
  const metrics = modelMetrics(scores, labels);
  const known = metrics.label_mean !== null;
  const table = known && isHard(labels) ? confusion(scores, labels, threshold) : null;
  const expected = known ? confusionMetrics(expectedConfusion(scores, labels, threshold)) : null;
  const none = { true_positive: 0, false_positive: 0, false_negative: 0, true_negative: 0 };
  return {
    ...metrics,
    threshold,
    confusion: table,
    ...confusionMetrics(table ?? none),
    f1_balanced: table === null ? null : balancedF1(scores, labels, threshold),
    f1_all_positive: table === null ? null : allPositiveF1(labels),
    f1_expected: expected?.f1 ?? null,
    accuracy_expected: expected?.accuracy ?? null,
    rmse: known ? rmse(scores, labels) : null,
    mae: known ? mae(scores, labels) : null,
    r2: known ? r2(scores, labels) : null,
  };
}

/** F1 with equally weighted classes; null without positives or without negatives. */
export function balancedF1(scores: ArrayLike<number>, labels: ArrayLike<number>, threshold: number): number | null {
  const metrics = confusionMetrics(confusion(scores, labels, threshold, balancedWeights(labels)));
  return metrics.balanced_accuracy === null ? null : metrics.f1;
}
