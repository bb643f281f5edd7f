import { refuseEnsemble, type LearnerDefinition } from '../contract/learner.ts';
import { withStoppingRows } from '../contract/stopping_rows.ts';
import { memberSeed, type EnsembleSetup } from '../mixture/ensemble_parameters.ts';
import { fittedMixture, mixtureOf } from '../mixture/fitted_mixture.ts';
import { fitMembers } from '../mixture/member_fits.ts';
import { areMarginTrees } from '../mixture/merged_trees.ts';
import { widthOf } from '../mixture/mixture.ts';
import { blockBootstrap } from './block_bootstrap.ts';

/**
 * Bagging (Breiman 1996): the same learner, or several in turn, each on its own bootstrap sample of the days. All
 * members stop on the same rows, from which none learns. Boosted trees are averaged by their logits, or the margins of
 * their classes, so that the bag is one model of trees; other members by their probabilities.
 */
export const BAGGING: LearnerDefinition<EnsembleSetup> = {
  name: 'bagging',
  complexity: 5,
  family: 'ensemble',
  // Of its least deterministic member.
  determinism: 'same_environment',
  supports: { stopping: true, continuing: false, tasks: ['binary', 'multiclass'] },
  refuseMissing: () => undefined,
  open: ({ ensembles: { bagging }, openMember }) => ({
    name: BAGGING.name,
    supports: BAGGING.supports,
    refuse: (request) => refuseEnsemble(BAGGING, bagging.members.map(openMember), request),
    async fit(request) {
      refuseEnsemble(BAGGING, bagging.members.map(openMember), request);
      const { budget, rows } = request;
      const like = budget.kind === 'like' ? mixtureOf(budget.model).members : null;
      const { budget: ofAll, subset } = withStoppingRows(request);
      const members = await fitMembers(
        request,
        bagging.members.map((name, member) => {
          const seed = `${memberSeed(request.seed, bagging.seed)}/${member}/${name}`;
          return {
            learner: openMember(name),
            changes: {
              ...blockBootstrap(rows, subset, { fraction: bagging.fraction, seed: `${seed}/days` }),
              budget: like === null ? ofAll : { kind: 'like', model: like[member]! },
              seed,
            },
          };
        }),
      );
      const weights = new Float64Array(members.length).fill(1 / members.length);
      const isOfMargins = areMarginTrees(members);
      return fittedMixture({
        learner: BAGGING.name,
        members,
        weights,
        of: isOfMargins ? 'logit' : 'probability',
        intercept: isOfMargins ? Array.from({ length: widthOf({ members }) }, () => 0) : null,
      });
    },
  }),
};
