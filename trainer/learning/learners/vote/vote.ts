import { takeRows } from '../contract/fit_rows.ts';
import type { Fitted } from '../contract/fitted.ts';
import { refuseEnsemble, type Budget, type FitRequest, type LearnerDefinition } from '../contract/learner.ts';
import { splitOffTheEnd } from '../contract/stopping_rows.ts';
import type { EnsembleSetup } from '../mixture/ensemble_parameters.ts';
import { fittedMixture, mixtureOf } from '../mixture/fitted_mixture.ts';
import { fitMembers } from '../mixture/member_fits.ts';
import type { FittedMixture } from '../mixture/mixture.ts';
import { voteWeights } from './vote_weights.ts';

/**
 * The weighted mean of the probabilities of other learners. The weights come from rows that no member has learned from:
 * the last part of the time, on which boosting stops as well. A model like another one has its weights.
 */
export const VOTE: LearnerDefinition<EnsembleSetup> = {
  name: 'vote',
  complexity: 6.2,
  family: 'ensemble',
  // Of its least deterministic member.
  determinism: 'same_environment',
  supports: { stopping: true, continuing: false, tasks: ['binary', 'multiclass'] },
  refuseMissing: () => undefined,
  open: ({ ensembles: { voteMembers }, openMember }) => ({
    name: VOTE.name,
    supports: VOTE.supports,
    refuse: (request) => refuseEnsemble(VOTE, voteMembers.map(openMember), request),
    async fit(request) {
      const learners = voteMembers.map(openMember);
      refuseEnsemble(VOTE, learners, request);
      const fitAll = (subset: Int32Array, budgetOf: (member: number) => Budget): Promise<Fitted[]> =>
        fitMembers(
          request,
          learners.map((learner, i) => ({
            learner,
            changes: { subset, budget: budgetOf(i), seed: `${request.seed}/${learner.name}` },
          })),
        );
      const { budget, rows, subset } = request;
      if (budget.kind === 'like') {
        const { members, weights } = mixtureOf(budget.model);
        return vote(await fitAll(subset, (i) => ({ kind: 'like', model: members[i]! })), weights);
      }
      const parts = partsToWeigh(request);
      if (parts === null) {
        const equal = new Float64Array(learners.length).fill(1 / learners.length);
        return vote(await fitAll(subset, () => budget), equal);
      }
      const { train, stopping } = parts;
      const fitted = await fitAll(train, () => ({ kind: 'early_stopping', stopping }));
      const x = takeRows(rows.x, stopping);
      const weights = voteWeights({
        width: fitted[0]!.width,
        answers: fitted.map((member) => member.answers(x)),
        labels: Float64Array.from(stopping, (row) => rows.y[row]!),
        weights: Float64Array.from(stopping, (row) => rows.weights[row]!),
      });
      return vote(fitted, weights);
    },
  }),
};

/** Rows to learn from and rows to weigh the members by; null: they are weighed alike. */
function partsToWeigh({
  budget,
  rows,
  subset,
}: FitRequest): { readonly train: Int32Array; readonly stopping: Int32Array } | null {
  if (budget.kind !== 'early_stopping') return null;
  return budget.stopping === null ? splitOffTheEnd(rows, subset) : { train: subset, stopping: budget.stopping };
}

/** @param weights one per member, which sum to 1 */
function vote(members: readonly Fitted[], weights: Float64Array): FittedMixture {
  return fittedMixture({ learner: VOTE.name, members, weights, of: 'probability', intercept: null });
}
