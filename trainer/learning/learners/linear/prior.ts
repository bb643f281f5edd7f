import { noWeight, refuseUnsupported, type LearnerDefinition } from '../contract/learner.ts';
import { fittedTrees } from '../trees/fitted_trees.ts';

/** Answers the weighted mean of the targets, whatever the features say: the least that a learner must beat. */
export const PRIOR: LearnerDefinition<unknown> = {
  name: 'prior',
  complexity: 0,
  family: 'linear',
  determinism: 'any_machine',
  supports: { stopping: false, continuing: false, tasks: ['binary', 'regression'] },
  refuseMissing: () => undefined,
  open: () => ({
    name: PRIOR.name,
    supports: PRIOR.supports,
    fit(request) {
      return Promise.resolve().then(() => {
        refuseUnsupported(PRIOR, request);
        const { rows, subset } = request;
        let sum = 0;
        let total = 0;
        for (const row of subset) {
          sum += rows.weights[row]! * rows.y[row]!;
          total += rows.weights[row]!;
        }
        if (!(total > 0)) throw noWeight();
        // An ensemble of no trees: its graph is a constant.
        const constant = { columns: rows.x.columns, baseScore: Math.fround(sum / total), trees: [] };
        return { ...fittedTrees(PRIOR.name, { link: 'identity', ensembles: [constant] }), iterations: null };
      });
    },
  }),
};
