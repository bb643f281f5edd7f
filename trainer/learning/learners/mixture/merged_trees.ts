import type { TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Fitted } from '../contract/fitted.ts';
import { isTrees, treesOf } from '../trees/fitted_trees.ts';
import type { Mixture } from './mixture.ts';

/** Whether all of them are trees whose sums are margins: a logit, or those of classes. */
export function areMarginTrees(members: readonly Fitted[]): boolean {
  return members.every((member) => isTrees(member) && member.trees.link !== 'identity');
}

/**
 * Whether a mixture is itself sums of trees: of margins where the members are trees whose sums are margins, or a mean
 * of probabilities where the sums of their trees are these probabilities.
 */
export function canMerge({ members, of, intercept }: Mixture): boolean {
  if (intercept !== null) return of === 'logit' && areMarginTrees(members);
  return members.every((member) => isTrees(member) && member.trees.link === 'identity');
}

/**
 * All trees of the members, answer by answer, with leaves and base scores multiplied by the weights. They are rounded
 * to float32 again, with a relative error of 6e-8.
 */
export function mergedTrees({ members, weights, intercept }: Mixture): TreeModel {
  const models = members.map(treesOf);
  const [first] = models as [TreeModel];
  return {
    link: first.link,
    ensembles: first.ensembles.map(({ columns }, answer) => {
      const ensembles = models.map((model) => model.ensembles[answer]!);
      const base = ensembles.reduce((sum, { baseScore }, i) => sum + weights[i]! * baseScore, intercept?.[answer] ?? 0);
      return {
        columns,
        baseScore: Math.fround(base),
        trees: ensembles.flatMap(({ trees }, i) =>
          trees.map((tree) => ({ ...tree, value: tree.value.map((value) => weights[i]! * value) })),
        ),
      };
    }),
  };
}
