import type { TreeModel } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { calibrated, calibrationHelps, fitPlatt, type CalibrationVerdict, type Platt } from '../calibrate/platt.ts';
import { validateSplits, type FoldModel } from '../validate/cross_validation.ts';
import { kFoldSplits, walkForwardSplits } from '../validate/splits.ts';
import { modelMetrics } from '../validate/model_metrics.ts';
import { takeLabels, takeRows, type FitRows } from './fit.ts';
import { scoreLogits, treeAnswer } from './scoring.ts';
import type { DatasetRows } from '../dataset/dataset.ts';

/** Walk-forward: so many blocks, the first one tested after this share of the rows. */
export const WALK_FORWARD = { blocks: 3, firstShare: 0.4 } as const;

/** Learns from these rows of a table: so many trees, or with null as many as help. */
export type ModelFit = (rows: FitRows, subset: Int32Array, trees: number | null) => Promise<TreeModel>;

/** Fits that `learnModel` asks for. */
export function countFits(folds: number): number {
  return folds + WALK_FORWARD.blocks + 2;
}

export interface LearnedModel {
  /** What ships: learned from all training rows, and calibrated where that helps out of fold. */
  readonly model: TreeModel;
  /** Models of purged k-fold as they were learned. */
  readonly rawFolds: readonly FoldModel<TreeModel>[];
  /** The same, each calibrated by the other folds where the model that ships is calibrated. */
  readonly folds: readonly FoldModel<TreeModel>[];
  /** Each block by a model of the rows before it, not calibrated: the calibration knows later rows. */
  readonly walkForward: readonly FoldModel<TreeModel>[];
  /** In force in `model`; null where it does not help. */
  readonly platt: Platt | null;
  /** null where there is no logit to scale. */
  readonly calibration: CalibrationVerdict | null;
}

/**
 * Everything that is learned for one model from its training rows. Nothing of it has seen the holdout.
 * @param embargo seconds
 * @param calibrates whether Platt scaling is tried: not on top of a model that has had it
 */
export async function learnModel(
  rows: DatasetRows,
  { folds, embargo, calibrates }: { readonly folds: number; readonly embargo: number; readonly calibrates: boolean },
  fit: ModelFit,
): Promise<LearnedModel> {
  const all = Int32Array.from(rows.y.keys());
  const asManyAsHelp = (of: DatasetRows, subset: Int32Array): Promise<TreeModel> => fit(of, subset, null);
  const [foldModels, walkForward, model] = await Promise.all([
    validateSplits(rows, kFoldSplits(rows, folds, embargo), asManyAsHelp, treeAnswer),
    validateSplits(rows, walkForwardSplits(rows, { ...WALK_FORWARD, embargo, window: null }), asManyAsHelp, treeAnswer),
    // How many trees help is asked of the last part of the training time; then all of it is learned with so many.
    asManyAsHelp(rows, all).then((first) => fit(rows, all, countTrees(first))),
  ]);
  const logits = calibrates ? logitsOutOfFold(rows, foldModels) : null;
  if (logits === null)
    return { model, rawFolds: foldModels, folds: foldModels, walkForward, platt: null, calibration: null };
  const { y, weights } = rows;
  const calibration = calibrationHelps({ logits, labels: y, weights, folds: foldModels });
  const platt = calibration.helps ? fitPlatt(logits, y, weights) : null;
  return {
    model: platt === null ? model : calibrated(model, platt),
    rawFolds: foldModels,
    folds: platt === null ? foldModels : foldModels.map((fold) => calibrateFold(rows, fold, logits)),
    walkForward,
    platt,
    calibration,
  };
}

export function countTrees({ ensembles }: TreeModel): number {
  return ensembles.reduce((most, { trees }) => Math.max(most, trees.length), 0);
}

/** What the fold models say of the rows they did not see, [rows]; null for models without a logit. */
function logitsOutOfFold(rows: DatasetRows, folds: readonly FoldModel<TreeModel>[]): Float64Array | null {
  if (folds.some(({ model }) => model.link !== 'sigmoid')) return null;
  const logits = new Float64Array(rows.y.length);
  for (const { model, test } of folds) {
    const own = scoreLogits(model, takeRows(rows.x, test));
    test.forEach((row, i) => (logits[row] = own[i]!));
  }
  return logits;
}

/** The fold as it is when only its training rows decide about its calibration too. */
function calibrateFold(rows: DatasetRows, fold: FoldModel<TreeModel>, logits: Float64Array): FoldModel<TreeModel> {
  const { train, test } = fold;
  const platt = fitPlatt(takeLabels(logits, train), takeLabels(rows.y, train), takeLabels(rows.weights, train));
  if (platt === null) return fold;
  const model = calibrated(fold.model, platt);
  const scores = treeAnswer(model, takeRows(rows.x, test));
  return { ...fold, model, scores, metrics: modelMetrics(scores, takeLabels(rows.y, test)) };
}
