import type { Fitted } from './contract/fitted.ts';
import type { FitRequest, Learner } from './contract/learner.ts';
import { fittedAnswers, validateSplits, type FoldModel } from './cross_validation.ts';
import { kFoldSplits, kFoldSplitsAt, walkForwardSplits } from '../splits/splits.ts';
import { TASK, type Learning, type ModelFit } from './learning.ts';
import type { DatasetRows } from '../strategies/pair_reversion/dataset/dataset.ts';

export type { ModelFit } from './learning.ts';

/** Walk-forward: number of blocks, and share of the rows before the first tested block. */
export const WALK_FORWARD = { blocks: 3, firstShare: 0.4 } as const;

/** The fits of one model by its learner. */
export function fitOf(
  learner: Learner,
  request: Pick<FitRequest, 'columns' | 'seed' | 'continueFrom'>,
  startFit?: Learning['startFit'],
): ModelFit {
  return async (rows, subset, like) => {
    const onProgress = startFit?.();
    const fitted = await learner.fit({
      ...request,
      task: TASK,
      rows,
      subset,
      budget: like === null ? { kind: 'early_stopping', stopping: null } : { kind: 'like', model: like },
      ...(onProgress && { onProgress }),
    });
    // It may have stopped early.
    onProgress?.(1);
    return fitted;
  };
}

/** Number of fits in `learnModel`. */
export function countFits(folds: number): number {
  return folds + WALK_FORWARD.blocks + 2;
}

/** Models of one subject before calibration. */
export interface FittedModel {
  /** Trained on all training rows. */
  readonly model: Fitted;
  /** Purged k-fold. */
  readonly folds: readonly FoldModel[];
  /** Each block scored by a model of the rows before it. */
  readonly walkForward: readonly FoldModel[];
}

export interface FoldPlan {
  readonly folds: number;
  readonly embargo: number;
  /** Whether the learner finds out how many steps help. */
  readonly stopsEarly: boolean;
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
  { folds, embargo, foldStarts, stopsEarly }: FoldPlan,
  fit: ModelFit,
): Promise<FittedModel> {
  const all = Int32Array.from(rows.y.keys());
  const asManyAsHelp = (of: DatasetRows, subset: Int32Array): Promise<Fitted> => fit(of, subset, null);
  const splits =
    foldStarts === undefined ? kFoldSplits(rows, folds, embargo) : kFoldSplitsAt(rows, foldStarts, embargo);
  const [foldModels, walkForward, model] = await Promise.all([
    validateSplits(rows, splits, asManyAsHelp, fittedAnswers),
    validateSplits(
      rows,
      walkForwardSplits(rows, { ...WALK_FORWARD, embargo, window: null }),
      asManyAsHelp,
      fittedAnswers,
    ),
    // The last part of the training time determines the number of steps, which are then taken on all of it.
    asManyAsHelp(rows, all).then((first) => (stopsEarly ? fit(rows, all, first) : first)),
  ]);
  return { model, folds: foldModels, walkForward };
}
