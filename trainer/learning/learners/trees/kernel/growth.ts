import type { Tree } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { BestSplits } from './best_splits.ts';
import type { Conductor } from './conductor.ts';
import * as at from './layout.ts';
import type { Leaf } from './leaf.ts';
import { LeafValues } from './leaf_values.ts';
import { partRows } from './row_parting.ts';
import { TreeNodes } from './tree_nodes.ts';

/** Minimum improvement of a split, in rounded units. */
export interface Rules {
  readonly leastImprovement: number;
}

export interface GrownTree {
  readonly tree: Tree;
  /** Pieces of its leaves, in their order in memory. */
  readonly pieces: number;
  /** In a forest of classes: its leaves' values per class, [classes][nodes]. */
  readonly shares: readonly Float32Array[];
}

/** Resources for growing trees, allocated once for a fit. */
export class Grower {
  readonly #conductor: Conductor;
  readonly #groups: number;
  readonly #splits: BestSplits;
  readonly #nodes: TreeNodes;
  readonly #values: LeafValues;
  /** Addresses of the histograms, one per leaf. */
  readonly #histograms: readonly number[];
  #freeHistograms: number[] = [];
  #least = 0;

  /** @param shrink what leaf values are multiplied by */
  constructor(conductor: Conductor, shrink: number) {
    const { words, plan } = conductor;
    const groups = Math.ceil(words.get(at.ACTIVE) / at.GROUP);
    const first = words.get(at.HISTOGRAMS);
    const bytes = groups * at.GROUP * at.HISTOGRAM_BYTES;
    this.#conductor = conductor;
    this.#groups = groups;
    this.#splits = new BestSplits(conductor);
    this.#nodes = new TreeNodes(conductor);
    this.#values = new LeafValues(conductor, this.#nodes, shrink);
    this.#histograms = Array.from({ length: plan.params.leaves }, (_, i) => first + i * bytes);
  }

  /**
   * Grows one tree leaf by leaf, the one that improves most first (Ke et al. 2017). Of equal improvements the older
   * leaf, the lower column and the lower bin come first.
   * @param sampled rows of the tree, first in the order; all of them in their own order unless `isSampled`
   */
  grow({ leastImprovement }: Rules, sampled: number, isSampled: boolean): GrownTree {
    const { params, objective } = this.#conductor.plan;
    this.#freeHistograms = [...this.#histograms];
    this.#least = leastImprovement;
    const root = this.#plant(sampled, isSampled);
    const leaves = [root];
    while (leaves.length < params.leaves) {
      const leaf = this.#splits.chooseLeaf(leaves, leastImprovement);
      if (leaf === null) break;
      const isLast = leaves.length + 1 === params.leaves;
      const [left, right] = this.#split(leaf, leaf === root && !isSampled, isLast);
      leaves[leaves.indexOf(leaf)] = left;
      leaves.push(right);
    }
    const pieces = leaves.length === 1 && objective.kind !== 'forest' ? 0 : this.#values.give(leaves);
    return { tree: this.#nodes.take(), pieces, shares: this.#values.classShares(leaves) };
  }

  /** The root, with its best split. */
  #plant(sampled: number, isSampled: boolean): Leaf {
    const { code, words } = this.#conductor;
    this.#nodes.begin();
    const histogram = this.#maySplit(sampled, 0) ? this.#freeHistograms.pop()! : 0;
    const root: Leaf = { node: 0, start: 0, rows: sampled, depth: 0, histogram, best: -1, improvement: 0 };
    if (histogram === 0) return root;
    words.set(at.IDENTITY, isSampled ? 0 : 1);
    if (isSampled) code.collect(words.get(at.ORDER), sampled, 0);
    this.#fillHistograms(root, null);
    this.#splits.chooseColumn(root, this.#least);
    return root;
  }

  /** @param isLast whether no leaf is split after this one */
  #split(leaf: Leaf, isInOwnOrder: boolean, isLast: boolean): readonly [Leaf, Leaf] {
    const { minDataInLeaf } = this.#conductor.plan.params;
    const depth = leaf.depth + 1;
    const needsHistograms = !isLast && this.#maySplit(leaf.rows, depth);
    const split = this.#splits.of(leaf);
    const left = partRows(this.#conductor, leaf, split, isInOwnOrder, needsHistograms);
    const right = leaf.rows - left;
    if (Math.min(left, right) < minDataInLeaf)
      throw new Error(`node ${leaf.node} of ${leaf.rows} rows was parted into ${left} and ${right}`);
    const node = this.#nodes.split(leaf.node, split, left, right);
    const hasHistograms = needsHistograms && Math.max(left, right) >= 2 * minDataInLeaf;
    const smallHistogram = hasHistograms ? this.#freeHistograms.pop()! : 0;
    const largeHistogram = hasHistograms ? leaf.histogram : 0;
    if (!hasHistograms) this.#freeHistograms.push(leaf.histogram);
    const leftIsSmall = left <= right;
    const leaves: readonly [Leaf, Leaf] = [
      {
        node,
        start: leaf.start,
        rows: left,
        depth,
        histogram: leftIsSmall ? smallHistogram : largeHistogram,
        best: -1,
        improvement: 0,
      },
      {
        node: node + 1,
        start: leaf.start + left,
        rows: right,
        depth,
        histogram: leftIsSmall ? largeHistogram : smallHistogram,
        best: -1,
        improvement: 0,
      },
    ];
    if (hasHistograms) this.#findSplits(leaves, leftIsSmall);
    return leaves;
  }

  /** The best splits of two new leaves; the histogram of one without is free again. */
  #findSplits(leaves: readonly [Leaf, Leaf], leftIsSmall: boolean): void {
    this.#conductor.words.set(at.IDENTITY, 0);
    this.#fillHistograms(leaves[leftIsSmall ? 0 : 1], leaves[leftIsSmall ? 1 : 0]);
    for (const leaf of leaves) {
      if (this.#maySplit(leaf.rows, leaf.depth)) this.#splits.chooseColumn(leaf, this.#least);
      if (leaf.best < 0) this.#freeHistograms.push(leaf.histogram);
    }
  }

  #fillHistograms(small: Leaf, large: Leaf | null): void {
    const { words, run } = this.#conductor;
    words.set(at.START, small.start);
    words.set(at.COUNT, small.rows);
    words.set(at.SMALL, small.histogram);
    words.set(at.LARGE, large?.histogram ?? 0);
    words.set(at.SMALL_NODE, this.#maySplit(small.rows, small.depth) ? small.node : at.NOBODY);
    words.set(at.LARGE_NODE, large !== null && this.#maySplit(large.rows, large.depth) ? large.node : at.NOBODY);
    run(at.HISTOGRAM, this.#groups);
  }

  #maySplit(rows: number, depth: number): boolean {
    const { minDataInLeaf, maxDepth } = this.#conductor.plan.params;
    return rows >= 2 * minDataInLeaf && (maxDepth === null || depth < maxDepth);
  }
}
