import { takeLabels, takeRows, type FitRows } from '../contract/fit_rows.ts';
import type { Fitted } from '../contract/fitted.ts';
import { refuseEnsemble, type FitRequest, type Learner, type LearnerDefinition } from '../contract/learner.ts';
import { memberSeed, type EnsembleSetup, type StackingParameters } from '../mixture/ensemble_parameters.ts';
import { fittedMixture, mixtureOf } from '../mixture/fitted_mixture.ts';
import { fitMembers } from '../mixture/member_fits.ts';
import type { FittedMixture } from '../mixture/mixture.ts';
import type { AnsweredRows } from './answered_rows.ts';
import { laterBlocks, type LaterBlock } from './later_blocks.ts';
import { equalMeta, greedyMeta, logisticMeta, type LearnedMeta } from './meta_learner.ts';

/**
 * Stacking (Wolpert 1992): what the members are worth is learned from their answers to blocks of time that came after
 * all that they had learned from; then the members learn all rows. A model like another one has its meta-learner.
 */
export const STACKING: LearnerDefinition<EnsembleSetup> = {
  name: 'stacking',
  complexity: 6,
  family: 'ensemble',
  // Of its least deterministic member.
  determinism: 'same_environment',
  supports: { stopping: true, continuing: false, tasks: ['binary', 'multiclass'] },
  refuseMissing: () => undefined,
  open: ({ ensembles: { stacking }, openMember }) => ({
    name: STACKING.name,
    supports: STACKING.supports,
    refuse: (request) => refuseEnsemble(STACKING, stacking.members.map(openMember), request),
    async fit(request) {
      const learners = stacking.members.map(openMember);
      refuseEnsemble(STACKING, learners, request);
      const seed = memberSeed(request.seed, stacking.seed);
      const { budget, rows, subset } = request;
      if (budget.kind === 'like') {
        const base = mixtureOf(budget.model);
        const members = await fitMembers(
          request,
          learners.map((learner, i) => ({
            learner,
            changes: { budget: { kind: 'like', model: base.members[i]! }, seed: `${seed}/${learner.name}` },
          })),
        );
        return stack(members, base);
      }
      const blocks = budget.kind === 'fixed' ? null : laterBlocks(rows, subset, stacking.blocks);
      const { members, answered } = await fitAround(request, { learners, blocks: blocks ?? [], seed });
      const meta = answered === null ? equalMeta(members, stacking.probabilities) : learnMeta(answered, stacking);
      return stack(members, meta);
    },
  }),
};

function stack(members: readonly Fitted[], { weights, of, intercept }: LearnedMeta): FittedMixture {
  return fittedMixture({ learner: STACKING.name, members, weights, of, intercept });
}

function learnMeta(rows: AnsweredRows, { meta, probabilities }: StackingParameters): LearnedMeta {
  return meta === 'greedy' ? greedyMeta(rows, probabilities) : logisticMeta(rows, probabilities);
}

interface Stacked {
  readonly learners: readonly Learner[];
  readonly blocks: readonly LaterBlock[];
  readonly seed: string;
}

/**
 * The members of all rows, and the answers of such of the rows before a block to that block.
 * @returns answered null without blocks
 */
async function fitAround(
  request: FitRequest,
  { learners, blocks, seed }: Stacked,
): Promise<{ readonly members: readonly Fitted[]; readonly answered: AnsweredRows | null }> {
  const { rows } = request;
  const fitted = await fitMembers(request, [
    ...learners.map((learner) => ({ learner, changes: { seed: `${seed}/${learner.name}` } })),
    ...blocks.flatMap(({ before }, block) =>
      learners.map((learner) => ({
        learner,
        changes: {
          subset: before,
          budget: { kind: 'early_stopping', stopping: null } as const,
          seed: `${seed}/block ${block + 1}/${learner.name}`,
        },
      })),
    ),
  ]);
  const members = fitted.slice(0, learners.length);
  const earlier = fitted.slice(learners.length);
  if (blocks.length === 0) return { members, answered: null };
  const of = (member: number, block: number): Fitted => earlier[block * learners.length + member]!;
  return { members, answered: answersOf(rows, blocks, learners.length, of) };
}

function answersOf(
  rows: FitRows,
  blocks: readonly LaterBlock[],
  members: number,
  of: (member: number, block: number) => Fitted,
): AnsweredRows {
  const answered = Int32Array.from(blocks.flatMap(({ block }) => [...block]));
  const parts = blocks.map(({ block }) => takeRows(rows.x, block));
  return {
    width: of(0, 0).width,
    answers: Array.from({ length: members }, (_, member) =>
      Float64Array.from(parts.flatMap((x, block) => [...of(member, block).answers(x)])),
    ),
    labels: takeLabels(rows.y, answered),
    weights: takeLabels(rows.weights, answered),
  };
}
