import type { Tree } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { MISSING_BIN, type BinnedMatrix } from './binning.ts';
import { fillHistogram, SLOT_STRIDE, subtractHistogram, type Gradients } from './histogram.ts';
import { findSplit, type Split, type SplitRules, type Sums } from './split.ts';

export interface TreeRules extends SplitRules {
  readonly leaves: number;
  readonly learningRate: number;
}

/** A grown tree, with what training needs to know beyond the tree itself. */
export interface GrownTree {
  readonly tree: Tree;
  /** Per node the split's bin, for routing rows by bin numbers instead of values. */
  readonly bin: Uint8Array;
  readonly slot: Int32Array;
  /** Where the rows of each leaf lie in the grower's `order`. */
  readonly leaves: readonly { readonly node: number; readonly start: number; readonly end: number }[];
}

interface OpenLeaf {
  readonly node: number;
  readonly start: number;
  readonly end: number;
  readonly sums: Sums;
  readonly histogram: Float64Array | null;
  readonly split: Split | null;
}

/** Memory for growing trees on one binned matrix, kept from tree to tree. */
export interface TreeGrower {
  /** The first `rows` entries are the rows of the next tree, ascending; after growing, they stand leaf by leaf. */
  readonly order: Int32Array;
  grow(rows: number, slots: Int32Array, gradients: Gradients, rules: TreeRules): GrownTree;
}

export function createTreeGrower(data: BinnedMatrix): TreeGrower {
  const order = new Int32Array(data.rows);
  const moved = new Int32Array(data.rows);
  const scratch = new Float64Array(data.rows * 2);
  const goesLeft = new Uint8Array(MISSING_BIN + 1);
  const free: Float64Array[] = [];
  const takeHistogram = (): Float64Array => free.pop() ?? new Float64Array(data.columns.length * SLOT_STRIDE);

  /** Moves the rows that go right behind those that go left, both in their old order; returns where the right begin. */
  const partition = (start: number, end: number, split: Split): number => {
    for (let bin = 0; bin < MISSING_BIN; bin++) goesLeft[bin] = bin <= split.bin ? 1 : 0;
    goesLeft[MISSING_BIN] = split.missingLeft ? 1 : 0;
    const column = split.slot * data.rows;
    const { bins } = data;
    let left = start;
    let right = 0;
    // Every row is written to both places and only one of the two moves on: a branch here is a coin toss.
    for (let i = start; i < end; i++) {
      const row = order[i]!;
      const isLeft = goesLeft[bins[column + row]!]!;
      order[left] = row;
      moved[right] = row;
      left += isLeft;
      right += 1 - isLeft;
    }
    order.set(moved.subarray(0, right), left);
    return left;
  };

  const grow = (rows: number, slots: Int32Array, gradients: Gradients, rules: TreeRules): GrownTree => {
    const capacity = 2 * rules.leaves - 1;
    const feature = new Int32Array(capacity).fill(-1);
    const threshold = new Float32Array(capacity);
    const left = new Int32Array(capacity);
    const right = new Int32Array(capacity);
    const missingLeft = new Uint8Array(capacity);
    const value = new Float32Array(capacity);
    const bin = new Uint8Array(capacity);
    const slotOf = new Int32Array(capacity);
    let nodes = 1;

    const fill = (histogram: Float64Array, start: number, end: number): void =>
      fillHistogram(histogram, data, slots, order, start, end, gradients, scratch);
    const open = (node: number, start: number, end: number, sums: Sums, histogram: Float64Array | null): OpenLeaf => {
      const split = histogram === null ? null : findSplit(histogram, data, slots, sums, gradients, rules);
      if (split === null && histogram !== null) free.push(histogram);
      return { node, start, end, sums, split, histogram: split === null ? null : histogram };
    };

    const rootHistogram = takeHistogram();
    fill(rootHistogram, 0, rows);
    const leaves = [open(0, 0, rows, sumRows(order, rows, gradients), rootHistogram)];

    while (leaves.length < rules.leaves) {
      let chosen = -1;
      for (let i = 0; i < leaves.length; i++) {
        const split = leaves[i]!.split;
        if (split !== null && (chosen < 0 || split.gain > leaves[chosen]!.split!.gain)) chosen = i;
      }
      if (chosen < 0) break;
      const leaf = leaves[chosen]!;
      const split = leaf.split!;
      const middle = partition(leaf.start, leaf.end, split);
      if (middle - leaf.start !== split.left.count) {
        throw new Error(
          `split of node ${leaf.node}: ${middle - leaf.start} rows went left, ${split.left.count} counted`,
        );
      }

      const { node } = leaf;
      const edges = data.edges[split.slot]!;
      feature[node] = data.columns[split.slot]!;
      // Past the last edge, every value goes left and only missing ones right.
      threshold[node] = split.bin < edges.length ? edges[split.bin]! : Infinity;
      missingLeft[node] = split.missingLeft ? 1 : 0;
      bin[node] = split.bin;
      slotOf[node] = split.slot;
      left[node] = nodes++;
      right[node] = nodes++;

      let leftHistogram: Float64Array | null = null;
      let rightHistogram: Float64Array | null = null;
      const isLast = leaves.length + 1 === rules.leaves;
      const tooSmall = Math.max(split.left.count, split.right.count) < 2 * rules.minDataInLeaf;
      if (isLast || tooSmall) {
        free.push(leaf.histogram!);
      } else {
        const smaller = takeHistogram();
        const sibling = leaf.histogram!;
        const leftIsSmaller = split.left.count <= split.right.count;
        if (leftIsSmaller) fill(smaller, leaf.start, middle);
        else fill(smaller, middle, leaf.end);
        subtractHistogram(sibling, smaller);
        leftHistogram = leftIsSmaller ? smaller : sibling;
        rightHistogram = leftIsSmaller ? sibling : smaller;
      }
      leaves[chosen] = open(left[node], leaf.start, middle, split.left, leftHistogram);
      leaves.push(open(right[node], middle, leaf.end, split.right, rightHistogram));
    }

    const l2 = rules.l2 / gradients.hessianUnit;
    const unit = gradients.gradientUnit / gradients.hessianUnit;
    for (const { node, sums, histogram } of leaves) {
      if (histogram !== null) free.push(histogram);
      value[node] = ((-sums.gradient * unit) / (sums.hessian + l2)) * rules.learningRate;
    }
    return {
      tree: {
        feature: feature.slice(0, nodes),
        threshold: threshold.slice(0, nodes),
        left: left.slice(0, nodes),
        right: right.slice(0, nodes),
        missingLeft: missingLeft.slice(0, nodes),
        value: value.slice(0, nodes),
      },
      bin: bin.slice(0, nodes),
      slot: slotOf.slice(0, nodes),
      leaves,
    };
  };

  return { order, grow };
}

function sumRows(order: Int32Array, rows: number, { packed, countRange }: Gradients): Sums {
  let gradient = 0;
  let sum = 0;
  for (let i = 0; i < rows; i++) {
    gradient += packed[2 * order[i]!]!;
    sum += packed[2 * order[i]! + 1]!;
  }
  const hessian = Math.floor(sum / countRange);
  return { gradient, hessian, count: sum - hessian * countRange };
}

/** The leaf a binned row falls into. Agrees with `findLeaf` on the float32 values the bins were made from. */
export function findBinnedLeaf(grown: GrownTree, data: BinnedMatrix, row: number): number {
  const { feature, left, right, missingLeft } = grown.tree;
  let node = 0;
  while (feature[node]! >= 0) {
    const bin = data.bins[grown.slot[node]! * data.rows + row]!;
    const goesLeft = bin === MISSING_BIN ? missingLeft[node] === 1 : bin <= grown.bin[node]!;
    node = goesLeft ? left[node]! : right[node]!;
  }
  return node;
}
