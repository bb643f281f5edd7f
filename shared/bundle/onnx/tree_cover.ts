import { findLeaf, type Matrix, type Tree, type TreeModel } from './tree_ensemble.ts';

const SAMPLED_ROWS = 4000;

/**
 * The model with the cover of every node, counted on evenly spaced rows of its training data. Scores do not change.
 * @param rows counted at most
 */
export function withCover(model: TreeModel, x: Matrix, rows = SAMPLED_ROWS): TreeModel {
  const stride = Math.max(1, Math.ceil(x.rows / rows));
  const ensembles = model.ensembles.map((ensemble) => ({
    ...ensemble,
    trees: ensemble.trees.map((tree) => ({ ...tree, cover: coverOf(tree, x, stride) })),
  }));
  return { ...model, ensembles };
}

function coverOf(tree: Tree, x: Matrix, stride: number): Float32Array {
  const cover = new Float32Array(tree.feature.length);
  for (let row = 0; row < x.rows; row += stride) cover[findLeaf(tree, x.values, row * x.columns)]!++;
  const sum = (node: number): number => {
    const isLeaf = tree.feature[node]! < 0;
    return (cover[node] = isLeaf ? cover[node]! + 1 : sum(tree.left[node]!) + sum(tree.right[node]!));
  };
  sum(0);
  return cover;
}
