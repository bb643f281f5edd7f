import type { TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { validateSplits, type FoldModel } from './cross_validation.ts';
import { kFoldSplits, kFoldSplitsAt, walkForwardSplits } from '../splits/splits.ts';
import type { FitRows } from './contract/fit_rows.ts';
import { countTrees } from './trees/fitted_trees.ts';
import { treeAnswer } from './trees/scoring.ts';
import type { DatasetRows } from '../dataset/dataset.ts';

/** Walk-forward: number of blocks, and share of the rows before the first tested block. */
export const WALK_FORWARD = { blocks: 3, firstShare: 0.4 } as const;

/** Trains on these rows of a table, with a fixed number of trees, or null = as many as help. */
export type ModelFit = (rows: FitRows, subset: Int32Array, trees: number | null) => Promise<TreeModel>;

/** Number of fits in `learnModel`. */
export function countFits(folds: number): number {
  return folds + WALK_FORWARD.blocks + 2;
}

/** Models of one subject before calibration. */
export interface FittedModel {
  /** Trained on all training rows. */
  readonly model: TreeModel;
  /** Purged k-fold. */
  readonly folds: readonly FoldModel<TreeModel>[];
  /** Each block scored by a model of the rows before it. */
  readonly walkForward: readonly FoldModel<TreeModel>[];
}

export interface FoldPlan {
  readonly folds: number;
  readonly embargo: number;
  readonly foldStarts?: readonly number[] | undefined;
}

/**
 * Trains one model on its training rows: the final one, and those of purged k-fold and walk-forward. None uses the
 * holdout.
 * @param embargo seconds
 * @param foldStarts starts of the folds; absent = `folds` of about equal size
 */
export async function learnModel(
  rows: DatasetRows,
  { folds, embargo, foldStarts }: FoldPlan,
  fit: ModelFit,
): Promise<FittedModel> {
  const all = Int32Array.from(rows.y.keys());
  const asManyAsHelp = (of: DatasetRows, subset: Int32Array): Promise<TreeModel> => fit(of, subset, null);
  const splits =
    foldStarts === undefined ? kFoldSplits(rows, folds, embargo) : kFoldSplitsAt(rows, foldStarts, embargo);
  const [foldModels, walkForward, model] = await Promise.all([
    validateSplits(rows, splits, asManyAsHelp, treeAnswer),
    validateSplits(rows, walkForwardSplits(rows, { ...WALK_FORWARD, embargo, window: null }), asManyAsHelp, treeAnswer),
    // The last part of the training time determines the number of trees, which are then trained on all of it.
    asManyAsHelp(rows, all).then((first) => fit(rows, all, countTrees(first))),
  ]);
  return { model, folds: foldModels, walkForward };
}
