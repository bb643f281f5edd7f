import type { TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { warmStartFit } from './warm_start_fit.ts';
import type { FitTask } from './trees/fit.ts';
import type { FitRows } from './contract/fit_rows.ts';
import type { LearnerParams } from './trees/learner.ts';
import type { Task } from './contract/task.ts';
import { countTrees } from './trees/fitted_trees.ts';

/** What `learnModel` does with the model that ships: how many trees help, then all rows with so many. */
export async function warmStartModel(
  base: TreeModel,
  {
    task,
    rows,
    subset,
    params,
  }: {
    readonly task: Task;
    readonly rows: FitRows;
    readonly subset: Int32Array;
    readonly params: LearnerParams;
  },
  run: (task: FitTask) => Promise<TreeModel>,
): Promise<{ model: TreeModel; added: number }> {
  const fit = warmStartFit(base, params, task, run);
  const model = await fit(rows, subset, countTrees(await fit(rows, subset, null)));
  return { model, added: countTrees(model) - countTrees(base) };
}
