import { ln } from '../../../../shared/elementary.ts';
import type { TreeEnsemble } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { weightByClass, refuseFocalLoss } from '../contract/class_labels.ts';
import { noWeight, refuseUnsupported, type FitRequest, type LearnerDefinition } from '../contract/learner.ts';
import { LEAST } from '../contract/rescaled.ts';
import { fittedTrees } from '../trees/fitted_trees.ts';

/**
 * Answers the weighted mean of the targets, or the weighted share of each class, whatever the features say: the least
 * that a learner must beat. The share of a class without rows is 2^-20.
 */
export const PRIOR: LearnerDefinition<unknown> = {
  name: 'prior',
  complexity: 0,
  family: 'linear',
  determinism: 'any_machine',
  supports: { stopping: false, continuing: false, tasks: ['binary', 'multiclass', 'regression'] },
  refuseMissing: () => undefined,
  open: () => ({
    name: PRIOR.name,
    supports: PRIOR.supports,
    fit(request) {
      return Promise.resolve().then(() => {
        refuseUnsupported(PRIOR, request);
        const { task, rows } = request;
        refuseFocalLoss(PRIOR.name, task);
        // An ensemble of no trees: its graph is a constant.
        const constant = (baseScore: number): TreeEnsemble => ({
          columns: rows.x.columns,
          baseScore: Math.fround(baseScore),
          trees: [],
        });
        const model =
          task.kind === 'multiclass'
            ? ({ link: 'softmax', ensembles: classShares(request, task.classes).map((p) => constant(ln(p))) } as const)
            : ({ link: 'identity', ensembles: [constant(meanTarget(request))] } as const);
        return { ...fittedTrees(PRIOR.name, model), iterations: null };
      });
    },
  }),
};

function meanTarget({ rows, subset }: FitRequest): number {
  let sum = 0;
  let total = 0;
  for (const row of subset) {
    sum += rows.weights[row]! * rows.y[row]!;
    total += rows.weights[row]!;
  }
  if (!(total > 0)) throw noWeight();
  return sum / total;
}

function classShares({ rows, subset }: FitRequest, classes: number): number[] {
  const weights = weightByClass(rows, subset, classes);
  const total = weights.reduce((sum, own) => sum + own, 0);
  if (!(total > 0)) throw noWeight();
  return Array.from(weights, (own) => Math.max(own / total, LEAST));
}
