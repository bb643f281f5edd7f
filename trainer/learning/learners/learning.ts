import type { FeatureDefinition, ModelName } from '../../../shared/core/features/feature.ts';
import type { Balance } from '../../../shared/policy/balances.ts';
import type { Settings, TrainPolicy } from '../../../shared/policy/policy.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import type { LearnerParams } from './trees/learner.ts';
import { treeParams } from './trees/tree_learners.ts';
import type { FitRows } from './contract/fit_rows.ts';
import type { Fitted } from './contract/fitted.ts';
import type { Learner } from './contract/learner.ts';
import type { Task } from './contract/task.ts';
import { ensembleParameters } from './mixture/ensemble_parameters.ts';
import { networkParameters } from './networks/network_parameters.ts';
import { balancedLearner } from './balance/balanced_learner.ts';
import { openLearner, type LearnerSetup } from './registry.ts';

/** AI3's target is a fraction rather than a class; it is trained with the same cross-entropy. */
export const TASK: Task = { kind: 'binary' };

/** Trains on these rows of a table, with as many steps as another model has, or null = as many as help. */
export type ModelFit = (rows: FitRows, subset: Int32Array, like: Fitted | null) => Promise<Fitted>;

/** A model that was learned elsewhere. Its training rows here are those on which it is calibrated. */
export interface ImportedModel {
  readonly model: Fitted;
  /** Rows that it may have learned from, and those of its calibration. */
  readonly rows: number;
  /** Starts of the folds of its calibration: before the first one it has no answer. */
  readonly foldStarts: readonly number[];
}

/** Training inputs shared by all three models. */
export interface Learning {
  readonly dataset: Dataset;
  readonly settings: Settings;
  readonly seed: number;
  /** Starts of the folds of each model; absent = folds of about equal size. */
  readonly foldStarts?: Readonly<Record<ModelName, readonly number[]>>;
  /** Models that are not learned; absent = none. */
  readonly imported?: Partial<Readonly<Record<ModelName, ImportedModel>>>;
  /**
   * Begins the progress of a fit that no pool of threads counts; absent: all fits are trees.
   * @returns takes the share done, 0 to 1
   */
  readonly startFit?: () => (share: number) => void;
  /** Models of a warm start; absent = training from scratch. */
  readonly known?: {
    readonly models: Readonly<Record<ModelName, Fitted>>;
    /** Rows they were trained on. */
    readonly rows: Readonly<Record<ModelName, number>>;
    /** Learns something else than more trees from later rows; absent: trees are added. */
    readonly update?: ((known: Fitted) => ModelFit) | undefined;
  };
}

export function learnerParams(
  { minutehand }: Settings,
  definitions: readonly FeatureDefinition[],
  model: ModelName,
  seed: number,
): LearnerParams {
  return treeParams(minutehand.train[model], columnsOf(definitions, model), `${seed}/${model}`);
}

/** The columns that a model may use. */
export function columnsOf(definitions: readonly FeatureDefinition[], model: ModelName): number[] {
  return definitions.flatMap(({ models }, column) => (models.includes(model) ? [column] : []));
}

/** The learner of `train.engine` with the parameters of a model. */
export function openModelLearner(
  { minutehand: { train } }: Settings,
  model: ModelName,
  definitions: readonly FeatureDefinition[],
  fitTrees: LearnerSetup['fitTrees'],
): Learner {
  const learner = openLearner(train.engine, {
    parameters: train[model],
    fitTrees,
    ensembles: ensembleParameters(train),
    network: networkParameters(train.networks, model),
    device: train.device,
    columnNames: definitions.map(({ name }) => name),
  });
  return balancedLearner(learner, balanceOf(train, model));
}

/** @returns what balances the rows of a model; `none` for AI3, whose label is a fraction */
export function balanceOf({ balance = {} }: Pick<TrainPolicy, 'balance'>, model: ModelName): Balance {
  return model === 'ai3' ? 'none' : (balance[model] ?? 'none');
}
