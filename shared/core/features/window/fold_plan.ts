import { COUNTERS, INPUTS, LINE, SIZE, SlidingFold, type FoldState, type Kind } from './sliding_fold.ts';

/**
 * Location of a series: its observations are written to `input` from this index on, its window values are read from
 * `result`.
 */
export interface Series {
  readonly input: number;
  readonly result: number;
}

/** Results of `moments`; of `mean`, MEAN alone. */
export const MEAN = 0;
export const M2 = 1;
/** Results of `comoments`; MEAN_X and MEAN_Y are distances from the oldest point. */
export const OLDEST_X = 0;
export const OLDEST_Y = 1;
export const MEAN_X = 2;
export const MEAN_Y = 3;
export const SXX = 4;
export const SYY = 5;
export const SXY = 6;

interface Wanted {
  readonly kind: Kind;
  readonly stage: number;
  readonly window: number;
  readonly series: { input: number; result: number };
}

const KINDS: readonly Kind[] = ['moments', 'comoments', 'mean'];
/** A window of minutes at hand spans two or three blocks. */
const FIRST_CAPACITY = 8;

/**
 * The sliding windows of a thing of which there are many (pairs, legs): one plan for all, one small state for each.
 * Series of one stage with the same window share a fold, and with it all but their sums.
 */
export class FoldPlan {
  /** Input of the next `push`, by `Series.input`. */
  readonly input: Float64Array;
  /** Result of the last `push`, by `Series.result`; NaN while a window is not full or holds a missing value. */
  readonly result: Float64Array;
  readonly #stages: readonly (readonly SlidingFold[])[];
  readonly #reciprocal: Float64Array;
  /** Doubles of an owner. */
  readonly #sums: number;
  readonly #rings: number;
  readonly #rows: number;
  readonly #folds: number;

  /**
   * @param wanted the results of `moments`, `comoments` and `mean`, once each; their positions are final from now on
   */
  constructor(wanted: readonly Wanted[]) {
    let input = 0;
    let result = 0;
    let sums = 0;
    let rings = 0;
    let ordinal = 0;
    const createFold = (window: number, members: readonly Wanted[]): SlidingFold => {
      const place = { input, result, sums, rings, ordinal, rows: result };
      const counts = { moments: 0, comoments: 0, mean: 0 };
      for (const kind of KINDS) {
        for (const { series } of members.filter((member) => member.kind === kind)) {
          series.input = input;
          series.result = result;
          input += INPUTS[kind];
          result += SIZE[kind];
          counts[kind]++;
        }
      }
      const fold = new SlidingFold(window, counts, place);
      sums += fold.sums;
      rings += fold.ring;
      ordinal++;
      return fold;
    };
    const stages = 1 + Math.max(...wanted.map(({ stage }) => stage));
    this.#stages = Array.from({ length: stages }, (_, stage) => {
      const members = wanted.filter((member) => member.stage === stage);
      const windows = [...new Set(members.map(({ window }) => window))];
      return windows.map((window) =>
        createFold(
          window,
          members.filter((member) => member.window === window),
        ),
      );
    });
    const longest = Math.max(...wanted.map(({ window }) => window));
    this.#reciprocal = Float64Array.from({ length: longest + 1 }, (_, n) => 1 / n);
    // An owner's sums begin with a cache line.
    this.#sums = Math.ceil(sums / LINE) * LINE;
    this.#rings = rings;
    this.#rows = result;
    this.#folds = ordinal;
    this.input = new Float64Array(input).fill(NaN);
    this.result = new Float64Array(result).fill(NaN);
  }

  /** See `FoldState`. */
  createStates(owners: number): FoldState[] {
    const mem = new Float64Array(owners * (this.#sums + this.#rings)).fill(NaN);
    const counters = new Int32Array(owners * this.#folds * COUNTERS);
    return Array.from({ length: owners }, (_, owner) => ({
      mem,
      counters,
      owners,
      owner,
      sumsAt: owner * this.#sums,
      countersAt: owner * this.#folds * COUNTERS,
      ringsAt: owners * this.#sums,
      blocks: new Float64Array(this.#rows * FIRST_CAPACITY),
      blockFirst: new Int32Array(this.#folds * FIRST_CAPACITY),
      capacity: FIRST_CAPACITY,
    }));
  }

  createState(): FoldState {
    return this.createStates(1)[0]!;
  }

  /** Makes a state as good as new. */
  reset(state: FoldState): void {
    state.counters.fill(0, state.countersAt, state.countersAt + this.#folds * COUNTERS);
    for (const folds of this.#stages) for (const fold of folds) fold.forgetBlock(state);
  }

  /** See `SlidingFold.touch`. */
  touch(state: FoldState): number {
    const { mem, sumsAt } = state;
    let sum = 0;
    for (let i = 0; i < this.#sums; i += LINE) sum += mem[sumsAt + i]!;
    for (const folds of this.#stages) for (let i = 0; i < folds.length; i++) sum += folds[i]!.touch(state);
    return sum;
  }

  /**
   * Moves all windows of a stage on by one bar.
   * @param index of the bar, from 0 on without holes
   * @param minute its epoch minute; must ascend
   */
  push(stage: number, state: FoldState, index: number, minute: number): void {
    const folds = this.#stages[stage]!;
    for (let i = 0; i < folds.length; i++) {
      const fold = folds[i]!;
      if (fold.isCrowded(state)) this.#grow(state);
      fold.push(state, index, minute, this.input, this.result, this.#reciprocal);
    }
  }

  #grow(state: FoldState): void {
    const before = { ...state };
    state.capacity = before.capacity * 2;
    state.blocks = new Float64Array(before.blocks.length * 2);
    state.blockFirst = new Int32Array(before.blockFirst.length * 2);
    for (const folds of this.#stages) for (const fold of folds) fold.moveBlocks(before, state);
  }
}

/** Collects requested series, then makes the plan for all of them. */
export class FoldPlanner {
  readonly #wanted: Wanted[] = [];

  /** Mean and centered second moment of the last `window` values: one input; results MEAN and M2. */
  moments(stage: number, window: number): Series {
    return this.#want('moments', stage, window);
  }

  /** Regression of the last `window` points: inputs x and y; results OLDEST_X to SXY. */
  comoments(stage: number, window: number): Series {
    return this.#want('comoments', stage, window);
  }

  /** Mean of the last `window` values, none of them negative: one input; result MEAN. */
  mean(stage: number, window: number): Series {
    return this.#want('mean', stage, window);
  }

  plan(): FoldPlan {
    return new FoldPlan(this.#wanted);
  }

  /** @throws RangeError when the window is not an integer above 1 */
  #want(kind: Kind, stage: number, window: number): Series {
    if (!Number.isInteger(window) || window < 2) throw new RangeError(`window ${window} is not an integer above 1`);
    const series = { input: -1, result: -1 };
    this.#wanted.push({ kind, stage, window, series });
    return series;
  }
}
