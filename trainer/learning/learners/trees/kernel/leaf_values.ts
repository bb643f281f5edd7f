import type { Conductor } from './conductor.ts';
import * as at from './layout.ts';
import type { Leaf } from './leaf.ts';
import { LEAF_PIECE_ROWS } from './memory.ts';
import type { TreeNodes } from './tree_nodes.ts';

/** What the leaves of a grown tree answer, each value times `shrink`. */
export class LeafValues {
  readonly #conductor: Conductor;
  readonly #nodes: TreeNodes;
  readonly #shrink: number;
  readonly #order: Uint32Array;
  readonly #targets: Float64Array;
  readonly #gradients: Float32Array;
  readonly #pieces: Uint32Array;
  readonly #sums: Float64Array;

  constructor(conductor: Conductor, nodes: TreeNodes, shrink: number) {
    const { buffer, words, plan } = conductor;
    this.#conductor = conductor;
    this.#nodes = nodes;
    this.#shrink = shrink;
    this.#order = new Uint32Array(buffer, words.get(at.ORDER), plan.rows);
    this.#targets = new Float64Array(buffer, words.get(at.TARGETS), plan.rows);
    this.#gradients = new Float32Array(buffer, words.get(at.GRADIENTS), plan.rows * 2);
    this.#pieces = new Uint32Array(buffer, words.get(at.LEAF_PIECES));
    this.#sums = new Float64Array(buffer, words.get(at.LEAF_SUMS));
  }

  /** Sets leaf values from unrounded gradients. @returns how many pieces the leaves' rows are cut into */
  give(leaves: readonly Leaf[]): number {
    if (this.#conductor.plan.objective.kind !== 'quantile') return this.#giveNewtonSteps(leaves);
    this.#giveQuantiles(leaves);
    return this.#cutLeaves(leaves, LEAF_PIECE_ROWS);
  }

  /**
   * The weight of each class in a leaf, as a share of the leaf's: [classes][nodes]; empty unless a forest learns
   * classes.
   */
  classShares(leaves: readonly Leaf[]): Float32Array[] {
    const { objective } = this.#conductor.plan;
    if (objective.kind !== 'forest' || objective.target !== 'class') return [];
    const shares = Array.from({ length: objective.classes }, () => new Float32Array(this.#nodes.count));
    const totals = new Float64Array(objective.classes);
    for (const leaf of leaves) {
      totals.fill(0);
      let weight = 0;
      for (let i = leaf.start; i < leaf.start + leaf.rows; i++) {
        const row = this.#order[i]!;
        const own = this.#gradients[2 * row + 1]!;
        totals[this.#targets[row]!] = totals[this.#targets[row]!]! + own;
        weight += own;
      }
      totals.forEach((total, k) => (shares[k]![leaf.node] = (total / weight) * this.#shrink));
    }
    return shares;
  }

  #giveQuantiles(leaves: readonly Leaf[]): void {
    const longest = Math.max(...leaves.map(({ rows }) => rows));
    this.#conductor.run(at.LEAF_QUANTILES, this.#cutLeaves(leaves, longest));
    leaves.forEach((leaf, i) => {
      // Which of several zeros is selected, 0 or −0, is chance.
      this.#nodes.setValue(leaf.node, Math.fround(this.#sums[i * 2]! * this.#shrink) + 0);
    });
  }

  /** −gradient / (hessian + l2), the gradient shrunk by l1. */
  #giveNewtonSteps(leaves: readonly Leaf[]): number {
    const { run, plan } = this.#conductor;
    const { l1, l2 } = plan.params;
    const pieces = this.#cutLeaves(leaves, LEAF_PIECE_ROWS);
    run(at.SUM_LEAVES, pieces);
    let piece = 0;
    for (const leaf of leaves) {
      let gradient = 0;
      let hessian = 0;
      for (let start = 0; start < leaf.rows; start += LEAF_PIECE_ROWS, piece++) {
        gradient += this.#sums[piece * 2]!;
        hessian += this.#sums[piece * 2 + 1]!;
      }
      const size = Math.max(Math.abs(gradient) - l1, 0);
      const step = size === 0 ? 0 : (gradient > 0 ? -size : size) / (hessian + l2);
      this.#nodes.setValue(leaf.node, step * this.#shrink);
    }
    return pieces;
  }

  /**
   * Cuts each leaf's rows into pieces of `rows`, by the leaf alone, because float sums end with their piece.
   * @returns their number
   */
  #cutLeaves(leaves: readonly Leaf[], rows: number): number {
    let pieces = 0;
    for (const leaf of leaves) {
      const end = leaf.start + leaf.rows;
      for (let start = leaf.start; start < end; start += rows)
        this.#pieces.set([start, Math.min(start + rows, end), leaf.node, 0], pieces++ * 4);
    }
    return pieces;
  }
}
