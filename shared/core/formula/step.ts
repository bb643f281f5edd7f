import type { SubjectMemory } from './subject_memory.ts';

/** The values of one subject's formulas so far. Made by `FormulaEngine.createState`, moved by the engine alone. */
export interface SubjectState {
  /** Bars so far. */
  bars: number;
  readonly memory: SubjectMemory;
}

/** A computation of a plan, for all its subjects. */
export interface Step {
  /** Takes bars of one subject, which are at places 0 to `count` − 1 of the columns. */
  run(state: SubjectState, count: number): void;
  /** Takes a bar of each subject: that of `states[i]` is at place i of the columns. @param states all different */
  runEach(states: readonly SubjectState[], count: number): void;
}

/** A computation that keeps something of each subject. */
export abstract class WindowStep implements Step {
  /** The lowest bit of what `load` returned: it depends on each. */
  #loaded = 0;

  /** Writes what is kept of a subject without bars. Memory comes as zeros. */
  abstract begin(memory: SubjectMemory): void;

  /**
   * Reads what the next bar needs of the memory of a subject, and does nothing with it: a loop of such reads has many
   * under way at once, where the computation waits for each.
   * @returns a small integer, so that no read is left out as unused
   */
  abstract load(memory: SubjectMemory): number;

  /**
   * Takes bars of one subject, which are at places `at` to `at + count` − 1 of the columns.
   * @param index of the first of these bars since the subject's start
   */
  abstract take(memory: SubjectMemory, index: number, at: number, count: number): void;

  run(state: SubjectState, count: number): void {
    this.take(state.memory, state.bars, 0, count);
  }

  runEach(states: readonly SubjectState[], count: number): void {
    let sum = 0;
    for (let i = 0; i < count; i++) sum = (sum + this.load(states[i]!.memory)) & 1;
    this.#loaded = sum;
    for (let i = 0; i < count; i++) {
      const { memory, bars } = states[i]!;
      this.take(memory, bars, i, 1);
    }
  }

  /** Bit of the last reads; means nothing. */
  get loaded(): number {
    return this.#loaded;
  }
}
