import type { TreeModel } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { FEWEST_ROWS, splitOffTheEnd, type FitRows, type FitTask } from './fit.ts';
import type { LearnerParams, Task } from './learner.ts';
import { countTrees } from './model_learning.ts';

/** What a model is continued by. */
export interface ContinueRequest {
  readonly task: Task;
  readonly rows: FitRows;
  /** Rows that the base has not learned from: those of a `ContinuePlan`. */
  readonly subset: Int32Array;
  /** `rounds` is the most trees that are added. The seed may be that of the base: what is drawn depends on how many trees there are. */
  readonly params: LearnerParams;
}

export interface ContinuedModel {
  /** The trees of the base, then the new ones; the base itself where none helps. */
  readonly model: TreeModel;
  /** New trees, per class for several. */
  readonly added: number;
}

/**
 * Goes on boosting from what a model answers (Friedman 2001: each tree is fitted to what the sum before it leaves over), on rows it has not seen.
 * How many trees help is asked of the last part of the new time, as for a model that is learned from nothing; then all new rows are learned
 * with so many. A calibrated base stays calibrated: slope and intercept stand in its leaves, and the new trees are added to the logits it has
 * with them.
 * @param run learns one model on one thread: `runFit`, or the pool's `fit`. By gbdt alone
 * @throws MinutehandError DATA_TOO_SHORT when there are too few new rows to ask; what `run` throws
 */
export async function continueModel(
  base: TreeModel,
  { task, rows, subset, params }: ContinueRequest,
  run: (task: FitTask) => Promise<TreeModel>,
): Promise<ContinuedModel> {
  if (splitOffTheEnd(rows, subset) === null) throw tooFewRows(subset.length);
  const before = countTrees(base);
  const grow = (rounds: number, stopsEarly: boolean): Promise<TreeModel> =>
    run({
      engine: 'gbdt',
      task,
      rows,
      subset,
      params: { ...params, rounds, seed: `${params.seed}/behind ${before} trees` },
      stopsEarly,
      base,
    });
  const added = countTrees(await grow(params.rounds, true)) - before;
  return added === 0 ? { model: base, added } : { model: await grow(added, false), added };
}

/** @param rows new ones @param model whose, where that is known */
export function tooFewRows(rows: number, model = ''): MinutehandError {
  return new MinutehandError('DATA_TOO_SHORT', {
    seen: `${rows} new rows to learn from${model === '' ? '' : ` for ${model}`}`,
    expected: `so many that ${FEWEST_ROWS} are left on either side when the last part of their time is set aside`,
    next: 'Wait for more bars, or train in full.',
  });
}
