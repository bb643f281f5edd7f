import { MinutehandError } from '../../../../shared/errors.ts';
import type { TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Fitted } from '../contract/fitted.ts';
import type { FitRequest, Learner } from '../contract/learner.ts';
import { splitOffTheEnd } from '../contract/stopping_rows.ts';
import { fittedTrees, treesOf } from '../trees/fitted_trees.ts';
import { balanceRows, FOCAL_LOSS, type Balance } from './balance.ts';

const CLASSES = 2;
const NO_ROWS = new Int32Array(0);

/**
 * The learner, which balances the classes among the rows that it learns from. Rows on which the number of steps is
 * chosen are never resampled. A model that goes on from another one learns from the rows as they are: its base is
 * calibrated.
 * @throws MinutehandError LEARNER_TASK for focal loss with a learner other than gbdt
 */
export function balancedLearner(learner: Learner, balance: Balance): Learner {
  if (balance === 'none') return learner;
  refuseUnfitBalance(learner.name, balance);
  return balance === 'focal' ? focalLearner(learner) : resamplingLearner(learner, balance);
}

/** @throws MinutehandError LEARNER_TASK for focal loss with a learner other than gbdt */
export function refuseUnfitBalance(learner: string, balance: Balance): void {
  if (balance !== 'focal' || learner === 'gbdt') return;
  throw new MinutehandError('LEARNER_TASK', {
    seen: `${learner}, with focal loss`,
    next: 'Use the engine gbdt, or another train.balance.',
  });
}

function resamplingLearner(learner: Learner, balance: Balance): Learner {
  return {
    name: learner.name,
    supports: learner.supports,
    async fit(request) {
      if (request.continueFrom !== null) return learner.fit(request);
      const { rows, subset, budget, seed } = request;
      const given = budget.kind === 'early_stopping' ? budget.stopping : NO_ROWS;
      const split = given === null && learner.supports.stopping ? splitOffTheEnd(rows, subset) : null;
      const balanced = balanceRows(rows, CLASSES, split?.train ?? subset, split?.stopping ?? given ?? NO_ROWS, {
        balance,
        classWeightRatio: 1,
        seed: `${seed}/balance`,
      });
      const stopping = balanced.stopping.length === 0 ? null : balanced.stopping;
      return learner.fit({
        ...request,
        rows: balanced.rows,
        subset: balanced.train,
        budget: budget.kind === 'early_stopping' ? { kind: 'early_stopping', stopping } : budget,
      });
    },
  };
}

/**
 * As many trees as help with cross-entropy: by that measure focal loss, which pulls probabilities together, gets worse
 * from its first tree on where a class is rare.
 */
function focalLearner(learner: Learner): Learner {
  /** Models of two classes by those of one probability: a length is copied from the first. */
  const ofClasses = new WeakMap<Fitted, Fitted>();
  const lengthOf = async (request: FitRequest): Promise<FitRequest['budget']> => {
    const { budget } = request;
    if (budget.kind === 'like') return { kind: 'like', model: ofClasses.get(budget.model) ?? budget.model };
    if (budget.kind === 'fixed') return budget;
    const { iterations } = await learner.fit(request);
    return { kind: 'fixed', iterations: Math.max(1, iterations ?? 1) };
  };
  return {
    name: learner.name,
    supports: learner.supports,
    async fit(request) {
      if (request.continueFrom !== null) return learner.fit(request);
      const task = { kind: 'multiclass', classes: CLASSES, focal: FOCAL_LOSS } as const;
      const model = await learner.fit({ ...request, budget: await lengthOf(request), task });
      const probability = oneProbability(model);
      ofClasses.set(probability, model);
      return probability;
    },
  };
}

/** The softmax of two margins is the sigmoid of their difference, which is a sum of trees as well. */
function oneProbability(model: Fitted): Fitted {
  const [negative, positive] = treesOf(model).ensembles as [
    TreeModel['ensembles'][number],
    TreeModel['ensembles'][number],
  ];
  const opposite = negative.trees.map((tree) => ({ ...tree, value: tree.value.map((value) => -value) }));
  return fittedTrees(model.learner, {
    link: 'sigmoid',
    ensembles: [
      {
        columns: positive.columns,
        baseScore: Math.fround(positive.baseScore - negative.baseScore),
        trees: [...positive.trees, ...opposite],
      },
    ],
  });
}
