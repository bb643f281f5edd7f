import type { TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { FitTask } from './trees/fit.ts';
import type { LearnerParams } from './trees/learner.ts';
import type { Task } from './contract/task.ts';
import type { ModelFit } from './model_learning.ts';
import { countTrees } from './trees/fitted_trees.ts';

/**
 * Continues boosting from the answers of a model (Friedman 2001: each tree is fitted to the residuals of the previous
 * sum), on rows it was not trained on: the base's trees, then at most `params.rounds` new ones. Without new trees it
 * equals the base. A calibrated base stays calibrated: slope and intercept are in its leaves, and new trees are added
 * to its calibrated logits.
 * @param params may have the base's seed: its draws are not repeated
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
