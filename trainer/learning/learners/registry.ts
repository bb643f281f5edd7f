import { MinutehandError } from '../../../shared/errors.ts';
import { ENGINES, GPU_ENGINES, type Device } from '../../../shared/policy/engines.ts';
import type { TrainPolicy, TreePolicy } from '../../../shared/policy/policy.ts';
import type { Learner, LearnerDefinition } from './contract/learner.ts';
import type { NetworkParameters } from './networks/network_parameters.ts';
import { NETWORK_LEARNERS, type NetworkSetup } from './networks/networks.ts';
import { LOGISTIC } from './linear/logistic.ts';
import { PRIOR } from './linear/prior.ts';
import { PROGRAM, type ProgramSetup } from './program/program.ts';
import { SCIKIT_LEARNERS, type ScikitSetup } from './scikit/scikit.ts';
import { TREE_LEARNERS, type FitTrees, type TreeSetup } from './trees/tree_learners.ts';
import { BAGGING } from './bagging/bagging.ts';
import { ensembleParameters, type EnsembleParameters, type EnsembleSetup } from './mixture/ensemble_parameters.ts';
import { STACKING } from './stacking/stacking.ts';
import { VOTE } from './vote/vote.ts';

/** What a learner may need to open. */
type Setup = TreeSetup & EnsembleSetup & ProgramSetup & ScikitSetup & NetworkSetup;

/** Every learner. A new one is a folder beside this file and a line here. */
export const LEARNERS: readonly LearnerDefinition<Setup>[] = [
  PRIOR,
  LOGISTIC,
  ...TREE_LEARNERS,
  BAGGING,
  STACKING,
  VOTE,
  PROGRAM,
  ...SCIKIT_LEARNERS,
  ...NETWORK_LEARNERS,
];

export interface LearnerSetup {
  readonly parameters: TreePolicy;
  /** On this thread (`runFit`), or on those of a pool. */
  readonly fitTrees: FitTrees;
  readonly ensembles: EnsembleParameters;
  readonly network: NetworkParameters;
  /** Absent: cpu. */
  readonly device?: Device | undefined;
  /** Names of the columns of the matrix. */
  readonly columnNames: readonly string[];
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
  const learner = learnerNamed(name).open({
    ...setup,
    openMember: (member) => openLearner(member, setup),
  });
  return setup.device === 'gpu' && GPU_ENGINES.includes(name) ? onGpu(learner) : learner;
}

/** Says how a training that fails on the GPU goes on without it. */
function onGpu(learner: Learner): Learner {
  const withNext = (error: unknown): unknown =>
    error instanceof MinutehandError && error.code === 'LEARNER_FAILED'
      ? new MinutehandError(error.code, {
          ...error.detail,
          next: `If the GPU is the reason: ${learner.name} learns without one where train.device is cpu (--device cpu). Else: ${error.next}`,
          cause: error,
        })
      : error;
  return {
    ...learner,
    fit: (request) =>
      learner.fit(request).catch((error: unknown) => {
        throw withNext(error);
      }),
  };
}

/** Names of the learners of the members of one, in order; its own where it is one. */
export function partsOf(name: string, ensembles: EnsembleParameters): readonly string[] {
  const { voteMembers, bagging, stacking } = ensembles;
  switch (name) {
    case VOTE.name:
      return voteMembers;
    case BAGGING.name:
      return bagging.members;
    case STACKING.name:
      return stacking.members;
    default:
      return [name];
  }
}

/** Names of all learners that take part where one does: itself, its parts, and theirs. */
export function learnersIn(name: string, ensembles: EnsembleParameters): readonly string[] {
  const parts = partsOf(name, ensembles).filter((part) => part !== name);
  return [...new Set([name, ...parts.flatMap((part) => learnersIn(part, ensembles))])];
}

/** Between an ensemble of one family and the same ensemble of several. */
const MIXED = 10;

/**
 * Order of simplicity; a smaller number is simpler: base rates, linear models, single trees, forests, ensembles of one
 * family (bagging, stacking, vote), programs, networks, and last ensembles with a network or with members of several
 * families.
 * @throws MinutehandError USAGE
 */
export function complexityOf(name: string, ensembles: EnsembleParameters): number {
  const { complexity, family } = learnerNamed(name);
  if (family !== 'ensemble') return complexity;
  const families = new Set(learnersIn(name, ensembles).map((part) => learnerNamed(part).family));
  families.delete('ensemble');
  return families.size > 1 || families.has('network') ? complexity + MIXED : complexity;
}

type Trained = Pick<TrainPolicy, 'engine' | 'vote_members' | 'bagging' | 'stacking'>;

/** Fits of trees behind one model; at least 1. */
export function treeFitsOf(train: Trained): number {
  return Math.max(1, treeFits(train.engine, ensembleParameters(train)));
}

function treeFits(name: string, ensembles: EnsembleParameters): number {
  const { stacking } = ensembles;
  if (isTreeEngine(name)) return 1;
  const parts = partsOf(name, ensembles);
  if (parts.length === 1 && parts[0] === name) return 0;
  const once = parts.reduce((sum, part) => sum + treeFits(part, ensembles), 0);
  // A stack learns its members again before each later block.
  if (name === STACKING.name) return (stacking.blocks + 1) * once;
  return once;
}

/** Whether the parameters of trees have an effect, so that a search can find better ones. */
export function hasTrees(train: Trained): boolean {
  return treeFits(train.engine, ensembleParameters(train)) > 0;
}

/** Whether a learner is a single engine of trees. */
export function isTreeEngine(name: string): boolean {
  return (ENGINES as readonly string[]).includes(name);
}

/** @throws MinutehandError LEARNER_MISSING when a library that it needs is not on this machine */
export function refuseMissingLearner(name: string, ensembles: EnsembleParameters): void {
  for (const part of new Set(partsOf(name, ensembles)))
    if (part === name) learnerNamed(part).refuseMissing();
    else refuseMissingLearner(part, ensembles);
}

/** Whether a learner, or a member of it, can learn on a GPU. */
export function usesGpu(name: string, ensembles: EnsembleParameters): boolean {
  return (
    GPU_ENGINES.includes(name) || partsOf(name, ensembles).some((part) => part !== name && usesGpu(part, ensembles))
  );
}

/**
 * @param names of the learners of a training
 * @throws MinutehandError SETTING_UNSUPPORTED for a GPU that none of them would use
 */
export function refuseUnusedDevice(
  names: readonly string[],
  device: Device | undefined,
  ensembles: EnsembleParameters,
): void {
  if (device !== 'gpu' || names.some((name) => usesGpu(name, ensembles))) return;
  throw new MinutehandError('SETTING_UNSUPPORTED', {
    seen: `train.device gpu with ${names.join(', ')}`,
    expected: `one of ${GPU_ENGINES.join(', ')}: the others learn on the processor`,
    next: 'Set train.device to cpu (--device cpu), or choose one of these engines.',
  });
}
