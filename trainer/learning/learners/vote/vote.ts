import { takeRows } from '../contract/fit_rows.ts';
import type { Fitted } from '../contract/fitted.ts';
import {
  refuseUnsupported,
  type Budget,
  type FitRequest,
  type Learner,
  type LearnerDefinition,
} from '../contract/learner.ts';
import { splitOffTheEnd } from '../contract/stopping_rows.ts';
import { fittedVote, VOTE_NAME, voteOf } from './fitted_vote.ts';
import { voteWeights } from './vote_weights.ts';

export interface VoteSetup {
  /** Names of the learners that vote. */
  readonly voteMembers: readonly string[];
  openMember(name: string): Learner;
}

/**
 * The weighted mean of the probabilities of other learners. The weights come from rows that no member has learned from:
 * the last part of the time, on which boosting stops as well. A model like another one has its weights.
 */
export const VOTE: LearnerDefinition<VoteSetup> = {
  name: VOTE_NAME,
  complexity: 5,
  // Of its least deterministic member.
  determinism: 'same_environment',
  supports: { stopping: true, continuing: false, tasks: ['binary'] },
  refuseMissing: () => undefined,
  open: ({ voteMembers, openMember }) => ({
    name: VOTE_NAME,
    supports: VOTE.supports,
    async fit(request) {
      refuseUnsupported(VOTE, request);
      const learners = voteMembers.map(openMember);
      const { budget, rows, subset } = request;
      if (budget.kind === 'like') {
        const { members, weights } = voteOf(budget.model);
        const fitted = await fitAll(learners, request, subset, (i) => ({ kind: 'like', model: members[i]! }));
        return fittedVote(fitted, weights);
      }
      const equal = new Float64Array(learners.length).fill(1 / learners.length);
      if (budget.kind === 'fixed') return fittedVote(await fitAll(learners, request, subset, () => budget), equal);
      const parts =
        budget.stopping === null ? splitOffTheEnd(rows, subset) : { train: subset, stopping: budget.stopping };
      if (parts === null) return fittedVote(await fitAll(learners, request, subset, () => budget), equal);
      const { train, stopping } = parts;
      const fitted = await fitAll(learners, request, train, () => ({ kind: 'early_stopping', stopping }));
      const x = takeRows(rows.x, stopping);
      const weights = voteWeights({
        answers: fitted.map((member) => member.answers(x)),
        labels: Float64Array.from(stopping, (row) => rows.y[row]!),
        weights: Float64Array.from(stopping, (row) => rows.weights[row]!),
      });
      return fittedVote(fitted, weights);
    },
  }),
};

function fitAll(
  learners: readonly Learner[],
  request: FitRequest,
  subset: Int32Array,
  budgetOf: (member: number) => Budget,
): Promise<Fitted[]> {
  const shares = new Float64Array(learners.length);
  return Promise.all(
    learners.map((learner, i) =>
      learner.fit({
        ...request,
        subset,
        budget: budgetOf(i),
        seed: `${request.seed}/${learner.name}`,
        onProgress(share) {
          shares[i] = share;
          request.onProgress?.(shares.reduce((sum, own) => sum + own, 0) / learners.length);
        },
      }),
    ),
  );
}
