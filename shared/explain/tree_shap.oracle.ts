import type { Tree, TreeEnsemble } from '../bundle/onnx/tree_ensemble.ts';
import type { Attribution } from './tree_shap.ts';

/** Shapley values by their definition: the mean over all subsets of the other columns, exponential in the columns. */
export function shapleyBySubsets({ baseScore, columns, trees }: TreeEnsemble, row: Float32Array): Attribution {
  const value = (present: number): number =>
    trees.reduce((sum, tree) => sum + conditionalMean(tree, row, present, 0), baseScore);
  const values = Array.from({ length: 2 ** columns }, (_, subset) => value(subset));
  const contributions = Float64Array.from({ length: columns }, (_, column) => {
    let sum = 0;
    for (let subset = 0; subset < values.length; subset++) {
      if ((subset >> column) & 1) continue;
      const size = bitsOf(subset);
      const weight = (factorial(size) * factorial(columns - size - 1)) / factorial(columns);
      sum += weight * (values[subset | (1 << column)]! - values[subset]!);
    }
    return sum;
  });
  return { expected: values[0]!, contributions };
}

function conditionalMean(tree: Tree, row: Float32Array, present: number, node: number): number {
  const column = tree.feature[node]!;
  if (column < 0) return tree.value[node]!;
  const left = tree.left[node]!;
  const right = tree.right[node]!;
  if ((present >> column) & 1) {
    const x = row[column]!;
    const goesLeft = Number.isNaN(x) ? tree.missingLeft[node] === 1 : x <= tree.threshold[node]!;
    return conditionalMean(tree, row, present, goesLeft ? left : right);
  }
  const cover = tree.cover!;
  const share = cover[left]! / (cover[left]! + cover[right]!);
  return share * conditionalMean(tree, row, present, left) + (1 - share) * conditionalMean(tree, row, present, right);
}

function bitsOf(set: number): number {
  return set === 0 ? 0 : (set & 1) + bitsOf(set >> 1);
}

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}
