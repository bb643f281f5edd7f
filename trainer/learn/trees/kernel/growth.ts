import type { Tree } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Conductor } from './conductor.ts';
import * as at from './layout.ts';
import { LEAF_PIECE_ROWS, placeParts } from './memory.ts';

/** Nodes with fewer rows are parted by one thread: meeting would cost more. */
const PART_TOGETHER_ROWS = 2 * at.PART_ROWS;

/** What a split must improve, in rounded units. */
export interface Rules {
  readonly leastImprovement: number;
}

export interface GrownTree {
  readonly tree: Tree;
  /** Pieces of its leaves, as they stand in memory. */
  readonly pieces: number;
  /** In a forest of classes: its leaves' values per class, [classes][nodes]. */
  readonly shares: readonly Float32Array[];
}

interface Leaf {
  readonly node: number;
  /** Its rows in the order of the tree. */
  readonly start: number;
  readonly rows: number;
  readonly depth: number;
  /** Address; 0 when the leaf stays one. */
  readonly histogram: number;
  /** Position of the column of its best split, −1 = none. */
  best: number;
  improvement: number;
}

const WORDS_PER_NODE = at.NODE_BYTES / 4;
const WORDS_PER_SPLIT = at.SPLIT_BYTES / 4;

/** What trees are grown with, made once for a fit. */
export interface Grower {
  /**
   * Grows one tree leaf by leaf, the one that improves most first (Ke et al. 2017). Of equal improvements the older leaf, the lower column and
   * the lower bin come first.
   * @param sampled rows of the tree, first in the order; all of them in their own order unless `isSampled`
   */
  grow(rules: Rules, sampled: number, isSampled: boolean): GrownTree;
}

export function createGrower({ code, buffer, words, plan, run }: Conductor, shrink: number): Grower {
  const { params } = plan;
  const active = words.get(at.ACTIVE);
  const groups = Math.ceil(active / at.GROUP);
  const capacity = 2 * params.leaves - 1;
  const splitsAt = words.get(at.SPLITS);
  const improvements = new Float64Array(buffer, splitsAt, (capacity * active * at.SPLIT_BYTES) / 8);
  const splits = new Uint32Array(buffer, splitsAt, (capacity * active * at.SPLIT_BYTES) / 4);
  const leftSums = new BigInt64Array(buffer, splitsAt, (capacity * active * at.SPLIT_BYTES) / 8);
  const sums = new BigInt64Array(buffer, words.get(at.NODE_SUMS), capacity);
  const nodes = new Uint32Array(buffer, words.get(at.NODES), capacity * WORDS_PER_NODE);
  const nodeFloats = new Float32Array(buffer, words.get(at.NODES), capacity * WORDS_PER_NODE);
  const slots = new Uint32Array(buffer, words.get(at.ACTIVE_SLOTS), active);
  const edges = new Float32Array(buffer, words.get(at.EDGES), plan.columns.length * 256);
  const edgeCounts = new Uint32Array(buffer, words.get(at.EDGE_COUNTS), plan.columns.length);
  const pool = Array.from(
    { length: params.leaves },
    (_, i) => words.get(at.HISTOGRAMS) + i * groups * at.GROUP * at.HISTOGRAM_BYTES,
  );
  const orderAt = words.get(at.ORDER);
  const order = new Uint32Array(buffer, orderAt, plan.rows);
  const targets = new Float64Array(buffer, words.get(at.TARGETS), plan.rows);
  const gradients = new Float32Array(buffer, words.get(at.GRADIENTS), plan.rows * 2);

  const setLeaf = (node: number): void => {
    nodes.fill(0, node * WORDS_PER_NODE, (node + 1) * WORDS_PER_NODE);
    nodes[node * WORDS_PER_NODE] = at.NOBODY;
  };

  const mayBeSplit = (rows: number, depth: number): boolean =>
    rows >= 2 * params.minDataInLeaf && (params.maxDepth === null || depth < params.maxDepth);

  const recordOf = (leaf: Leaf, position: number): number => (leaf.node * active + position) * WORDS_PER_SPLIT;

  const chooseColumn = (leaf: Leaf, least: number): void => {
    leaf.best = -1;
    leaf.improvement = least;
    if (leaf.histogram === 0) return;
    for (let position = 0; position < active; position++) {
      const improvement = improvements[recordOf(leaf, position) / 2]!;
      if (improvement > leaf.improvement) {
        leaf.improvement = improvement;
        leaf.best = position;
      }
    }
  };

  /** The leaf to split next, its split's row counts checked; null when no split is left. */
  const chooseLeaf = (leaves: readonly Leaf[], least: number): Leaf | null => {
    for (;;) {
      let chosen: Leaf | null = null;
      for (const leaf of leaves) {
        if (leaf.best >= 0 && (chosen === null || leaf.improvement > chosen.improvement)) chosen = leaf;
      }
      if (chosen === null) return null;
      const { best: position, node, start, rows, histogram } = chosen;
      if (splits[recordOf(chosen, position) + 6] === 1) return chosen;
      code.resolveSplit(histogram + position * at.HISTOGRAM_BYTES, slots[position]!, node, position, start, rows);
      chooseColumn(chosen, least);
    }
  };

  /** Parts the rows of a leaf by its best split; returns how many went left. */
  const part = (leaf: Leaf, isRoot: boolean, collects: boolean): number => {
    const record = recordOf(leaf, leaf.best);
    words.set(at.START, leaf.start);
    words.set(at.COUNT, leaf.rows);
    words.set(at.IDENTITY, isRoot ? 1 : 0);
    words.set(at.SPLIT_COLUMN, slots[leaf.best]!);
    words.set(at.SPLIT_BIN, splits[record + 4]!);
    words.set(at.SPLIT_MISSING_LEFT, splits[record + 5]!);
    if (leaf.rows < PART_TOGETHER_ROWS || plan.threads === 1) {
      const left = code.partAlone();
      if (collects) {
        const right = leaf.rows - left;
        if (left <= right) code.collect(orderAt + leaf.start * 4, left, 0);
        else code.collect(orderAt + (leaf.start + left) * 4, right, 0);
      }
      return left;
    }
    const pieces = Math.ceil(leaf.rows / at.PART_ROWS);
    run(at.PART, pieces);
    const left = placeParts(buffer, words, pieces);
    words.set(at.COLLECT, !collects ? 0 : 2 * left <= leaf.rows ? 1 : 2);
    run(at.MOVE, pieces);
    return left;
  };

  const fillHistograms = (small: Leaf, large: Leaf | null): void => {
    words.set(at.START, small.start);
    words.set(at.COUNT, small.rows);
    words.set(at.SMALL, small.histogram);
    words.set(at.LARGE, large?.histogram ?? 0);
    words.set(at.SMALL_NODE, mayBeSplit(small.rows, small.depth) ? small.node : at.NOBODY);
    words.set(at.LARGE_NODE, large !== null && mayBeSplit(large.rows, large.depth) ? large.node : at.NOBODY);
    run(at.HISTOGRAM, groups);
  };

  const grow = ({ leastImprovement }: Rules, sampled: number, isSampled: boolean): GrownTree => {
    const free = [...pool];
    let count = 1;
    setLeaf(0);
    const root: Leaf = {
      node: 0,
      start: 0,
      rows: sampled,
      depth: 0,
      histogram: mayBeSplit(sampled, 0) ? free.pop()! : 0,
      best: -1,
      improvement: 0,
    };
    const leaves: Leaf[] = [root];
    if (root.histogram !== 0) {
      words.set(at.IDENTITY, isSampled ? 0 : 1);
      if (isSampled) code.collect(orderAt, sampled, 0);
      fillHistograms(root, null);
      chooseColumn(root, leastImprovement);
    }
    while (leaves.length < params.leaves) {
      const leaf = chooseLeaf(leaves, leastImprovement);
      if (leaf === null) break;
      const depth = leaf.depth + 1;
      const isLast = leaves.length + 1 === params.leaves;
      const needsHistograms = !isLast && mayBeSplit(leaf.rows, depth);
      const left = part(leaf, leaf === root && !isSampled, needsHistograms);
      const right = leaf.rows - left;
      if (Math.min(left, right) < params.minDataInLeaf) {
        throw new Error(`node ${leaf.node} of ${leaf.rows} rows was parted into ${left} and ${right}`);
      }
      const record = recordOf(leaf, leaf.best);
      const position = leaf.best;
      const slot = slots[position]!;
      const bin = splits[record + 4]!;
      const node = leaf.node * WORDS_PER_NODE;
      const [leftNode, rightNode] = [count, count + 1];
      count += 2;
      nodes[node] = slot;
      nodes[node + 1] = plan.columns[slot]!;
      // Past the last edge, every value goes left and only missing ones right.
      nodeFloats[node + 2] = bin < edgeCounts[slot]! ? edges[slot * 256 + bin]! : Infinity;
      nodes[node + 3] = bin;
      // Where the node misses no value, those that come later follow the larger child.
      nodes[node + 4] = splits[record + 7] === 1 ? splits[record + 5]! : left >= right ? 1 : 0;
      nodes[node + 5] = leftNode;
      nodes[node + 6] = rightNode;
      setLeaf(leftNode);
      setLeaf(rightNode);
      sums[leftNode] = leftSums[record / 2 + 1]!;
      sums[rightNode] = sums[leaf.node]! - leftSums[record / 2 + 1]!;

      const leftIsSmall = left <= right;
      const childHistograms = needsHistograms && Math.max(left, right) >= 2 * params.minDataInLeaf;
      const smallHistogram = childHistograms ? free.pop()! : 0;
      const largeHistogram = childHistograms ? leaf.histogram : 0;
      if (!childHistograms) free.push(leaf.histogram);
      const child = (isLeft: boolean): Leaf => ({
        node: isLeft ? leftNode : rightNode,
        start: isLeft ? leaf.start : leaf.start + left,
        rows: isLeft ? left : right,
        depth,
        histogram: isLeft === leftIsSmall ? smallHistogram : largeHistogram,
        best: -1,
        improvement: 0,
      });
      const children = [child(true), child(false)] as const;
      if (childHistograms) {
        const [small, large] = leftIsSmall ? children : [children[1], children[0]];
        words.set(at.IDENTITY, 0);
        fillHistograms(small, large);
        for (const one of children) {
          if (mayBeSplit(one.rows, depth)) chooseColumn(one, leastImprovement);
          if (one.best < 0) free.push(one.histogram);
        }
      }
      leaves[leaves.indexOf(leaf)] = children[0];
      leaves.push(children[1]);
    }
    const pieces = leaves.length === 1 && plan.objective.kind !== 'forest' ? 0 : giveValues(leaves);
    return { tree: takeTree(count), pieces, shares: classShares(leaves, count) };
  };

  /** Leaf values from unrounded gradients. Float sums end with their piece, so pieces are cut by the leaf alone. */
  const giveValues = (leaves: readonly Leaf[]): number => {
    const piecesAt = new Uint32Array(buffer, words.get(at.LEAF_PIECES));
    const pieceSums = new Float64Array(buffer, words.get(at.LEAF_SUMS));
    const isQuantile = plan.objective.kind === 'quantile';
    let pieces = 0;
    const cut = (leaf: Leaf, rows: number): void => {
      for (let start = leaf.start; start < leaf.start + leaf.rows; start += rows) {
        piecesAt.set([start, Math.min(start + rows, leaf.start + leaf.rows), leaf.node, 0], pieces++ * 4);
      }
    };
    if (isQuantile) {
      for (const leaf of leaves) cut(leaf, leaf.rows);
      run(at.LEAF_QUANTILES, pieces);
      leaves.forEach((leaf, i) => {
        // Which of several zeros is selected, 0 or −0, is chance.
        nodeFloats[leaf.node * WORDS_PER_NODE + 7] = Math.fround(pieceSums[i * 2]! * shrink) + 0;
      });
      pieces = 0;
    }
    for (const leaf of leaves) cut(leaf, LEAF_PIECE_ROWS);
    if (isQuantile) return pieces;
    run(at.SUM_LEAVES, pieces);
    let piece = 0;
    for (const leaf of leaves) {
      let gradient = 0;
      let hessian = 0;
      for (let start = 0; start < leaf.rows; start += LEAF_PIECE_ROWS, piece++) {
        gradient += pieceSums[piece * 2]!;
        hessian += pieceSums[piece * 2 + 1]!;
      }
      const size = Math.max(Math.abs(gradient) - params.l1, 0);
      const step = size === 0 ? 0 : (gradient > 0 ? -size : size) / (hessian + params.l2);
      nodeFloats[leaf.node * WORDS_PER_NODE + 7] = step * shrink;
    }
    return pieces;
  };

  /** The weight of each class in a leaf, as a share of the leaf's. */
  const classShares = (leaves: readonly Leaf[], count: number): Float32Array[] => {
    const { objective } = plan;
    if (objective.kind !== 'forest' || objective.target !== 'class') return [];
    const shares = Array.from({ length: objective.classes }, () => new Float32Array(count));
    const totals = new Float64Array(objective.classes);
    for (const leaf of leaves) {
      totals.fill(0);
      let weight = 0;
      for (let i = leaf.start; i < leaf.start + leaf.rows; i++) {
        const row = order[i]!;
        const own = gradients[2 * row + 1]!;
        totals[targets[row]!] = totals[targets[row]!]! + own;
        weight += own;
      }
      totals.forEach((total, k) => (shares[k]![leaf.node] = (total / weight) * shrink));
    }
    return shares;
  };

  const takeTree = (count: number): Tree => {
    const field = (offset: number): number[] =>
      Array.from({ length: count }, (_, node) => nodes[node * WORDS_PER_NODE + offset]!);
    const floats = (offset: number): Float32Array =>
      Float32Array.from({ length: count }, (_, node) => nodeFloats[node * WORDS_PER_NODE + offset]!);
    const isLeaf = field(0).map((slot) => slot === at.NOBODY);
    return {
      feature: Int32Array.from(field(1), (column, node) => (isLeaf[node]! ? -1 : column)),
      threshold: floats(2),
      left: Int32Array.from(field(5)),
      right: Int32Array.from(field(6)),
      missingLeft: Uint8Array.from(field(4)),
      value: floats(7),
    };
  };

  return { grow };
}
