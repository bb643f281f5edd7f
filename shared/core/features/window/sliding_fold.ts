/** State of a series over its window: (mean, M2), (anchor x, anchor y, mean x − anchor, mean y − anchor,
 * Sxx, Syy, Sxy), (mean). The count follows from the bars. */
export type Kind = 'moments' | 'comoments' | 'mean';
/** Doubles of one aggregate. */
export const SIZE: Readonly<Record<Kind, number>> = { moments: 2, comoments: 7, mean: 1 };
/** Doubles of one observation. */
export const INPUTS: Readonly<Record<Kind, number>> = { moments: 1, comoments: 2, mean: 1 };

/**
 * The windows of one owner. Made by `FoldPlan.createStates`, moved by `FoldPlan.push` alone. Owners that are made
 * together share memory, laid out for steps one after another: what each step needs is beside that of the next owner.
 */
export interface FoldState {
  /**
   * Of each owner, of each fold: its sums, which are a row of the running block, a row of the blocks between, and the
   * end of the running block. Then of each fold, of each slot of its ring: a row per owner.
   */
  readonly mem: Float64Array;
  /** Of each owner, of each fold: its counters, FIRST to BUILD_LENGTH. */
  readonly counters: Int32Array;
  readonly owners: number;
  readonly owner: number;
  /** Of this owner in `mem` and `counters`, and of all rings in `mem`. */
  readonly sumsAt: number;
  readonly countersAt: number;
  readonly ringsAt: number;
  /** Of each fold: the aggregates of its finished blocks, and the indices of their first bars; `capacity` of each. */
  blocks: Float64Array;
  blockFirst: Int32Array;
  /** Finished blocks there is room for, a power of two. Grows only where bars are very rare. */
  capacity: number;
}

/** Offsets of the parts of a fold. */
export interface FoldPlace {
  readonly input: number;
  readonly result: number;
  /** Doubles before it of an owner's sums, and of an owner's rings. */
  readonly sums: number;
  readonly rings: number;
  /** Folds before it. */
  readonly ordinal: number;
  /** Doubles of one row of all folds before it. */
  readonly rows: number;
}

/** Doubles of a cache line. */
export const LINE = 8;
/** Index of the running block's first bar. */
const FIRST = 0;
/** Ordinal of the block that holds the window's oldest bar. */
const HEAD = 1;
/** Ordinal of the running block. */
const NEXT = 2;
/** Ordinal of the block whose suffixes are being made, how many are still to make, and the ring slot of the next. */
const BUILD = 3;
const LEFT = 4;
const BUILD_SLOT = 5;
/** Ring slot of the next bar. */
const SLOT = 6;
/** Index of the first bar after the block that holds the window's oldest bar. */
const HEAD_END = 7;
/** Bars of the block whose suffixes are being made. */
const BUILD_LENGTH = 8;
export const COUNTERS = 9;

/**
 * All series of one window, advanced by one bar at a time in O(1), whatever the length of the window.
 *
 * Nothing is ever subtracted. Minutes fall into blocks of fixed absolute position (epoch minute / block length, half a
 * window). A finished block gets the aggregate of each of its suffixes, one per bar, before the window's oldest bar
 * reaches it; so a window is always `suffix of the oldest block ⊕ whole blocks between ⊕ running block`, and no bar
 * costs more than another. Hence the results are a pure function of the last `window` (minute, values), to the bit: it
 * does not matter where a run began, and rounding cannot accumulate. (The two-stack queue of Tangwongsan et al.,
 * "General incremental sliding-window aggregation", VLDB 2015, with flips that are pinned to absolute minutes and made
 * step by step.)
 *
 * Why one suffix per bar is in time: a block holds at most half a window of bars, so it is reached half a window of
 * bars after it was finished at the earliest; and the suffixes that are still to make when it is finished, its own
 * included, are never more than those of one full block.
 *
 * Merges: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
 * Their weights depend on counts alone, so all series of a fold share them.
 *
 * Comoments keep their means as a distance from an anchor, the oldest point of the aggregate: log prices have most of
 * their digits in common, and the differences of such neighbors are exact.
 *
 * A value that does not exist yet is NaN. It makes every window that holds it NaN, and leaves with its bar.
 */
export class SlidingFold {
  readonly window: number;
  /** Doubles of one row: the aggregates of all series, moments before comoments before means. */
  readonly row: number;
  readonly #blockMinutes: number;
  readonly #moments: number;
  readonly #comoments: number;
  readonly #means: number;
  readonly #input: number;
  readonly #result: number;
  readonly #ring: number;
  readonly #sums: number;
  readonly #counters: number;
  readonly #ordinal: number;
  readonly #rowsBefore: number;

  constructor(window: number, series: Readonly<Record<Kind, number>>, place: FoldPlace) {
    this.window = window;
    this.#blockMinutes = Math.floor(window / 2);
    this.#moments = series.moments;
    this.#comoments = series.comoments;
    this.#means = series.mean;
    this.row = series.moments * SIZE.moments + series.comoments * SIZE.comoments + series.mean * SIZE.mean;
    this.#input = place.input;
    this.#result = place.result;
    this.#ring = place.rings;
    this.#sums = place.sums;
    this.#counters = place.ordinal * COUNTERS;
    this.#ordinal = place.ordinal;
    this.#rowsBefore = place.rows;
  }

  /** Doubles of an owner's sums. */
  get sums(): number {
    return 2 * this.row + 1;
  }

  /** Doubles of an owner's ring. */
  get ring(): number {
    return this.window * this.row;
  }

  /** Whatever minute comes next begins a block. */
  forgetBlock({ mem, sumsAt }: FoldState): void {
    mem[sumsAt + this.#sums + 2 * this.row] = NaN;
  }

  /** Returns whether there might be no room for one more finished block. */
  isCrowded({ counters, countersAt, capacity }: FoldState): boolean {
    const at = countersAt + this.#counters;
    return counters[at + NEXT]! - counters[at + HEAD]! >= capacity;
  }

  /** Copies the finished blocks to their positions in a state of another capacity. */
  moveBlocks(from: FoldState, to: FoldState): void {
    const { row } = this;
    const at = to.countersAt + this.#counters;
    for (let block = to.counters[at + HEAD]!; block < to.counters[at + NEXT]!; block++) {
      const source = this.#rowsBefore * from.capacity + (block & (from.capacity - 1)) * row;
      const target = this.#rowsBefore * to.capacity + (block & (to.capacity - 1)) * row;
      to.blocks.set(from.blocks.subarray(source, source + row), target);
      to.blockFirst[this.#ordinal * to.capacity + (block & (to.capacity - 1))] =
        from.blockFirst[this.#ordinal * from.capacity + (block & (from.capacity - 1))]!;
    }
  }

  /**
   * Reads a number of each cache line that the next `push` will need.
   * @returns their sum, so that the reads are not left out
   */
  touch({ mem, counters, owners, owner, countersAt, ringsAt }: FoldState): number {
    const { row, window } = this;
    const at = countersAt + this.#counters;
    const ring = ringsAt + this.#ring * owners + owner * row;
    const slot = counters[at + SLOT]!;
    const buildSlot = counters[at + BUILD_SLOT]!;
    const stride = owners * row;
    const own = ring + slot * stride;
    const oldest = slot + 1 === window ? ring : own + stride;
    const built = ring + buildSlot * stride;
    const before = buildSlot + 1 === window ? ring : built + stride;
    let sum = 0;
    for (let i = 0; i < row; i += LINE) sum += mem[own + i]! + mem[oldest + i]! + mem[built + i]! + mem[before + i]!;
    return sum;
  }

  /**
   * Takes the observations of one bar from `input` and writes what the window then holds to `result`.
   * @param index of the bar, from 0 on without holes
   * @param minute its epoch minute; must ascend
   * @param reciprocal 1 / n for n up to the window
   */
  push(
    state: FoldState,
    index: number,
    minute: number,
    input: Float64Array,
    result: Float64Array,
    reciprocal: Float64Array,
  ): void {
    const { mem, counters, owners } = state;
    const { window, row } = this;
    const at = state.countersAt + this.#counters;
    const ring = state.ringsAt + this.#ring * owners + state.owner * row;
    const stride = owners * row;
    const running = state.sumsAt + this.#sums;
    const blockEnd = running + 2 * row;

    // A NaN end, before the first bar, is passed by every minute.
    if (!(minute < mem[blockEnd]!)) {
      if (index > 0) this.#finishBlock(state, index, reciprocal);
      mem[blockEnd] = (Math.floor(minute / this.#blockMinutes) + 1) * this.#blockMinutes;
    }
    const count = index - counters[at + FIRST]!;
    const runningShare = reciprocal[count + 1]!;
    const runningWeight = count * runningShare;

    const slot = counters[at + SLOT]!;
    const oldestSlot = slot + 1 === window ? 0 : slot + 1;
    counters[at + SLOT] = oldestSlot;
    const own = ring + slot * stride;

    let newer = 0;
    let built = 0;
    let before = 0;
    const build = counters[at + BUILD]!;
    if (build !== counters[at + NEXT]!) {
      let left = counters[at + LEFT]!;
      if (left === 0) left = this.#beginBuild(state, build);
      const buildSlot = counters[at + BUILD_SLOT]!;
      newer = counters[at + BUILD_LENGTH]! - left;
      built = ring + buildSlot * stride;
      before = buildSlot + 1 === window ? ring : built + stride;
      counters[at + BUILD_SLOT] = buildSlot === 0 ? window - 1 : buildSlot - 1;
      counters[at + LEFT] = left - 1;
      if (left === 1) counters[at + BUILD] = build + 1;
    }
    const builtShare = newer === 0 ? 0 : newer * reciprocal[newer + 1]!;

    const isFull = index >= window - 1;
    const oldest = ring + oldestSlot * stride;
    const between = running + row;
    let betweenShare = 0;
    let betweenWeight = 0;
    let lastShare = 0;
    let lastWeight = 0;
    if (isFull) {
      if (counters[at + HEAD_END]! === index + 1 - window) this.#dropHead(state, reciprocal);
      const headEnd = counters[at + HEAD_END]!;
      const older = headEnd + window - index - 1;
      const whole = counters[at + FIRST]! - headEnd;
      betweenShare = whole * reciprocal[older + whole]!;
      betweenWeight = older * betweenShare;
      lastShare = (count + 1) * reciprocal[window]!;
      lastWeight = (older + whole) * lastShare;
    }

    // One pass per kind does all there is to do for a series: insert, run on, make a suffix, evaluate.
    let offset = 0;
    let from = this.#input;
    let to = this.#result;
    for (let i = 0; i < this.#moments; i++, offset += 2, to += 2) {
      const x = input[from++]!;
      mem[own + offset] = x;
      mem[own + offset + 1] = 0;
      let mean = x;
      let m2 = 0;
      if (count > 0) {
        mean = mem[running + offset]!;
        const d = x - mean;
        mean += d * runningShare;
        m2 = mem[running + offset + 1]! + d * d * runningWeight;
      }
      mem[running + offset] = mean;
      mem[running + offset + 1] = m2;
      if (newer > 0) {
        const single = mem[built + offset]!;
        const d = mem[before + offset]! - single;
        mem[built + offset] = single + d * builtShare;
        mem[built + offset + 1] = mem[before + offset + 1]! + d * d * builtShare;
      }
      let olderMean = mem[oldest + offset]!;
      let olderM2 = mem[oldest + offset + 1]!;
      if (betweenShare > 0) {
        const d = mem[between + offset]! - olderMean;
        olderMean += d * betweenShare;
        olderM2 = olderM2 + mem[between + offset + 1]! + d * d * betweenWeight;
      }
      const d = mean - olderMean;
      result[to] = olderMean + d * lastShare;
      result[to + 1] = olderM2 + m2 + d * d * lastWeight;
    }
    for (let i = 0; i < this.#comoments; i++, offset += 7, to += 7) {
      const x = input[from++]!;
      const y = input[from++]!;
      mem[own + offset] = x;
      mem[own + offset + 1] = y;
      mem[own + offset + 2] = 0;
      mem[own + offset + 3] = 0;
      mem[own + offset + 4] = 0;
      mem[own + offset + 5] = 0;
      mem[own + offset + 6] = 0;
      let anchorX = x;
      let anchorY = y;
      let meanX = 0;
      let meanY = 0;
      let sxx = 0;
      let syy = 0;
      let sxy = 0;
      if (count > 0) {
        anchorX = mem[running + offset]!;
        anchorY = mem[running + offset + 1]!;
        meanX = mem[running + offset + 2]!;
        meanY = mem[running + offset + 3]!;
        const dx = x - anchorX - meanX;
        const dy = y - anchorY - meanY;
        meanX += dx * runningShare;
        meanY += dy * runningShare;
        sxx = mem[running + offset + 4]! + dx * dx * runningWeight;
        syy = mem[running + offset + 5]! + dy * dy * runningWeight;
        sxy = mem[running + offset + 6]! + dx * dy * runningWeight;
      }
      mem[running + offset] = anchorX;
      mem[running + offset + 1] = anchorY;
      mem[running + offset + 2] = meanX;
      mem[running + offset + 3] = meanY;
      mem[running + offset + 4] = sxx;
      mem[running + offset + 5] = syy;
      mem[running + offset + 6] = sxy;
      if (newer > 0) {
        const dx = mem[before + offset]! - mem[built + offset]! + mem[before + offset + 2]!;
        const dy = mem[before + offset + 1]! - mem[built + offset + 1]! + mem[before + offset + 3]!;
        mem[built + offset + 2] = dx * builtShare;
        mem[built + offset + 3] = dy * builtShare;
        mem[built + offset + 4] = mem[before + offset + 4]! + dx * dx * builtShare;
        mem[built + offset + 5] = mem[before + offset + 5]! + dy * dy * builtShare;
        mem[built + offset + 6] = mem[before + offset + 6]! + dx * dy * builtShare;
      }
      const olderAnchorX = mem[oldest + offset]!;
      const olderAnchorY = mem[oldest + offset + 1]!;
      let olderX = mem[oldest + offset + 2]!;
      let olderY = mem[oldest + offset + 3]!;
      let olderSxx = mem[oldest + offset + 4]!;
      let olderSyy = mem[oldest + offset + 5]!;
      let olderSxy = mem[oldest + offset + 6]!;
      if (betweenShare > 0) {
        const dx = mem[between + offset]! - olderAnchorX + (mem[between + offset + 2]! - olderX);
        const dy = mem[between + offset + 1]! - olderAnchorY + (mem[between + offset + 3]! - olderY);
        olderX += dx * betweenShare;
        olderY += dy * betweenShare;
        olderSxx = olderSxx + mem[between + offset + 4]! + dx * dx * betweenWeight;
        olderSyy = olderSyy + mem[between + offset + 5]! + dy * dy * betweenWeight;
        olderSxy = olderSxy + mem[between + offset + 6]! + dx * dy * betweenWeight;
      }
      const dx = anchorX - olderAnchorX + (meanX - olderX);
      const dy = anchorY - olderAnchorY + (meanY - olderY);
      result[to] = olderAnchorX;
      result[to + 1] = olderAnchorY;
      result[to + 2] = olderX + dx * lastShare;
      result[to + 3] = olderY + dy * lastShare;
      result[to + 4] = olderSxx + sxx + dx * dx * lastWeight;
      result[to + 5] = olderSyy + syy + dy * dy * lastWeight;
      result[to + 6] = olderSxy + sxy + dx * dy * lastWeight;
    }
    for (let i = 0; i < this.#means; i++, offset++, to++) {
      const x = input[from++]!;
      mem[own + offset] = x;
      let mean = x;
      if (count > 0) {
        mean = mem[running + offset]!;
        mean += (x - mean) * runningShare;
      }
      mem[running + offset] = mean;
      if (newer > 0) {
        const single = mem[built + offset]!;
        mem[built + offset] = single + (mem[before + offset]! - single) * builtShare;
      }
      let olderMean = mem[oldest + offset]!;
      if (betweenShare > 0) olderMean += (mem[between + offset]! - olderMean) * betweenShare;
      result[to] = olderMean + (mean - olderMean) * lastShare;
    }
    // Before the window is full, the values just written are invalid.
    if (!isFull) result.fill(NaN, this.#result, this.#result + row);
  }

  /** @returns how many suffixes of the block there are to make */
  #beginBuild(state: FoldState, block: number): number {
    const at = state.countersAt + this.#counters;
    const end = this.#firstOf(state, block + 1);
    const length = end - this.#firstOf(state, block);
    state.counters[at + BUILD_LENGTH] = length;
    state.counters[at + BUILD_SLOT] = (end - 1) % this.window;
    return length;
  }

  /** Index of a block's first bar; of the running block too. */
  #firstOf({ counters, countersAt, blockFirst, capacity }: FoldState, block: number): number {
    const at = countersAt + this.#counters;
    return block === counters[at + NEXT]!
      ? counters[at + FIRST]!
      : blockFirst[this.#ordinal * capacity + (block & (capacity - 1))]!;
  }

  /** The running block becomes the newest of the finished ones; the next one begins at `index`. */
  #finishBlock(state: FoldState, index: number, reciprocal: Float64Array): void {
    const { mem, counters, blocks, capacity } = state;
    const at = state.countersAt + this.#counters;
    const running = state.sumsAt + this.#sums;
    const next = counters[at + NEXT]!;
    const slot = next & (capacity - 1);
    const target = this.#rowsBefore * capacity + slot * this.row;
    for (let i = 0; i < this.row; i++) blocks[target + i] = mem[running + i]!;
    state.blockFirst[this.#ordinal * capacity + slot] = counters[at + FIRST]!;
    counters[at + NEXT] = next + 1;
    counters[at + FIRST] = index;
    if (next > counters[at + HEAD]!) this.#addBetween(state, next, reciprocal);
    else counters[at + HEAD_END] = index;
  }

  /**
   * The oldest block has left the window: the next one's suffixes are read from now on, and it is between no longer.
   */
  #dropHead(state: FoldState, reciprocal: Float64Array): void {
    const { counters } = state;
    const at = state.countersAt + this.#counters;
    const head = counters[at + HEAD]! + 1;
    counters[at + HEAD] = head;
    counters[at + HEAD_END] = this.#firstOf(state, head + 1);
    for (let block = head + 1; block < counters[at + NEXT]!; block++) this.#addBetween(state, block, reciprocal);
  }

  /** Folds a finished block into those between it and the head; it is their newest. */
  #addBetween(state: FoldState, block: number, reciprocal: Float64Array): void {
    const { mem, counters, blocks, capacity } = state;
    const first = this.#firstOf(state, block);
    const older = first - counters[state.countersAt + this.#counters + HEAD_END]!;
    let source = this.#rowsBefore * capacity + (block & (capacity - 1)) * this.row;
    let target = state.sumsAt + this.#sums + this.row;
    if (older === 0) {
      for (let i = 0; i < this.row; i++) mem[target + i] = blocks[source + i]!;
      return;
    }
    const newer = this.#firstOf(state, block + 1) - first;
    const share = newer * reciprocal[older + newer]!;
    const weight = older * share;
    for (let i = 0; i < this.#moments; i++, source += 2, target += 2) {
      const d = blocks[source]! - mem[target]!;
      mem[target] = mem[target]! + d * share;
      mem[target + 1] = mem[target + 1]! + blocks[source + 1]! + d * d * weight;
    }
    for (let i = 0; i < this.#comoments; i++, source += 7, target += 7) {
      const dx = blocks[source]! - mem[target]! + (blocks[source + 2]! - mem[target + 2]!);
      const dy = blocks[source + 1]! - mem[target + 1]! + (blocks[source + 3]! - mem[target + 3]!);
      mem[target + 2] = mem[target + 2]! + dx * share;
      mem[target + 3] = mem[target + 3]! + dy * share;
      mem[target + 4] = mem[target + 4]! + blocks[source + 4]! + dx * dx * weight;
      mem[target + 5] = mem[target + 5]! + blocks[source + 5]! + dy * dy * weight;
      mem[target + 6] = mem[target + 6]! + blocks[source + 6]! + dx * dy * weight;
    }
    for (let i = 0; i < this.#means; i++, source++, target++) {
      mem[target] = mem[target]! + (blocks[source]! - mem[target]!) * share;
    }
  }
}
