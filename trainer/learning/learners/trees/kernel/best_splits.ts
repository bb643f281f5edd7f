import type { Conductor } from './conductor.ts';
import * as at from './layout.ts';
import type { Leaf } from './leaf.ts';
import { nodeCapacity } from './memory.ts';
import type { KernelCode } from './webassembly.ts';

const WORDS_PER_SPLIT = at.SPLIT_BYTES / 4;

export interface Split {
  readonly slot: number;
  /** The last bin that goes left. */
  readonly bin: number;
  /** 1 = rows without a value go left. */
  readonly missingLeft: number;
  /** Whether the leaf has rows without a value. */
  readonly hasMissing: boolean;
  /** Gradients and hessians of the left side, packed as the kernel sums them. */
  readonly leftSum: bigint;
}

/** The best split of each column in each leaf, as the kernel writes it; what is chosen among them. */
export class BestSplits {
  readonly #code: KernelCode;
  readonly #active: number;
  readonly #slots: Uint32Array;
  readonly #improvements: Float64Array;
  readonly #records: Uint32Array;
  readonly #leftSums: BigInt64Array;

  constructor({ code, buffer, words, plan }: Conductor) {
    const active = words.get(at.ACTIVE);
    const from = words.get(at.SPLITS);
    const bytes = nodeCapacity(plan.params) * active * at.SPLIT_BYTES;
    this.#code = code;
    this.#active = active;
    this.#slots = new Uint32Array(buffer, words.get(at.ACTIVE_SLOTS), active);
    this.#improvements = new Float64Array(buffer, from, bytes / 8);
    this.#records = new Uint32Array(buffer, from, bytes / 4);
    this.#leftSums = new BigInt64Array(buffer, from, bytes / 8);
  }

  /** Sets the best column of a leaf with a histogram; none when no split improves by more than `least`. */
  chooseColumn(leaf: Leaf, least: number): void {
    leaf.best = -1;
    leaf.improvement = least;
    if (leaf.histogram === 0) return;
    for (let position = 0; position < this.#active; position++) {
      const improvement = this.#improvements[this.#recordOf(leaf, position) / 2]!;
      if (improvement > leaf.improvement) {
        leaf.improvement = improvement;
        leaf.best = position;
      }
    }
  }

  /** The leaf to split next, its split's row counts checked; null when no split is left. */
  chooseLeaf(leaves: readonly Leaf[], least: number): Leaf | null {
    for (;;) {
      let chosen: Leaf | null = null;
      for (const leaf of leaves) {
        if (leaf.best >= 0 && (chosen === null || leaf.improvement > chosen.improvement)) chosen = leaf;
      }
      if (chosen === null) return null;
      const { best: position, node, start, rows, histogram } = chosen;
      if (this.#records[this.#recordOf(chosen, position) + 6] === 1) return chosen;
      const columnHistogram = histogram + position * at.HISTOGRAM_BYTES;
      this.#code.resolveSplit(columnHistogram, this.#slots[position]!, node, position, start, rows);
      this.chooseColumn(chosen, least);
    }
  }

  /** The best split of a leaf that has one. */
  of(leaf: Leaf): Split {
    const record = this.#recordOf(leaf, leaf.best);
    return {
      slot: this.#slots[leaf.best]!,
      bin: this.#records[record + 4]!,
      missingLeft: this.#records[record + 5]!,
      hasMissing: this.#records[record + 7] === 1,
      leftSum: this.#leftSums[record / 2 + 1]!,
    };
  }

  #recordOf(leaf: Leaf, position: number): number {
    return (leaf.node * this.#active + position) * WORDS_PER_SPLIT;
  }
}
