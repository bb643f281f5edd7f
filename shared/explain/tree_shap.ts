import { MinutehandError } from '../errors.ts';
import type { Tree, TreeEnsemble } from '../bundle/onnx/tree_ensemble.ts';

/** What each feature adds to a score, in logits: `expected` plus all contributions is the score. */
export interface Attribution {
  /** Mean score over the training rows, by the cover of the leaves. */
  readonly expected: number;
  /** By column. */
  readonly contributions: Float64Array;
}

/**
 * Exact Shapley values of a row's score, where an absent feature follows both branches in proportion to their cover:
 * path-dependent TreeSHAP, Algorithm 2 of Lundberg, Erion & Lee, "Consistent Individualized Feature Attribution for
 * Tree Ensembles" (arXiv 1802.03888). O(leaves · depth²) per tree.
 * @throws MinutehandError EXPLAIN_NO_COVER for trees without cover
 */
export function treeShap({ baseScore, columns, trees }: TreeEnsemble, row: Float32Array): Attribution {
  const contributions = new Float64Array(columns);
  let expected = baseScore;
  for (const tree of trees) {
    expected += meanValue(tree, 0);
    const depth = depthOf(tree, 0) + 2;
    new Walk(tree, row, contributions, (depth * (depth + 1)) / 2).enter(0, 0, 0, -1, 1, 1);
  }
  return { expected, contributions };
}

/** @throws MinutehandError EXPLAIN_NO_COVER */
function coverOf(tree: Tree): Float32Array {
  if (tree.cover === undefined) throw new MinutehandError('EXPLAIN_NO_COVER', { seen: 'trees without nodes_hitrates' });
  return tree.cover;
}

function meanValue(tree: Tree, node: number): number {
  if (tree.feature[node]! < 0) return tree.value[node]!;
  const cover = coverOf(tree);
  const left = tree.left[node]!;
  const right = tree.right[node]!;
  return (cover[left]! * meanValue(tree, left) + cover[right]! * meanValue(tree, right)) / cover[node]!;
}

function depthOf(tree: Tree, node: number): number {
  if (tree.feature[node]! < 0) return 0;
  return 1 + Math.max(depthOf(tree, tree.left[node]!), depthOf(tree, tree.right[node]!));
}

/**
 * One tree's recursion. The unique path so far is a run of elements in flat arrays: feature, share of the paths that
 * flow through when it is absent (`zero`) and present (`one`), and the weight of subsets of each size. Each level has
 * its own run after its parent's.
 */
class Walk {
  readonly #tree: Tree;
  readonly #row: Float32Array;
  readonly #out: Float64Array;
  readonly #feature: Int32Array;
  readonly #zero: Float64Array;
  readonly #one: Float64Array;
  readonly #weight: Float64Array;

  constructor(tree: Tree, row: Float32Array, out: Float64Array, elements: number) {
    this.#tree = tree;
    this.#row = row;
    this.#out = out;
    this.#feature = new Int32Array(elements);
    this.#zero = new Float64Array(elements);
    this.#one = new Float64Array(elements);
    this.#weight = new Float64Array(elements);
  }

  /**
   * @param from start of the parent's run, which has `length` elements
   * @param column feature of the split above, −1 at the root
   */
  enter(node: number, from: number, length: number, column: number, zero: number, one: number): void {
    const tree = this.#tree;
    const at = from + length;
    for (const list of [this.#feature, this.#zero, this.#one, this.#weight]) list.copyWithin(at, from, from + length);
    this.#extend(at, length, column, zero, one);
    let count = length + 1;
    const split = tree.feature[node]!;
    if (split < 0) return this.#addLeaf(at, count, tree.value[node]!);

    const x = this.#row[split]!;
    const goesLeft = x <= tree.threshold[node]! || (Number.isNaN(x) && tree.missingLeft[node] === 1);
    const [hot, cold] = goesLeft ? [tree.left[node]!, tree.right[node]!] : [tree.right[node]!, tree.left[node]!];
    let zeroBefore = 1;
    let oneBefore = 1;
    for (let i = 1; i < count; i++) {
      if (this.#feature[at + i] !== split) continue;
      zeroBefore = this.#zero[at + i]!;
      oneBefore = this.#one[at + i]!;
      this.#unwind(at, count--, i);
      break;
    }
    const cover = coverOf(tree);
    this.enter(hot, at, count, split, (zeroBefore * cover[hot]!) / cover[node]!, oneBefore);
    this.enter(cold, at, count, split, (zeroBefore * cover[cold]!) / cover[node]!, 0);
  }

  #extend(at: number, length: number, column: number, zero: number, one: number): void {
    const weight = this.#weight;
    this.#feature[at + length] = column;
    this.#zero[at + length] = zero;
    this.#one[at + length] = one;
    weight[at + length] = length === 0 ? 1 : 0;
    for (let i = length - 1; i >= 0; i--) {
      weight[at + i + 1] = weight[at + i + 1]! + (one * weight[at + i]! * (i + 1)) / (length + 1);
      weight[at + i] = (zero * weight[at + i]! * (length - i)) / (length + 1);
    }
  }

  /** Removes element `index` of a run of `count`, as if its feature had never been met. */
  #unwind(at: number, count: number, index: number): void {
    const weight = this.#weight;
    const zero = this.#zero[at + index]!;
    const one = this.#one[at + index]!;
    let next = weight[at + count - 1]!;
    for (let i = count - 2; i >= 0; i--) {
      if (one === 0) weight[at + i] = (weight[at + i]! * count) / (zero * (count - 1 - i));
      else {
        const before = weight[at + i]!;
        weight[at + i] = (next * count) / ((i + 1) * one);
        next = before - (weight[at + i]! * zero * (count - 1 - i)) / count;
      }
    }
    for (const list of [this.#feature, this.#zero, this.#one]) list.copyWithin(at + index, at + index + 1, at + count);
  }

  /** Sum of the weights after removing element `index`. */
  #unwoundSum(at: number, count: number, index: number): number {
    const weight = this.#weight;
    const zero = this.#zero[at + index]!;
    const one = this.#one[at + index]!;
    let next = weight[at + count - 1]!;
    let sum = 0;
    for (let i = count - 2; i >= 0; i--) {
      if (one === 0) sum += (weight[at + i]! * count) / (zero * (count - 1 - i));
      else {
        const removed = (next * count) / ((i + 1) * one);
        sum += removed;
        next = weight[at + i]! - (removed * zero * (count - 1 - i)) / count;
      }
    }
    return sum;
  }

  #addLeaf(at: number, count: number, value: number): void {
    for (let i = 1; i < count; i++) {
      const share = this.#unwoundSum(at, count, i) * (this.#one[at + i]! - this.#zero[at + i]!);
      this.#out[this.#feature[at + i]!]! += share * value;
    }
  }
}
