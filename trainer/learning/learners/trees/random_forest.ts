import { MinutehandError } from '../../../../shared/errors.ts';
import { allowedColumns, checkRequest, refuseBase, refuseFocal } from './gbdt_request.ts';
import { prepareFit } from './kernel/fit.ts';
import type { ForestObjective } from './kernel/plan.ts';
import { learnOnThreads } from './kernel/threads.ts';
import type { TreeLearner } from './learner.ts';
import type { Task } from '../contract/task.ts';

/**
 * A random forest on the trees of `gbdt` (Breiman 2001): `rounds` trees, each on a bootstrap sample of the rows
 * (Poisson weights, the limit of drawing with replacement; with `rowFraction` < 1 that share of the rows, without
 * replacement) and on `columnFraction` of the columns, drawn per tree. Answers are means over the trees of a leaf's
 * mean: of a class's share, of a value. With more than two classes a tree splits for a random half of them against the
 * rest, and its leaves hold the shares of all.
 *
 * The learning rate, penalties on leaf values and the minimum hessian have no effect here, and more trees do not
 * overfit: `stopping` is ignored.
 * @throws MinutehandError LEARNER_TASK for quantiles and when there is a base, and what gbdt throws
 */
export const randomForest: TreeLearner = {
  engine: 'random_forest',
  async learn(request) {
    refuseBase('random_forest', request);
    refuseFocal('random_forest', request);
    checkRequest(request);
    const { task, table, params, threads, onRound } = request;
    const fit = prepareFit({
      objective: objectiveOf(task),
      table,
      params: { ...params, l1: 0, l2: 0, minHessianInLeaf: 0 },
      columns: allowedColumns(table.x, params),
      stopping: null,
      threads,
    });
    return learnOnThreads(fit, onRound);
  },
};

function objectiveOf(task: Task): ForestObjective {
  switch (task.kind) {
    case 'binary':
      return { kind: 'forest', target: 'share', classes: 1 };
    case 'multiclass':
      return { kind: 'forest', target: 'class', classes: task.classes };
    case 'regression':
      return { kind: 'forest', target: 'value', classes: 1 };
    case 'quantile':
      throw new MinutehandError('LEARNER_TASK', { seen: 'random_forest, quantile' });
  }
}
