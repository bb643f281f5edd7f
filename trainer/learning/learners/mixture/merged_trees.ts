import type { TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Fitted } from '../contract/fitted.ts';
import { isTrees, treesOf } from '../trees/fitted_trees.ts';
import type { Mixture } from './mixture.ts';

/** Whether all of them are trees whose sum is a logit. */
export function areLogitTrees(members: readonly Fitted[]): boolean {
  return members.every((member) => isTrees(member) && member.link === 'sigmoid');
}

/**
 * Whether a mixture is itself a sum of trees: of logits where the members are trees whose sum is a logit, or a mean of
 * probabilities where the sums of their trees are these probabilities.
 */
export function canMerge({ members, of, intercept }: Mixture): boolean {
  if (intercept !== null) return of === 'logit' && areLogitTrees(members);
  return members.every((member) => isTrees(member) && member.link === 'identity' && member.width === 1);
}

/**
 * All trees of the members, with leaves and base scores multiplied by the weights. They are rounded to float32 again,
 * with a relative error of 6e-8.
 */
export function mergedTrees({ members, weights, intercept }: Mixture): TreeModel {
  const models = members.map(treesOf);
  const [first] = models as [TreeModel];
  const ensembles = models.map((model) => model.ensembles[0]!);
  const base = ensembles.reduce((sum, { baseScore }, i) => sum + weights[i]! * baseScore, intercept ?? 0);
  return {
    link: first.link,
    ensembles: [
      {
        columns: ensembles[0]!.columns,
        baseScore: Math.fround(base),
        trees: ensembles.flatMap(({ trees }, i) =>
          trees.map((tree) => ({ ...tree, value: tree.value.map((value) => weights[i]! * value) })),
        ),
      },
    ],
  };
}
