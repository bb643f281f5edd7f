import { nextBelow } from '../../../../../shared/bundle/onnx/float32.ts';
import type { Link, Tree } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';

/**
 * Values beyond ±FAR, infinities included, are learned as ±FAR: XGBoost refuses infinities, and LightGBM learns them as
 * values of the last bin but scores them as beyond it. FAR is far enough from the greatest float32 (2^128) that what
 * the engines add to the greatest value of a column to get above it (as much again) is a float32 as well.
 */
export const FAR = 2 ** 126;

/** Facts of the training table that are missing in the model's text. */
export interface ModelShape {
  /** Of the table. */
  readonly columns: number;
  /** The table's column of each column that the engine was given. */
  readonly columnOf: ArrayLike<number>;
  readonly link: Link;
}

export interface Split {
  readonly column: number;
  /** The greatest float32 whose row goes left, by the engine's rule for values within ±FAR. */
  readonly threshold: number;
  readonly left: number;
  readonly right: number;
  readonly missingLeft: boolean;
}

/**
 * Makes `node` an inner node. A threshold beyond all training values (±FAR) separates missing values from the others.
 */
export function setSplit(tree: Tree, node: number, split: Split): void {
  const isBelowAll = split.threshold < -FAR;
  const isAboveAll = split.threshold >= FAR;
  tree.feature[node] = split.column;
  tree.threshold[node] = isBelowAll || isAboveAll ? Infinity : split.threshold;
  // No threshold is below −Infinity, so where every value goes right, the sides are exchanged and every value goes
  // left.
  tree.left[node] = isBelowAll ? split.right : split.left;
  tree.right[node] = isBelowAll ? split.left : split.right;
  tree.missingLeft[node] = split.missingLeft === isBelowAll ? 0 : 1;
}

/** The greatest float32 that is not above a double: for float32 numbers, x <= double exactly when x <= float32. */
export function floorToFloat32(value: number): number {
  const nearest = Math.fround(value);
  return nearest > value ? nextBelow(nearest) : nearest;
}
