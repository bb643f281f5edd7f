import { MinutehandError } from '../../../../shared/errors.ts';
import type { DirectionBalance } from '../../../../shared/policy/balances.ts';
import { SEQUENCE_NETWORKS, type TrainEngine } from '../../../../shared/policy/engines.ts';
import type { InstrumentWindows } from '../../../../shared/core/features/instrument/definitions.ts';
import type { TrainPolicy } from '../../../../shared/policy/policy.ts';
import type { VectorScaling } from '../../calibrate/vector_scaling.ts';
import { vectorScaled } from '../../calibrate/vector_scaling.ts';
import type { Fitted } from '../../learners/contract/fitted.ts';
import type { Learner } from '../../learners/contract/learner.ts';
import { ensembleParameters, type EnsembleParameters } from '../../learners/mixture/ensemble_parameters.ts';
import {
  commonNetworkParameters,
  DEFAULT_SEQUENCE_BARS,
  isNetwork,
  type NetworkParameters,
} from '../../learners/networks/network_parameters.ts';
import { isTreeEngine, learnerNamed, learnersIn, openLearner, refuseMissingLearner } from '../../learners/registry.ts';
import type { FitPool } from '../../learners/trees/fit_pool.ts';
import { fittedTrees, isTrees } from '../../learners/trees/fitted_trees.ts';
import type { LearnerParams } from '../../learners/trees/learner.ts';
import { treePolicyOf } from '../../learners/trees/tree_policy.ts';

/** What a direction model is learned with; the parameters of its trees are beside it. */
export interface DirectionLearner {
  readonly engine: TrainEngine;
  /** What the ensembles among the learners consist of. */
  readonly ensembles: EnsembleParameters;
  /** Figures of the networks among them. */
  readonly network: NetworkParameters;
  /** Bars whose features gru, lstm and transformer get together. */
  readonly sequenceBars: number;
  /** Absent: all learn on the processor. */
  readonly device?: 'gpu';
}

/** The configured ensembles and networks behind an engine. */
export function directionLearner(
  engine: TrainEngine,
  train: Pick<TrainPolicy, 'vote_members' | 'bagging' | 'stacking' | 'networks' | 'device'>,
): DirectionLearner {
  return {
    engine,
    ensembles: ensembleParameters(train),
    network: commonNetworkParameters(train.networks),
    sequenceBars: train.networks?.sequence_bars ?? DEFAULT_SEQUENCE_BARS,
    ...(train.device === 'gpu' && { device: train.device }),
  };
}

/** One boosted model of our own trees. */
export const DELIVERED_LEARNER: DirectionLearner = directionLearner('gbdt', {});

/** Opens the learner with these parameters of trees, which are learned by the pool. */
export function openDirectionLearner(
  { engine, ensembles, network, device }: DirectionLearner,
  {
    params,
    columnNames,
    pool,
  }: {
    readonly params: LearnerParams;
    readonly columnNames: readonly string[];
    readonly pool: Pick<FitPool, 'fit'>;
  },
): Learner {
  return openLearner(engine, {
    parameters: treePolicyOf(params),
    fitTrees: (task, onTree, options) => pool.fit(task, onTree, options),
    ensembles,
    network,
    device,
    columnNames,
  });
}

/**
 * The windows of a training with these learners: with a sequence where one of them gets the features of several bars.
 */
export function windowsWith(windows: InstrumentWindows, learners: readonly DirectionLearner[]): InstrumentWindows {
  const reading = learners.find(({ engine, ensembles }) =>
    learnersIn(engine, ensembles).some((name) => SEQUENCE_NETWORKS.includes(name)),
  );
  return reading === undefined ? windows : { ...windows, sequence: reading.sequenceBars };
}

/** Whether it has trees, whose parameters a search can vary. */
export function learnsTrees({ engine, ensembles }: DirectionLearner): boolean {
  return learnersIn(engine, ensembles).some(isTreeEngine);
}

/** Whether it has what a search can vary: trees, or the figures of a network. */
export function isSearchable(learner: DirectionLearner): boolean {
  return isNetwork(learner.engine) || learnsTrees(learner);
}

/**
 * Refuses what cannot learn a direction model, before any bars are read.
 * @param balances that it would learn with
 * @throws MinutehandError LEARNER_TASK for a learner, or a member of one, that does not answer classes, and for focal
 * loss with another engine than gbdt; LEARNER_MISSING for a library that this machine lacks
 */
export function refuseUnfitLearner(
  { engine, ensembles }: DirectionLearner,
  balances: readonly DirectionBalance[],
): void {
  const seen = (part: string): string => (part === engine ? `the engine ${part}` : `${engine} with the member ${part}`);
  for (const part of learnersIn(engine, ensembles)) {
    if (!learnerNamed(part).supports.tasks.includes('multiclass'))
      throw new MinutehandError('LEARNER_TASK', {
        seen: `${seen(part)} for a direction model`,
        expected: 'learners that answer one of three classes',
        next: 'Choose another engine, such as gbdt, or other members.',
      });
  }
  if (balances.includes('focal') && engine !== 'gbdt')
    throw new MinutehandError('LEARNER_TASK', {
      seen: `${engine} with the balance focal`,
      expected: 'gbdt: only that has this loss',
      next: 'Choose another balance, or the engine gbdt.',
    });
  refuseMissingLearner(engine, ensembles);
}

/**
 * The model with calibrated probabilities.
 * @param model of classes, whose margins were calibrated
 */
export function calibratedModel(model: Fitted, scaling: VectorScaling): Fitted {
  if (scaling.slope.every((slope) => slope > 0)) return model.withMargins(scaling);
  if (isTrees(model) && model.trees.link === 'softmax')
    return fittedTrees(model.learner, vectorScaled(model.trees, scaling));
  // Higher margins were not more often right: it answers the base rates.
  const rates = scaling.intercept.map((rate) => ({
    columns: model.columns,
    baseScore: Math.fround(rate),
    trees: [],
  }));
  return fittedTrees(model.learner, { link: 'softmax', ensembles: rates });
}
