import type { Tree } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Split } from './best_splits.ts';
import type { Conductor } from './conductor.ts';
import * as at from './layout.ts';
import { nodeCapacity } from './memory.ts';
import type { Plan } from './plan.ts';

const WORDS_PER_NODE = at.NODE_BYTES / 4;

/** The nodes of the tree that is being grown, in the kernel's memory. */
export class TreeNodes {
  readonly #plan: Plan;
  readonly #words: Uint32Array;
  readonly #floats: Float32Array;
  readonly #sums: BigInt64Array;
  readonly #edges: Float32Array;
  readonly #edgeCounts: Uint32Array;
  #count = 0;

  constructor({ buffer, words, plan }: Conductor) {
    const capacity = nodeCapacity(plan.params);
    this.#plan = plan;
    this.#words = new Uint32Array(buffer, words.get(at.NODES), capacity * WORDS_PER_NODE);
    this.#floats = new Float32Array(buffer, words.get(at.NODES), capacity * WORDS_PER_NODE);
    this.#sums = new BigInt64Array(buffer, words.get(at.NODE_SUMS), capacity);
    this.#edges = new Float32Array(buffer, words.get(at.EDGES), plan.columns.length * 256);
    this.#edgeCounts = new Uint32Array(buffer, words.get(at.EDGE_COUNTS), plan.columns.length);
  }

  get count(): number {
    return this.#count;
  }

  /** Begins a tree: one leaf, the root. */
  begin(): void {
    this.#count = 0;
    this.#addLeaf();
  }

  /** Splits a leaf into two. @returns the left node; the right one follows it */
  split(node: number, { slot, bin, missingLeft, hasMissing, leftSum }: Split, left: number, right: number): number {
    const word = node * WORDS_PER_NODE;
    const leftNode = this.#addLeaf();
    const rightNode = this.#addLeaf();
    this.#words[word] = slot;
    this.#words[word + 1] = this.#plan.columns[slot]!;
    // Past the last edge, every value goes left and only missing ones right.
    this.#floats[word + 2] = bin < this.#edgeCounts[slot]! ? this.#edges[slot * 256 + bin]! : Infinity;
    this.#words[word + 3] = bin;
    // Where the node misses no value, those that come later follow the larger child.
    this.#words[word + 4] = hasMissing ? missingLeft : left >= right ? 1 : 0;
    this.#words[word + 5] = leftNode;
    this.#words[word + 6] = rightNode;
    this.#sums[leftNode] = leftSum;
    this.#sums[rightNode] = this.#sums[node]! - leftSum;
    return leftNode;
  }

  setValue(node: number, value: number): void {
    this.#floats[node * WORDS_PER_NODE + 7] = value;
  }

  /** A copy of the tree. */
  take(): Tree {
    const field = (offset: number): number[] =>
      Array.from({ length: this.#count }, (_, node) => this.#words[node * WORDS_PER_NODE + offset]!);
    const floats = (offset: number): Float32Array =>
      Float32Array.from({ length: this.#count }, (_, node) => this.#floats[node * WORDS_PER_NODE + offset]!);
    const isLeaf = field(0).map((slot) => slot === at.NOBODY);
    return {
      feature: Int32Array.from(field(1), (column, node) => (isLeaf[node]! ? -1 : column)),
      threshold: floats(2),
      left: Int32Array.from(field(5)),
      right: Int32Array.from(field(6)),
      missingLeft: Uint8Array.from(field(4)),
      value: floats(7),
    };
  }

  #addLeaf(): number {
    const node = this.#count++;
    this.#words.fill(0, node * WORDS_PER_NODE, (node + 1) * WORDS_PER_NODE);
    this.#words[node * WORDS_PER_NODE] = at.NOBODY;
    return node;
  }
}
