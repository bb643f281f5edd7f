import type { Column, Graph, Step } from '../graph.ts';

/**
 * What a fold keeps of consecutive bars, and how two neighbors become one. Nothing is ever subtracted that has left a
 * window. All places are indexes of a fold's memory.
 */
export interface Aggregate {
  readonly name: string;
  /** Doubles of one aggregate. */
  readonly doubles: number;
  readonly inputs: number;
  /** Columns that it writes: NaN while the window is not full. */
  readonly outputs: number;
  /** Writes older ⊕ newer to `to`, which may be one of them. */
  merge(memory: Float64Array, older: number, olderBars: number, newer: number, newerBars: number, to: number): void;
  /**
   * Takes `length` bars of the block from `at` on. Within them the running block, the block that holds the window's
   * oldest bar, and the block whose suffixes are being made stay the same.
   */
  advance(fold: Fold, at: number, length: number): void;
}

/** The raw results of an aggregate over the last `bars` values. */
export function folded(graph: Graph, aggregate: Aggregate, inputs: readonly Column[], bars: number): readonly Column[] {
  const values = inputs.map((input) => input.values);
  return graph.windowed(aggregate.name, inputs, [bars], aggregate.outputs, (outputs) => {
    return () => new Fold(aggregate, bars, values, outputs, graph.numbers);
  });
}

/** Doubles that the fold of a window keeps, but for those of very rare bars. */
export function foldDoubles(aggregateDoubles: number, bars: number): number {
  return aggregateDoubles * (bars + FIRST_ROW_OF_BLOCKS + FIRST_CAPACITY);
}

/** Rows of a fold's memory: the running block, the blocks between, the stack of dyadic nodes, the blocks, the bars. */
const RUNNING_ROW = 0;
const MIDDLE_ROW = 1;
const FIRST_ROW_OF_STACK = 2;
/** Block numbers are below 2^31, so a path has at most 31 left siblings; one more is there before it is merged. */
const STACK = 33;
const FIRST_ROW_OF_BLOCKS = FIRST_ROW_OF_STACK + STACK;
/** Finished blocks there is room for at first. A window of consecutive bars spans at most four blocks. */
const FIRST_CAPACITY = 8;

/**
 * A window of one subject, moved on bar by bar in constant time, whatever its length. Its values are a pure function of
 * the numbers and values of its bars, to the bit: neither the beginning of the stream nor the size of the blocks of
 * evaluation matters.
 *
 * Bar numbers fall into blocks of half a window. A value is `(suffix of the oldest block ⊕ whole blocks between) ⊕
 * prefix of the running block`. A finished block gets one suffix per bar, from its end to its beginning, in the rows of
 * its bars: it is done before the window's oldest bar reaches it (docs/adr/0003).
 *
 * Whole blocks between are joined as a binary trie over absolute block numbers joins them: each node is older half ⊕
 * newer half, and those that lie between the oldest and the running block are merged oldest first. Where bars are rare
 * a window spans many blocks; their number is then logarithmic.
 */
export class Fold implements Step {
  readonly inputs: readonly Float64Array[];
  readonly outputs: readonly Float64Array[];
  readonly bars: number;
  memory: Float64Array;
  /** Places of the rows of bars: a ring. */
  ringFrom: number;
  ringTo: number;
  /** Places of aggregates; see `Aggregate.advance`. */
  readonly running: number;
  readonly middle: number;
  /** Bars of the running block so far, of the blocks between, and of the suffix at `oldest`. */
  runningBars = 0;
  middleBars = 0;
  oldestBars = 0;
  isFull = false;
  /** Rows of the next bar, and of the window's oldest bar. */
  next: number;
  oldest: number;
  /** Row of the next suffix, suffixes left to make of its block, and bars of the one made last. */
  suffix: number;
  suffixesLeft = 0;
  suffixBars = 0;

  readonly #aggregate: Aggregate;
  readonly #numbers: Float64Array;
  readonly #blockNumbers: number;
  /** The first bar number after the running block. */
  #blockEnd = -1;
  /** Number of the running block, its ordinal since the beginning, and that of the oldest bar's block. */
  #block = -1;
  #runningOrdinal = -1;
  #oldestOrdinal = 0;
  /** Ordinal of the block whose suffixes are made next. */
  #suffixOrdinal = 0;
  /**
   * Of the blocks by ordinal, a ring: index of the first bar, and ordinal of the last block of its node, −1 if open.
   */
  #capacity = FIRST_CAPACITY;
  #first = new Int32Array(FIRST_CAPACITY);
  #nodeEnd = new Int32Array(FIRST_CAPACITY);
  /** Finished dyadic nodes left of the path of the running block, oldest first. */
  #stacked = 0;
  readonly #stackOrdinal = new Int32Array(STACK);
  readonly #stackBlock = new Int32Array(STACK);
  readonly #stackFirst = new Int32Array(STACK);

  constructor(
    aggregate: Aggregate,
    bars: number,
    inputs: readonly Float64Array[],
    outputs: readonly Float64Array[],
    numbers: Float64Array,
  ) {
    this.#aggregate = aggregate;
    this.bars = bars;
    this.inputs = inputs;
    this.outputs = outputs;
    this.#numbers = numbers;
    this.#blockNumbers = Math.max(1, Math.floor(bars / 2));
    const row = aggregate.doubles;
    this.running = RUNNING_ROW * row;
    this.middle = MIDDLE_ROW * row;
    this.ringFrom = (FIRST_ROW_OF_BLOCKS + FIRST_CAPACITY) * row;
    this.ringTo = this.ringFrom + bars * row;
    this.memory = new Float64Array(this.ringTo);
    this.next = this.ringFrom;
    this.oldest = this.ringFrom;
    this.suffix = this.ringFrom;
  }

  load(): number {
    const memory = this.memory;
    const isBlockKnown = this.#first[(this.#oldestOrdinal + 1) & (this.#capacity - 1)]! > 0;
    return (
      Number(isBlockKnown) +
      Number(memory[this.oldest] === memory[this.next]) +
      Number(memory[this.suffix] === memory[this.running])
    );
  }

  run(index: number, count: number): void {
    const numbers = this.#numbers;
    const blockNumbers = this.#blockNumbers;
    let at = 0;
    while (at < count) {
      const now = index + at;
      const isNewBlock = !(numbers[at]! < this.#blockEnd);
      if (isNewBlock) this.#begin(Math.floor(numbers[at]! / blockNumbers), now);
      let length = count - at;
      const oldest = now - this.bars + 1;
      if (oldest < 0) length = Math.min(length, -oldest);
      else length = Math.min(length, this.#settle(oldest, isNewBlock));
      if (this.suffixesLeft === 0) this.#beginSuffixes();
      if (this.suffixesLeft > 0) length = Math.min(length, this.suffixesLeft);
      const end = this.#blockEnd;
      if (!(numbers[at + length - 1]! < end)) {
        length = 1;
        while (numbers[at + length]! < end) length++;
      }
      this.#aggregate.advance(this, at, length);
      this.runningBars += length;
      at += length;
    }
  }

  /** Places `merge` reads and writes are rows of the ring, in which the suffixes of one block may go round the end. */
  rowBefore(row: number): number {
    return row === this.ringFrom ? this.ringTo - this.#aggregate.doubles : row - this.#aggregate.doubles;
  }

  /** Finds the block of the window's oldest bar. @returns bars from it to the end of its block */
  #settle(oldest: number, isNewBlock: boolean): number {
    const mask = this.#capacity - 1;
    let isOther = isNewBlock || !this.isFull;
    if (!this.isFull) {
      this.isFull = true;
      this.oldest = this.ringFrom;
    }
    // At most one block ends per bar.
    if (oldest >= this.#first[(this.#oldestOrdinal + 1) & mask]!) {
      this.#oldestOrdinal++;
      isOther = true;
    }
    if (isOther) this.#joinMiddle();
    this.oldestBars = this.#first[(this.#oldestOrdinal + 1) & mask]! - oldest;
    return this.oldestBars;
  }

  #beginSuffixes(): void {
    const mask = this.#capacity - 1;
    while (this.#suffixOrdinal < this.#runningOrdinal && this.suffixesLeft === 0) {
      const end = this.#first[(this.#suffixOrdinal + 1) & mask]!;
      const bars = end - this.#first[this.#suffixOrdinal & mask]!;
      // The last bar of a block is its own suffix.
      this.suffixesLeft = bars - 1;
      this.suffixBars = 1;
      const row = this.#aggregate.doubles;
      this.suffix = this.rowBefore(this.ringFrom + ((end - 1) % this.bars) * row);
      this.#suffixOrdinal++;
    }
  }

  /** Finishes the running block, and begins another. @param index of its first bar */
  #begin(block: number, index: number): void {
    const row = this.#aggregate.doubles;
    if (this.#runningOrdinal >= 0) this.#stack(block, index);
    if (this.#runningOrdinal + 2 - this.#oldestOrdinal >= this.#capacity) this.#grow();
    this.#runningOrdinal++;
    const slot = this.#runningOrdinal & (this.#capacity - 1);
    this.#first[slot] = index;
    this.#nodeEnd[slot] = -1;
    this.#block = block;
    this.#blockEnd = (block + 1) * this.#blockNumbers;
    this.runningBars = 0;
    for (let i = 0; i < row; i++) this.memory[this.running + i] = 0;
  }

  /** Puts the finished running block on the stack, and merges the nodes that `block` is outside of. */
  #stack(block: number, index: number): void {
    const aggregate = this.#aggregate;
    const row = aggregate.doubles;
    const mask = this.#capacity - 1;
    const ordinals = this.#stackOrdinal;
    const blocks = this.#stackBlock;
    const firsts = this.#stackFirst;
    const memory = this.memory;
    let top = this.#stacked;
    ordinals[top] = this.#runningOrdinal;
    blocks[top] = this.#block;
    firsts[top] = this.#first[this.#runningOrdinal & mask]!;
    let topRow = (FIRST_ROW_OF_STACK + top) * row;
    copyRow(memory, this.running, topRow, row);
    // Two halves of a node differ in its highest bit, and whatever is outside of it in a higher one.
    while (top > 0 && Math.clz32(blocks[top]! ^ block) < Math.clz32(blocks[top - 1]! ^ blocks[top]!)) {
      const ordinal = ordinals[top]!;
      // Older places belong to other blocks by now.
      if (ordinal > this.#oldestOrdinal) {
        copyRow(memory, topRow, (FIRST_ROW_OF_BLOCKS + (ordinal & mask)) * row, row);
        this.#nodeEnd[ordinal & mask] = this.#runningOrdinal;
      }
      const olderRow = topRow - row;
      const first = firsts[top]!;
      aggregate.merge(memory, olderRow, first - firsts[top - 1]!, topRow, index - first, olderRow);
      top--;
      topRow = olderRow;
    }
    this.#stacked = top + 1;
  }

  /** Merges the whole blocks between the oldest and the running one. */
  #joinMiddle(): void {
    const row = this.#aggregate.doubles;
    const mask = this.#capacity - 1;
    const first = this.#first;
    this.middleBars = 0;
    let ordinal = this.#oldestOrdinal + 1;
    while (ordinal < this.#runningOrdinal && this.#nodeEnd[ordinal & mask]! >= 0) {
      const after = this.#nodeEnd[ordinal & mask]! + 1;
      const bars = first[after & mask]! - first[ordinal & mask]!;
      this.#append((FIRST_ROW_OF_BLOCKS + (ordinal & mask)) * row, bars);
      ordinal = after;
    }
    if (ordinal === this.#runningOrdinal) return;
    // What is left are the youngest nodes of the stack.
    let at = this.#stacked - 1;
    while (this.#stackOrdinal[at]! > ordinal) at--;
    for (; at < this.#stacked; at++) {
      const end = at + 1 < this.#stacked ? this.#stackFirst[at + 1]! : first[this.#runningOrdinal & mask]!;
      this.#append((FIRST_ROW_OF_STACK + at) * row, end - this.#stackFirst[at]!);
    }
  }

  #append(from: number, bars: number): void {
    const aggregate = this.#aggregate;
    if (this.middleBars === 0) copyRow(this.memory, from, this.middle, aggregate.doubles);
    else aggregate.merge(this.memory, this.middle, this.middleBars, from, bars, this.middle);
    this.middleBars += bars;
  }

  /** Makes room for twice the blocks: where bars are rare. */
  #grow(): void {
    const row = this.#aggregate.doubles;
    const before = this.#capacity;
    const after = before * 2;
    const moved = before * row;
    const memory = new Float64Array(this.memory.length + moved);
    const first = new Int32Array(after);
    const nodeEnd = new Int32Array(after);
    const blocksAt = FIRST_ROW_OF_BLOCKS * row;
    memory.set(this.memory.subarray(0, blocksAt));
    memory.set(this.memory.subarray(this.ringFrom), this.ringFrom + moved);
    for (let ordinal = this.#oldestOrdinal; ordinal <= this.#runningOrdinal; ordinal++) {
      const from = ordinal & (before - 1);
      const to = ordinal & (after - 1);
      first[to] = this.#first[from]!;
      nodeEnd[to] = this.#nodeEnd[from]!;
      const source = blocksAt + from * row;
      memory.set(this.memory.subarray(source, source + row), blocksAt + to * row);
    }
    this.#first = first;
    this.#nodeEnd = nodeEnd;
    this.#capacity = after;
    this.memory = memory;
    this.ringFrom += moved;
    this.ringTo += moved;
    this.next += moved;
    this.oldest += moved;
    this.suffix += moved;
  }
}

/** A row has few doubles: a loop is faster than `copyWithin`. */
function copyRow(memory: Float64Array, from: number, to: number, doubles: number): void {
  for (let i = 0; i < doubles; i++) memory[to + i] = memory[from + i]!;
}
