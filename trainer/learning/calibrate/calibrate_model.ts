import type { Fitted } from '../learners/contract/fitted.ts';
import type { DatasetRows } from '../strategies/pair_reversion/dataset/dataset.ts';
import { takeLabels, withRows } from '../learners/contract/fit_rows.ts';
import type { FittedModel } from '../learners/model_learning.ts';
import type { FoldModel } from '../learners/cross_validation.ts';
import { modelMetrics } from '../measures/model_metrics.ts';
import { calibrationHelps, fitPlatt, scalingOfPlatt, type CalibrationVerdict, type Platt } from './platt.ts';

export interface LearnedModel {
  /** The final model, trained on all training rows, and calibrated if that helps out of fold. */
  readonly model: Fitted;
  /** Models of purged k-fold before calibration. */
  readonly rawFolds: readonly FoldModel[];
  /** The same models, each calibrated by the other folds if `model` is calibrated. */
  readonly folds: readonly FoldModel[];
  /** Each block scored by a model of earlier rows, uncalibrated because calibration uses later rows. */
  readonly walkForward: readonly FoldModel[];
  /** Applied to `model`; null if it does not help. */
  readonly platt: Platt | null;
  /** null without a logit to scale. */
  readonly calibration: CalibrationVerdict | null;
}

/**
 * Platt scaling of a model and its folds, if it helps out of fold.
 * @param enabled false for a model that is calibrated already
 */
export function calibrateModel(rows: DatasetRows, fitted: FittedModel, enabled: boolean): LearnedModel {
  const { model, folds, walkForward } = fitted;
  const logits = enabled ? logitsOutOfFold(rows, folds) : null;
  if (logits === null) return { model, rawFolds: folds, folds, walkForward, platt: null, calibration: null };
  const { y, weights } = rows;
  const calibration = calibrationHelps({ logits, labels: y, weights, folds });
  const platt = calibration.helps ? fitPlatt(logits, y, weights) : null;
  return {
    model: platt === null ? model : model.withMargins(scalingOfPlatt(platt)),
    rawFolds: folds,
    folds: platt === null ? folds : folds.map((fold) => calibrateFold(rows, fold, logits)),
    walkForward,
    platt,
    calibration,
  };
}

/** Logits of the fold models for their test rows, [rows]; null for models without a logit. */
function logitsOutOfFold(rows: DatasetRows, folds: readonly FoldModel[]): Float64Array | null {
  if (folds.some(({ model }) => model.link !== 'sigmoid')) return null;
  const logits = new Float64Array(rows.y.length);
  for (const { model, test } of folds) {
    const own = withRows(rows.x, test, (x) => model.openMargins()(x)[0]!);
    test.forEach((row, i) => (logits[row] = own[i]!));
  }
  return logits;
}

/** The fold calibrated by its own training rows. */
function calibrateFold(rows: DatasetRows, fold: FoldModel, logits: Float64Array): FoldModel {
  const { train, test } = fold;
  const platt = fitPlatt(takeLabels(logits, train), takeLabels(rows.y, train), takeLabels(rows.weights, train));
  if (platt === null) return fold;
  const model = fold.model.withMargins(scalingOfPlatt(platt));
  const scores = withRows(rows.x, test, (x) => model.answers(x));
  return { ...fold, model, scores, metrics: modelMetrics(scores, takeLabels(rows.y, test)) };
}
