import type { ModelMetrics } from '../../shared/bundle/manifest.ts';
import { auc, brier, expectedCalibrationError, logLoss } from './metrics.ts';

/** All measures of one model on one set of rows; null where they do not exist (no rows, one class only, soft labels). */
export function modelMetrics(scores: Float64Array, labels: Float64Array): ModelMetrics {
  const rows = labels.length;
  if (rows === 0)
    return { rows, label_mean: null, auc: null, brier: null, brier_of_mean: null, log_loss: null, ece: null };
  const label_mean = labels.reduce((sum, label) => sum + label, 0) / rows;
  const isBinary = labels.every((label) => label === 0 || label === 1);
  return {
    rows,
    label_mean,
    auc: isBinary ? auc(scores, labels) : null,
    brier: brier(scores, labels),
    brier_of_mean: brier(new Float64Array(rows).fill(label_mean), labels),
    log_loss: logLoss(scores, labels),
    ece: isBinary ? expectedCalibrationError(scores, labels) : null,
  };
}

/** The mean of each measure over the folds that have it; rows are summed. */
export function meanMetrics(folds: readonly ModelMetrics[]): ModelMetrics {
  const mean = (name: keyof ModelMetrics): number | null => {
    const values = folds.map((fold) => fold[name]).filter((value) => value !== null);
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  return {
    rows: folds.reduce((sum, { rows }) => sum + rows, 0),
    label_mean: mean('label_mean'),
    auc: mean('auc'),
    brier: mean('brier'),
    brier_of_mean: mean('brier_of_mean'),
    log_loss: mean('log_loss'),
    ece: mean('ece'),
  };
}
