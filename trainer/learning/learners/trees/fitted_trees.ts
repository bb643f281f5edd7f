import { encodeTreeModel, treeNodes } from '../../../../shared/bundle/onnx/onnx.ts';
import { withCover } from '../../../../shared/bundle/onnx/tree_cover.ts';
import { predictModel, type TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Fitted, MarginScaling } from '../contract/fitted.ts';
import { ownPart } from '../contract/graph_part.ts';
import { openRawScorer, treeAnswers } from './scoring.ts';

/** A model that is nothing but trees and a link. */
export interface FittedTrees extends Fitted {
  readonly trees: TreeModel;
}

/** @param learner its name */
export function fittedTrees(learner: string, trees: TreeModel): FittedTrees {
  const { link, ensembles } = trees;
  const { columns } = ensembles[0]!;
  return {
    learner,
    columns,
    link,
    width: ensembles.length,
    iterations: countTrees(trees),
    trees,
    openMargins: () => openRawScorer(trees),
    answers: (x) => treeAnswers(trees, x),
    exactAnswers: (x) => predictModel(trees, x),
    withMargins: (scaling) => fittedTrees(learner, scaledTrees(trees, scaling)),
    columnUses: () => countSplits(trees, columns),
    graph: (place) => ownPart(treeNodes(trees, place)),
    toOnnx: ({ metadata, trained }) =>
      encodeTreeModel(trained === undefined ? trees : withCover(trees, trained), { metadata }),
  };
}

export function isTrees(fitted: Fitted): fitted is FittedTrees {
  return 'trees' in fitted;
}

/** @throws RangeError when the model is not of trees alone */
export function treesOf(fitted: Fitted): TreeModel {
  if (!isTrees(fitted)) throw new RangeError(`a model of ${fitted.learner} is not of trees`);
  return fitted.trees;
}

/** Trees, per answer if there are several. */
export function countTrees({ ensembles }: TreeModel): number {
  return ensembles.reduce((most, { trees }) => Math.max(most, trees.length), 0);
}

/**
 * The model with margins slope · f + intercept: base scores and leaves are multiplied, so that it remains a sum of
 * trees with the same graph. They are rounded to float32 again, with a relative error of 6e-8.
 * @throws RangeError as `Fitted.withMargins`
 */
export function scaledTrees({ link, ensembles }: TreeModel, { slope, intercept }: MarginScaling): TreeModel {
  if (link === 'identity') throw new RangeError('answers without a link have no margins to scale');
  return {
    link,
    ensembles: ensembles.map(({ columns, baseScore, trees }, answer) => {
      const factor = slope[answer] ?? NaN;
      const shift = intercept[answer] ?? NaN;
      if (!(factor > 0 && factor < Infinity && Number.isFinite(shift)))
        throw new RangeError(`slope ${factor} and intercept ${shift}, expected numbers, the slope above 0`);
      return {
        columns,
        baseScore: Math.fround(factor * baseScore + shift),
        trees: trees.map((tree) => ({ ...tree, value: tree.value.map((value) => factor * value) })),
      };
    }),
  };
}

/** Nodes that split on each column. */
function countSplits({ ensembles }: TreeModel, columns: number): Int32Array {
  const splits = new Int32Array(columns);
  for (const { trees } of ensembles)
    for (const { feature } of trees) for (const column of feature) if (column >= 0) splits[column]!++;
  return splits;
}
