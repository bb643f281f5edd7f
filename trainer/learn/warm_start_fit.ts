import type { TreeModel } from '../../shared/bundle/onnx/tree_ensemble.ts';
import type { FitTask } from './trees/fit.ts';
import type { LearnerParams, Task } from './trees/learner.ts';
import { countTrees, type ModelFit } from './model_learning.ts';

/**
 * Continues boosting from the answers of a model (Friedman 2001: each tree is fitted to the residuals of the sum before
 * it), on rows it was not trained on: the trees of the base, then at most `params.rounds` new ones. With no tree to add
 * it is exactly the base. A calibrated base stays calibrated: slope and intercept are in its leaves, and the new trees
 * are added to its calibrated logits.
 * @param params the seed may be that of the base: its draws are not drawn again
 * @param run trains one model on one thread: `runFit`, or the pool's `fit`. Only for gbdt
 */
export function warmStartFit(
  base: TreeModel,
  params: LearnerParams,
  task: Task,
  run: (task: FitTask) => Promise<TreeModel>,
): ModelFit {
  const before = countTrees(base);
  return (rows, subset, trees) => {
    if (trees !== null && trees <= before) return Promise.resolve(base);
    const rounds = trees === null ? params.rounds : trees - before;
    return run({
      engine: 'gbdt',
      task,
      rows,
      subset,
      params: { ...params, rounds, seed: `${params.seed}/behind ${before} trees` },
      stopsEarly: trees === null,
      base,
    });
  };
}
