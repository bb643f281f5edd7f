import { MinutehandError } from '../../../shared/errors.ts';
import { ENGINES } from '../../../shared/policy/engines.ts';
import type { TrainPolicy, TreePolicy } from '../../../shared/policy/policy.ts';
import type { Learner, LearnerDefinition } from './contract/learner.ts';
import type { NetworkParameters } from './networks/network_parameters.ts';
import { NETWORK_LEARNERS, type NetworkSetup } from './networks/networks.ts';
import { LOGISTIC } from './linear/logistic.ts';
import { PRIOR } from './linear/prior.ts';
import { PROGRAM, type ProgramSetup } from './program/program.ts';
import { TREE_LEARNERS, type FitTrees, type TreeSetup } from './trees/tree_learners.ts';
import { VOTE, type VoteSetup } from './vote/vote.ts';

/** What a learner may need to open. */
type Setup = TreeSetup & VoteSetup & ProgramSetup & NetworkSetup;

/** Every learner. A new one is a folder beside this file and a line here. */
export const LEARNERS: readonly LearnerDefinition<Setup>[] = [
  PRIOR,
  LOGISTIC,
  ...TREE_LEARNERS,
  VOTE,
  PROGRAM,
  ...NETWORK_LEARNERS,
];

export interface LearnerSetup {
  readonly parameters: TreePolicy;
  /** On this thread (`runFit`), or on those of a pool. */
  readonly fitTrees: FitTrees;
  readonly voteMembers: readonly string[];
  readonly network: NetworkParameters;
  /** Names of the columns of the matrix. */
  readonly columnNames: readonly string[];
}

/** Members of a vote where `train.vote_members` is absent: what every machine has. */
export const DEFAULT_VOTE: readonly string[] = ['gbdt', 'random_forest', 'logistic'];

export function voteMembersOf({ vote_members }: Pick<TrainPolicy, 'vote_members'>): readonly string[] {
  return vote_members ?? DEFAULT_VOTE;
}

/** @throws MinutehandError USAGE */
export function learnerNamed(name: string): LearnerDefinition<Setup> {
  const found = LEARNERS.find((own) => own.name === name);
  if (found !== undefined) return found;
  throw new MinutehandError('USAGE', {
    seen: `learner ${name}`,
    expected: `one of ${LEARNERS.map((own) => own.name).join(', ')}`,
  });
}

/** @throws MinutehandError USAGE */
export function openLearner(name: string, setup: LearnerSetup): Learner {
  return learnerNamed(name).open({ ...setup, openMember: (member) => openLearner(member, setup) });
}

/** Names of the learners that one consists of; its own where it is one. */
export function partsOf(name: string, voteMembers: readonly string[]): readonly string[] {
  return name === VOTE.name ? voteMembers : [name];
}

type Trained = Pick<TrainPolicy, 'engine' | 'vote_members'>;

/** Fits of trees behind one model; at least 1. */
export function treeFitsOf(train: Trained): number {
  return Math.max(1, treePartsOf(train).length);
}

/** Whether the parameters of trees have an effect, so that a search can find better ones. */
export function hasTrees(train: Trained): boolean {
  return treePartsOf(train).length > 0;
}

function treePartsOf(train: Trained): string[] {
  const engines: readonly string[] = ENGINES;
  return partsOf(train.engine, voteMembersOf(train)).filter((name) => engines.includes(name));
}

/** @throws MinutehandError LEARNER_MISSING when a library that it needs is not on this machine */
export function refuseMissingLearner(name: string, voteMembers: readonly string[]): void {
  for (const part of partsOf(name, voteMembers)) learnerNamed(part).refuseMissing();
}
