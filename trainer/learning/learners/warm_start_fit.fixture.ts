import type { TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { TreePolicy } from '../../../shared/policy/policy.ts';
import type { FitRows } from './contract/fit_rows.ts';
import { fitAllRows } from './contract/learner.ts';
import { ensembleParameters } from './mixture/ensemble_parameters.ts';
import { networkParameters } from './networks/network_parameters.ts';
import { openLearner } from './registry.ts';
import { countTrees, fittedTrees, treesOf } from './trees/fitted_trees.ts';
import type { FitTrees } from './trees/tree_learners.ts';

export interface WarmStartRequest {
  readonly rows: FitRows;
  readonly subset: Int32Array;
  /** `rounds`: trees that are added at most. */
  readonly parameters: TreePolicy;
  readonly columns: readonly number[] | null;
  readonly seed: string;
}

/** What a warm start does with the model that ships: how many trees help, then all rows with so many. */
export async function warmStartModel(
  base: TreeModel,
  { parameters, ...request }: WarmStartRequest,
  fitTrees: FitTrees,
): Promise<{ model: TreeModel; added: number }> {
  const learner = openLearner('gbdt', {
    parameters,
    fitTrees,
    ensembles: ensembleParameters({}),
    columnNames: [],
    network: networkParameters(undefined, 'ai1'),
  });
  const continueFrom = fittedTrees('gbdt', base);
  const model = treesOf(await fitAllRows(learner, { ...request, task: { kind: 'binary' }, continueFrom }));
  return { model, added: countTrees(model) - countTrees(base) };
}
