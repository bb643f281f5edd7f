import type { Rng } from '../../ports.ts';
import { createRng } from '../../rng.ts';
import { emptyTree, type Tree, type TreeEnsemble } from '../onnx/tree_ensemble.ts';

export interface RandomEnsembleOptions {
  readonly trees: number;
  /** Leaves of every tree. */
  readonly leaves: number;
  readonly columns: number;
  readonly seed: string;
  /** Thresholds to draw from; standard normal ones unless given. */
  readonly threshold?: (rng: Rng) => number;
}

/**
 * Boosted trees as leaf-wise learning makes them, with random splits: what benchmarks and tests score. The same seed,
 * the same trees.
 */
export function randomEnsemble(options: RandomEnsembleOptions): TreeEnsemble {
  const rng = createRng(options.seed);
  const trees = Array.from({ length: options.trees }, () => randomTree(rng, options));
  return { columns: options.columns, baseScore: Math.fround(rng.normal() * 0.1), trees };
}

function randomTree(rng: Rng, { leaves, columns, threshold = (from) => from.normal() }: RandomEnsembleOptions): Tree {
  const nodes = 2 * leaves - 1;
  const tree = emptyTree(nodes);
  const open = [0];
  for (let next = 1; next < nodes; next += 2) {
    const [node] = open.splice(rng.integer(open.length), 1);
    tree.feature[node!] = rng.integer(columns);
    tree.threshold[node!] = threshold(rng);
    tree.missingLeft[node!] = rng.integer(2);
    tree.left[node!] = next;
    tree.right[node!] = next + 1;
    open.push(next, next + 1);
  }
  for (const leaf of open) tree.value[leaf] = rng.normal() * 0.1;
  return tree;
}

/** Rows of standard normal numbers, each missing with probability `missing`: [rows × columns]. */
export function randomRows(rng: Rng, rows: number, columns: number, missing = 0.03): Float32Array {
  return Float32Array.from({ length: rows * columns }, () => (rng.uniform() < missing ? NaN : rng.normal()));
}
