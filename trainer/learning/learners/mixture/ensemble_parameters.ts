import type { TrainPolicy } from '../../../../shared/policy/policy.ts';
import type { Learner } from '../contract/learner.ts';

/** Members of a vote or a stack that names none: learners that need no further library. */
const DEFAULT_MEMBERS: readonly string[] = ['gbdt', 'random_forest', 'logistic'];
const BAG_MEMBERS = 10;
const STACK_BLOCKS = 3;

export interface BaggingParameters {
  /** Name of the learner of each member. */
  readonly members: readonly string[];
  /** Share of the blocks of time that a member draws, with replacement. */
  readonly fraction: number;
  /** null: that of the training alone. */
  readonly seed: number | null;
}

export interface StackingParameters {
  readonly members: readonly string[];
  /** What learns from the answers of the members. */
  readonly meta: 'greedy' | 'logistic';
  /** Later blocks of time that the members answer before their rows are learned. */
  readonly blocks: number;
  /** Whether it learns from probabilities, or from their logits. */
  readonly probabilities: boolean;
  readonly seed: number | null;
}

/** What learners over learners consist of. */
export interface EnsembleParameters {
  readonly voteMembers: readonly string[];
  readonly bagging: BaggingParameters;
  readonly stacking: StackingParameters;
}

/** What a learner over learners needs. */
export interface EnsembleSetup {
  readonly ensembles: EnsembleParameters;
  openMember(name: string): Learner;
}

/** The configured ensembles, with the default of whatever is absent. */
export function ensembleParameters({
  vote_members,
  bagging = {},
  stacking = {},
}: Pick<TrainPolicy, 'vote_members' | 'bagging' | 'stacking'>): EnsembleParameters {
  const learners: readonly string[] = bagging.mixed ?? [bagging.base ?? 'gbdt'];
  return {
    voteMembers: vote_members ?? DEFAULT_MEMBERS,
    bagging: {
      members: Array.from(
        { length: bagging.members ?? BAG_MEMBERS },
        (_, member) => learners[member % learners.length]!,
      ),
      fraction: bagging.fraction ?? 1,
      seed: bagging.seed ?? null,
    },
    stacking: {
      members: stacking.members ?? DEFAULT_MEMBERS,
      meta: stacking.meta ?? 'greedy',
      blocks: stacking.folds ?? STACK_BLOCKS,
      probabilities: stacking.probabilities ?? true,
      seed: stacking.seed ?? null,
    },
  };
}

/** The seed of the members: another one where the ensemble has its own. */
export function memberSeed(seed: string, own: number | null): string {
  return own === null ? seed : `${seed}/${own}`;
}
