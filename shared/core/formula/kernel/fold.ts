import type { Column, Graph } from '../graph.ts';
import { WindowStep } from '../step.ts';
import type { MemoryPlace, SubjectMemory } from '../subject_memory.ts';
import { wholeBars } from '../whole_bars.ts';

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

/** The raw results of an aggregate over the last `window` values. */
export function folded(
  graph: Graph,
  aggregate: Aggregate,
  inputs: readonly Column[],
  window: number,
): readonly Column[] {
  const bars = wholeBars(window);
  const values = inputs.map((input) => input.values);
  const row = aggregate.doubles;
  const share = {
    counters: COUNTERS,
    integers: INTEGERS,
    rows: ROWS * row,
    doubles: (STACK + FIRST_CAPACITY + bars) * row,
  };
  return graph.windowed(
    aggregate.name,
    inputs,
    [bars],
    aggregate.outputs,
    share,
    (outputs, place) => new Fold(aggregate, bars, values, outputs, graph.numbers, place),
  );
}

/** Doubles that the fold of a window keeps, but for those of very rare bars. */
export function foldDoubles(aggregateDoubles: number, bars: number): number {
  return aggregateDoubles * (ROWS + STACK + FIRST_CAPACITY + bars);
}

/** Rows that every bar needs: the running block, and the blocks between. */
const RUNNING_ROW = 0;
const MIDDLE_ROW = 1;
const ROWS = 2;
/**
 * Rows of dyadic nodes. Block numbers are below 2^31, so a path has at most 31 left siblings; one more is there before
 * it is merged, and one row above them is free.
 */
const STACK = 33;
/** Finished blocks there is room for at first. A window of consecutive bars spans at most four blocks. */
const FIRST_CAPACITY = 8;

/**
 * What is kept of a subject besides aggregates: see the fields of `Fold`. Behind it are the first bars of its blocks.
 */
const RUNNING_BARS = 0;
const MIDDLE_BARS = 1;
const OLDEST_BARS = 2;
const IS_FULL = 3;
const NEXT = 4;
const OLDEST = 5;
const SUFFIX = 6;
const SUFFIXES_LEFT = 7;
const SUFFIX_BARS = 8;
const BLOCK = 9;
const RUNNING_ORDINAL = 10;
const OLDEST_ORDINAL = 11;
const SUFFIX_ORDINAL = 12;
const STACKED = 13;
const CAPACITY = 14;
const FIRST_OF_BLOCKS = 15;
const COUNTERS = FIRST_OF_BLOCKS + FIRST_CAPACITY;

/** Integers that few bars need: the ends of nodes, and three of each of the stack. */
const INTEGERS = FIRST_CAPACITY + 3 * STACK;

/** Before the first subject. */
const NO_DOUBLES = new Float64Array(0);
const NO_INTEGERS = new Int32Array(0);

/**
 * A window, moved on bar by bar for one subject after the other in constant time, whatever its length. Its values are a
 * pure function of the numbers and values of its bars, to the bit: neither the beginning of the stream nor the size of
 * the blocks of evaluation matters.
 *
 * Bar numbers fall into blocks of half a window. A value is `(suffix of the oldest block ⊕ whole blocks between) ⊕
 * prefix of the running block`. A finished block gets one suffix per bar, from its end to its beginning, in the rows of
 * its bars: it is done before the window's oldest bar reaches it (docs/adr/0003).
 *
 * Whole blocks between are joined as a binary trie over absolute block numbers joins them: each node is older half ⊕
 * newer half, and those that lie between the oldest and the running block are merged oldest first. Where bars are rare
 * a window spans many blocks; their number is then logarithmic.
 */
export class Fold extends WindowStep {
  readonly inputs: readonly Float64Array[];
  readonly outputs: readonly Float64Array[];
  readonly bars: number;

  // ---- of the subject that is being moved ----

  /** All doubles; places are indexes of them. */
  memory: Float64Array = NO_DOUBLES;
  /** Rows of the running block, and of the blocks between. */
  running = 0;
  middle = 0;
  /** Of the rows of bars, a ring, and from one to the next. */
  ringFrom = 0;
  ringTo = 0;
  stride = 1;
  /** Bars of the running block so far, of the blocks between, and of the suffix at `oldest`. */
  runningBars = 0;
  middleBars = 0;
  oldestBars = 0;
  isFull = false;
  /** Rows of the next bar, and of the window's oldest bar. */
  next = 0;
  oldest = 0;
  /** Row of the next suffix, suffixes left to make of its block, and bars of the one made last. */
  suffix = 0;
  suffixesLeft = 0;
  suffixBars = 0;
  /** Number of the running block, the first bar number after it, and its ordinal since the beginning. */
  #block = -1;
  #blockEnd = 0;
  #runningOrdinal = -1;
  /** Ordinal of the oldest bar's block, and of the block whose suffixes are made next. */
  #oldestOrdinal = 0;
  #suffixOrdinal = 0;
  /** Finished dyadic nodes left of the path of the running block, oldest first. */
  #stacked = 0;
  /** Blocks there is room for, a power of two. */
  #capacity = FIRST_CAPACITY;
  #integers: Int32Array = NO_INTEGERS;
  #counters = 0;
  /** Rows of the stack, and of its nodes the ordinal of the first block, its number, and the index of its first bar. */
  #stackRows = 0;
  #stackOrdinals = 0;
  #stackBlocks = 0;
  #stackFirsts = 0;
  /** Of the blocks by ordinal, a ring: the node that begins with each, from `blocksAt` on. */
  #blocks: Float64Array = NO_DOUBLES;
  #blocksAt = 0;
  /** Index of the first bar of each. */
  #first: Int32Array = NO_INTEGERS;
  #firstAt = 0;
  /** Ordinal of the last block of its node, −1 if open. */
  #nodeEnd: Int32Array = NO_INTEGERS;
  #nodeEndAt = 0;

  readonly #aggregate: Aggregate;
  readonly #numbers: Float64Array;
  readonly #blockNumbers: number;
  readonly #place: MemoryPlace;

  constructor(
    aggregate: Aggregate,
    bars: number,
    inputs: readonly Float64Array[],
    outputs: readonly Float64Array[],
    numbers: Float64Array,
    place: MemoryPlace,
  ) {
    super();
    this.#aggregate = aggregate;
    this.bars = bars;
    this.inputs = inputs;
    this.outputs = outputs;
    this.#numbers = numbers;
    this.#blockNumbers = Math.max(1, Math.floor(bars / 2));
    this.#place = place;
  }

  begin({ integers, owners, owner }: SubjectMemory): void {
    const counters = this.#place.counters * owners + owner * COUNTERS;
    const ring = this.#ringOf(owners, owner);
    integers[counters + NEXT] = ring;
    integers[counters + OLDEST] = ring;
    integers[counters + SUFFIX] = ring;
    integers[counters + BLOCK] = -1;
    integers[counters + RUNNING_ORDINAL] = -1;
    integers[counters + CAPACITY] = FIRST_CAPACITY;
  }

  load({ integers, doubles, owners, owner }: SubjectMemory): number {
    const counters = this.#place.counters * owners + owner * COUNTERS;
    return (
      Number(doubles[integers[counters + OLDEST]!] === doubles[integers[counters + NEXT]!]) +
      Number(doubles[integers[counters + SUFFIX]!] === 0)
    );
  }

  /** The first row of an owner's ring: those of all owners lie beside each other slot by slot. */
  #ringOf(owners: number, owner: number): number {
    const row = this.#aggregate.doubles;
    return (this.#place.doubles + (STACK + FIRST_CAPACITY) * row) * owners + owner * row;
  }

  take(memory: SubjectMemory, index: number, from: number, count: number): void {
    this.#enter(memory);
    const numbers = this.#numbers;
    const blockNumbers = this.#blockNumbers;
    const to = from + count;
    let at = from;
    while (at < to) {
      const now = index + at - from;
      const isNewBlock = !(numbers[at]! < this.#blockEnd);
      if (isNewBlock) this.#begin(memory, Math.floor(numbers[at]! / blockNumbers), now);
      let length = to - at;
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
    this.#leave();
  }

  /** Reads what is kept of a subject. */
  #enter(memory: SubjectMemory): void {
    const { integers, doubles, owners, owner } = memory;
    const place = this.#place;
    const row = this.#aggregate.doubles;
    const counters = place.counters * owners + owner * COUNTERS;
    this.memory = doubles;
    this.#integers = integers;
    this.#counters = counters;
    this.running = place.rows * owners + (owner * ROWS + RUNNING_ROW) * row;
    this.middle = place.rows * owners + (owner * ROWS + MIDDLE_ROW) * row;
    this.ringFrom = this.#ringOf(owners, owner);
    this.stride = owners * row;
    this.ringTo = this.ringFrom + this.bars * this.stride;
    this.#stackRows = place.doubles * owners + owner * (STACK + FIRST_CAPACITY) * row;
    const rare = place.integers * owners + owner * INTEGERS;
    this.#stackOrdinals = rare + FIRST_CAPACITY;
    this.#stackBlocks = this.#stackOrdinals + STACK;
    this.#stackFirsts = this.#stackBlocks + STACK;
    this.runningBars = integers[counters + RUNNING_BARS]!;
    this.middleBars = integers[counters + MIDDLE_BARS]!;
    this.oldestBars = integers[counters + OLDEST_BARS]!;
    this.isFull = integers[counters + IS_FULL] === 1;
    this.next = integers[counters + NEXT]!;
    this.oldest = integers[counters + OLDEST]!;
    this.suffix = integers[counters + SUFFIX]!;
    this.suffixesLeft = integers[counters + SUFFIXES_LEFT]!;
    this.suffixBars = integers[counters + SUFFIX_BARS]!;
    this.#block = integers[counters + BLOCK]!;
    this.#blockEnd = (this.#block + 1) * this.#blockNumbers;
    this.#runningOrdinal = integers[counters + RUNNING_ORDINAL]!;
    this.#oldestOrdinal = integers[counters + OLDEST_ORDINAL]!;
    this.#suffixOrdinal = integers[counters + SUFFIX_ORDINAL]!;
    this.#stacked = integers[counters + STACKED]!;
    this.#capacity = integers[counters + CAPACITY]!;
    if (this.#capacity > FIRST_CAPACITY) {
      this.#enterGrown(memory);
      return;
    }
    this.#blocks = doubles;
    this.#blocksAt = this.#stackRows + STACK * row;
    this.#first = integers;
    this.#firstAt = counters + FIRST_OF_BLOCKS;
    this.#nodeEnd = integers;
    this.#nodeEndAt = rare;
  }

  #enterGrown(memory: SubjectMemory): void {
    const { doubles, integers } = memory.grown.get(this.#place.counters)!;
    this.#blocks = doubles;
    this.#blocksAt = 0;
    this.#first = integers;
    this.#firstAt = 0;
    this.#nodeEnd = integers;
    this.#nodeEndAt = this.#capacity;
  }

  #leave(): void {
    const integers = this.#integers;
    const counters = this.#counters;
    integers[counters + RUNNING_BARS] = this.runningBars;
    integers[counters + MIDDLE_BARS] = this.middleBars;
    integers[counters + OLDEST_BARS] = this.oldestBars;
    integers[counters + IS_FULL] = this.isFull ? 1 : 0;
    integers[counters + NEXT] = this.next;
    integers[counters + OLDEST] = this.oldest;
    integers[counters + SUFFIX] = this.suffix;
    integers[counters + SUFFIXES_LEFT] = this.suffixesLeft;
    integers[counters + SUFFIX_BARS] = this.suffixBars;
    integers[counters + BLOCK] = this.#block;
    integers[counters + RUNNING_ORDINAL] = this.#runningOrdinal;
    integers[counters + OLDEST_ORDINAL] = this.#oldestOrdinal;
    integers[counters + SUFFIX_ORDINAL] = this.#suffixOrdinal;
    integers[counters + STACKED] = this.#stacked;
    integers[counters + CAPACITY] = this.#capacity;
  }

  /** Places `merge` reads and writes are rows of the ring, in which the suffixes of one block may go round the end. */
  rowBefore(row: number): number {
    return row === this.ringFrom ? this.ringTo - this.stride : row - this.stride;
  }

  /** Index of the first bar of a block. */
  #firstOf(ordinal: number): number {
    return this.#first[this.#firstAt + (ordinal & (this.#capacity - 1))]!;
  }

  #nodeEndOf(ordinal: number): number {
    return this.#nodeEnd[this.#nodeEndAt + (ordinal & (this.#capacity - 1))]!;
  }

  /** Row of the node that begins with a block. */
  #blockRow(ordinal: number): number {
    return this.#blocksAt + (ordinal & (this.#capacity - 1)) * this.#aggregate.doubles;
  }

  /** Finds the block of the window's oldest bar. @returns bars from it to the end of its block */
  #settle(oldest: number, isNewBlock: boolean): number {
    let isOther = isNewBlock || !this.isFull;
    if (!this.isFull) {
      this.isFull = true;
      this.oldest = this.ringFrom;
    }
    // At most one block ends per bar.
    if (oldest >= this.#firstOf(this.#oldestOrdinal + 1)) {
      this.#oldestOrdinal++;
      isOther = true;
    }
    if (isOther) this.#joinMiddle();
    this.oldestBars = this.#firstOf(this.#oldestOrdinal + 1) - oldest;
    return this.oldestBars;
  }

  #beginSuffixes(): void {
    while (this.#suffixOrdinal < this.#runningOrdinal && this.suffixesLeft === 0) {
      const end = this.#firstOf(this.#suffixOrdinal + 1);
      const bars = end - this.#firstOf(this.#suffixOrdinal);
      // The last bar of a block is its own suffix.
      this.suffixesLeft = bars - 1;
      this.suffixBars = 1;
      this.suffix = this.rowBefore(this.ringFrom + ((end - 1) % this.bars) * this.stride);
      this.#suffixOrdinal++;
    }
  }

  /** Finishes the running block, and begins another. @param index of its first bar */
  #begin(memory: SubjectMemory, block: number, index: number): void {
    const row = this.#aggregate.doubles;
    if (this.#runningOrdinal >= 0) this.#stack(block, index);
    if (this.#runningOrdinal + 2 - this.#oldestOrdinal >= this.#capacity) this.#grow(memory);
    this.#runningOrdinal++;
    const slot = this.#runningOrdinal & (this.#capacity - 1);
    this.#first[this.#firstAt + slot] = index;
    this.#nodeEnd[this.#nodeEndAt + slot] = -1;
    this.#block = block;
    this.#blockEnd = (block + 1) * this.#blockNumbers;
    this.runningBars = 0;
    for (let i = 0; i < row; i++) this.memory[this.running + i] = 0;
  }

  /** Puts the finished running block on the stack, and merges the nodes that `block` is outside of. */
  #stack(block: number, index: number): void {
    const aggregate = this.#aggregate;
    const row = aggregate.doubles;
    const integers = this.#integers;
    const ordinals = this.#stackOrdinals;
    const blocks = this.#stackBlocks;
    const firsts = this.#stackFirsts;
    const memory = this.memory;
    let top = this.#stacked;
    integers[ordinals + top] = this.#runningOrdinal;
    integers[blocks + top] = this.#block;
    integers[firsts + top] = this.#firstOf(this.#runningOrdinal);
    let topRow = this.#stackRows + top * row;
    copyRow(memory, this.running, memory, topRow, row);
    // Two halves of a node differ in its highest bit, and whatever is outside of it in a higher one.
    while (
      top > 0 &&
      Math.clz32(integers[blocks + top]! ^ block) < Math.clz32(integers[blocks + top - 1]! ^ integers[blocks + top]!)
    ) {
      const ordinal = integers[ordinals + top]!;
      // Older places belong to other blocks by now.
      if (ordinal > this.#oldestOrdinal) {
        copyRow(memory, topRow, this.#blocks, this.#blockRow(ordinal), row);
        this.#nodeEnd[this.#nodeEndAt + (ordinal & (this.#capacity - 1))] = this.#runningOrdinal;
      }
      const olderRow = topRow - row;
      const first = integers[firsts + top]!;
      aggregate.merge(memory, olderRow, first - integers[firsts + top - 1]!, topRow, index - first, olderRow);
      top--;
      topRow = olderRow;
    }
    this.#stacked = top + 1;
  }

  /** Merges the whole blocks between the oldest and the running one. */
  #joinMiddle(): void {
    const row = this.#aggregate.doubles;
    const integers = this.#integers;
    const firsts = this.#stackFirsts;
    this.middleBars = 0;
    let ordinal = this.#oldestOrdinal + 1;
    while (ordinal < this.#runningOrdinal && this.#nodeEndOf(ordinal) >= 0) {
      const after = this.#nodeEndOf(ordinal) + 1;
      const bars = this.#firstOf(after) - this.#firstOf(ordinal);
      if (this.#capacity === FIRST_CAPACITY) this.#append(this.#blockRow(ordinal), bars);
      else {
        // To the free row above the stack: `merge` reads one array.
        const free = this.#stackRows + this.#stacked * row;
        copyRow(this.#blocks, this.#blockRow(ordinal), this.memory, free, row);
        this.#append(free, bars);
      }
      ordinal = after;
    }
    if (ordinal === this.#runningOrdinal) return;
    // What is left are the youngest nodes of the stack.
    let at = this.#stacked - 1;
    while (integers[this.#stackOrdinals + at]! > ordinal) at--;
    for (; at < this.#stacked; at++) {
      const end = at + 1 < this.#stacked ? integers[firsts + at + 1]! : this.#firstOf(this.#runningOrdinal);
      this.#append(this.#stackRows + at * row, end - integers[firsts + at]!);
    }
  }

  #append(from: number, bars: number): void {
    const aggregate = this.#aggregate;
    if (this.middleBars === 0) copyRow(this.memory, from, this.memory, this.middle, aggregate.doubles);
    else aggregate.merge(this.memory, this.middle, this.middleBars, from, bars, this.middle);
    this.middleBars += bars;
  }

  /** Makes room for twice the blocks, outside of the subject's memory: where bars are rare. */
  #grow(memory: SubjectMemory): void {
    const row = this.#aggregate.doubles;
    const after = this.#capacity * 2;
    const doubles = new Float64Array(after * row);
    const integers = new Int32Array(after * 2);
    for (let ordinal = this.#oldestOrdinal; ordinal <= this.#runningOrdinal; ordinal++) {
      const to = ordinal & (after - 1);
      integers[to] = this.#firstOf(ordinal);
      integers[after + to] = this.#nodeEndOf(ordinal);
      copyRow(this.#blocks, this.#blockRow(ordinal), doubles, to * row, row);
    }
    memory.grown.set(this.#place.counters, { doubles, integers });
    this.#capacity = after;
    this.#enterGrown(memory);
  }
}

/** A row has few doubles: a loop is faster than `copyWithin`. */
function copyRow(source: Float64Array, from: number, target: Float64Array, to: number, doubles: number): void {
  for (let i = 0; i < doubles; i++) target[to + i] = source[from + i]!;
}
