import { GPU_ENGINES, type Device, type Engine } from '../../../../shared/policy/engines.ts';
import type { TreePolicy } from '../../../../shared/policy/policy.ts';
import type { TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Fitted } from '../contract/fitted.ts';
import { refuseUnsupported, type FitRequest, type LearnerDefinition } from '../contract/learner.ts';
import { withClassMargins } from '../contract/class_margins.ts';
import { refuseMissingEngine } from './engines/engines.ts';
import type { FitTask, OnTree } from './fit.ts';
import { countTrees, fittedTrees, treesOf, type FittedTrees } from './fitted_trees.ts';
import { LEARNER_DEFAULTS, type LearnerParams } from './learner.ts';
import { treeParametersOf } from './tree_policy.ts';

/** Fits one model, on this thread or on one of a pool. */
export type FitTrees = (
  task: FitTask,
  onTree: OnTree,
  options?: { readonly signal?: AbortSignal },
) => Promise<TreeModel>;

export interface TreeSetup {
  readonly parameters: TreePolicy;
  /** Absent: cpu. */
  readonly device?: Device | undefined;
  readonly fitTrees: FitTrees;
}

const ALL_TASKS = ['binary', 'multiclass', 'regression', 'quantile'] as const;

export const TREE_LEARNERS: readonly LearnerDefinition<TreeSetup>[] = [
  treeLearner('gbdt', {
    complexity: 2,
    determinism: 'any_machine',
    supports: { stopping: true, continuing: true, tasks: ALL_TASKS },
  }),
  treeLearner('random_forest', {
    complexity: 3,
    determinism: 'any_machine',
    // A forest has no best number of trees.
    supports: { stopping: false, continuing: false, tasks: ['binary', 'multiclass', 'regression'] },
  }),
  treeLearner('lightgbm', {
    complexity: 2,
    determinism: 'same_environment',
    supports: { stopping: true, continuing: false, tasks: ALL_TASKS },
  }),
  treeLearner('xgboost', {
    complexity: 2,
    determinism: 'same_environment',
    supports: { stopping: true, continuing: false, tasks: ALL_TASKS },
  }),
];

/** @param columns that may split; null = all */
export function treeParams(policy: TreePolicy, columns: readonly number[] | null, seed: string): LearnerParams {
  return { ...LEARNER_DEFAULTS, ...treeParametersOf(policy), seed, columns };
}

function treeLearner(
  engine: Engine,
  facts: Pick<LearnerDefinition<TreeSetup>, 'complexity' | 'determinism' | 'supports'>,
): LearnerDefinition<TreeSetup> {
  return {
    ...facts,
    name: engine,
    family: 'trees',
    refuseMissing: () => refuseMissingEngine(engine),
    open: ({ parameters, device, fitTrees }) => ({
      name: engine,
      supports: facts.supports,
      async fit(request) {
        refuseUnsupported({ name: engine, supports: facts.supports }, request);
        const { onProgress, signal } = request;
        const own = taskOf(engine, parameters, facts.supports.stopping, request);
        const onGpu = device === 'gpu' && GPU_ENGINES.includes(engine);
        if ('finished' in own) return fittedOf(engine, own.finished);
        const onTree: OnTree = (done, total) => onProgress?.(done / total);
        const placed: FitTask = onGpu ? { ...own, params: { ...own.params, device: 'gpu' } } : own;
        return fittedOf(engine, await fitTrees(placed, onTree, { ...(signal && { signal }) }));
      },
    }),
  };
}

/** The shares of classes, which a forest answers, have margins as well. */
function fittedOf(engine: Engine, model: TreeModel): FittedTrees {
  const fitted = fittedTrees(engine, model);
  return model.link === 'identity' && fitted.width > 1 ? withClassMargins(fitted) : fitted;
}

/**
 * Boosting goes on from the answers of a model (Friedman 2001: each tree is fitted to the residuals of the previous
 * sum): the base's trees, then new ones. Its draws are not repeated, whatever the seed.
 * @returns the base itself where that has as many trees as are asked for
 */
function taskOf(
  engine: Engine,
  parameters: TreePolicy,
  canStop: boolean,
  { task, rows, subset, columns, budget, seed, continueFrom }: FitRequest,
): FitTask | { readonly finished: TreeModel } {
  const base = continueFrom === null ? null : treesOf(continueFrom);
  const before = base === null ? 0 : countTrees(base);
  const wanted = budget.kind === 'fixed' ? budget.iterations : budget.kind === 'like' ? stepsOf(budget.model) : null;
  if (base !== null && wanted !== null && wanted <= before) return { finished: base };
  const params = treeParams(parameters, columns, base === null ? seed : `${seed}/behind ${before} trees`);
  const rounds = wanted === null ? params.rounds : wanted - before;
  const stopping = budget.kind === 'early_stopping' ? budget.stopping : null;
  return {
    engine,
    task,
    rows,
    subset,
    params: { ...params, rounds },
    stopsEarly: budget.kind === 'early_stopping' && canStop,
    base,
    ...(stopping && { stopping }),
  };
}

function stepsOf(model: Fitted): number {
  return countTrees(treesOf(model));
}
