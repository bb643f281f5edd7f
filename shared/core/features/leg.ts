import { ratioToUsual, sampleStd } from './feature.ts';
import { FoldPlanner, M2, MEAN, type FoldPlan, type Series } from './window/fold_plan.ts';
import type { FoldState } from './window/sliding_fold.ts';
import type { Windows } from './windows.ts';

/** Location of a leg's values of its last bar: `values[at + VOL]` and so on. NaN = missing. */
export interface LegValues {
  values: Float64Array;
  at: number;
}

export const LN_CLOSE = 0;
/** One-bar log return; NaN on the first bar. */
export const LOG_RETURN = 1;
/** std of the log return over vol_window. */
export const VOL = 2;
/** std over vol_short against vol_long. */
export const VOL_RATIO = 3;
/** Mean true range over atr_short against atr_long. */
export const RANGE_RATIO = 4;
/**
 * v / (1 + v), v = mean volume over vol_short against volume_window; NaN when a volume in the window is 0 (unknown).
 */
export const LIQUIDITY = 5;
export const LEG_VALUES = 6;

/**
 * All of a bar that a leg's windows depend on, as a row of numbers: the step takes rows, since doubles as arguments get
 * boxed.
 */
export const MINUTE = 0;
export const HIGH = 1;
export const LOW = 2;
export const CLOSE = 3;
export const VOLUME = 4;
export const BAR_VALUES = 5;

/** State of a leg between two bars. */
export interface LegState {
  readonly folds: FoldState;
  bars: number;
  /** Bars since the last one of unknown volume. */
  volumeBars: number;
  /** Close and ln close of each owner's last bar, from `2 · owner` on: fields of an object would be boxed. */
  readonly closes: Float64Array;
}

/** All values of a leg's bars that do not depend on the other leg. */
export class LegWindows {
  /** The values are a function of this many last bars, the current one included. */
  readonly lookBackBars: number;
  readonly #windows: Windows;
  readonly #volumeBars: number;
  readonly #plan: FoldPlan;
  readonly #return: Series;
  readonly #returnShort: Series;
  readonly #returnLong: Series;
  readonly #rangeShort: Series;
  readonly #rangeLong: Series;
  readonly #volumeShort: Series;
  readonly #volumeLong: Series;

  constructor(windows: Windows) {
    const { vol_window, vol_short, vol_long, atr_short, atr_long, volume_window } = windows;
    const planner = new FoldPlanner();
    this.#windows = windows;
    this.#volumeBars = Math.max(volume_window, vol_short);
    this.lookBackBars = Math.max(
      vol_window + 1,
      vol_short + 1,
      vol_long + 1,
      atr_short + 1,
      atr_long + 1,
      volume_window,
    );
    this.#return = planner.moments(0, vol_window);
    this.#returnShort = planner.moments(0, vol_short);
    this.#returnLong = planner.moments(0, vol_long);
    this.#rangeShort = planner.mean(0, atr_short);
    this.#rangeLong = planner.mean(0, atr_long);
    this.#volumeShort = planner.mean(0, vol_short);
    this.#volumeLong = planner.mean(0, volume_window);
    this.#plan = planner.plan();
  }

  /** See `FoldState`. */
  createStates(owners: number): LegState[] {
    const closes = new Float64Array(2 * owners).fill(NaN);
    return this.#plan.createStates(owners).map((folds) => ({ folds, bars: 0, volumeBars: 0, closes }));
  }

  /** Clears all bars. */
  reset(state: LegState): void {
    this.#plan.reset(state.folds);
    state.bars = 0;
    state.volumeBars = 0;
    state.closes.fill(NaN, 2 * state.folds.owner, 2 * state.folds.owner + 2);
  }

  /**
   * Takes the next bar of a leg and writes LEG_VALUES.
   * @param bars array with the bar as BAR_VALUES from `bar` on; its minute must ascend
   * @param out destination of the values, from `at` on
   */
  step(state: LegState, bars: Float64Array, bar: number, out: Float64Array, at: number): void {
    const close = bars[bar + CLOSE]!;
    const volume = bars[bar + VOLUME]!;
    const windows = this.#windows;
    const { input, result } = this.#plan;
    const { closes } = state;
    const last = 2 * state.folds.owner;
    const closeBefore = closes[last]!;
    const lnClose = Math.log(close);
    const logReturn = lnClose - closes[last + 1]!;
    const range = Math.max(bars[bar + HIGH]!, closeBefore) - Math.min(bars[bar + LOW]!, closeBefore);
    input[this.#return.input] = logReturn;
    input[this.#returnShort.input] = logReturn;
    input[this.#returnLong.input] = logReturn;
    input[this.#rangeShort.input] = range;
    input[this.#rangeLong.input] = range;
    input[this.#volumeShort.input] = volume;
    input[this.#volumeLong.input] = volume;
    this.#plan.push(0, state.folds, state.bars, bars[bar + MINUTE]!);
    state.bars++;
    closes[last] = close;
    closes[last + 1] = lnClose;
    state.volumeBars = volume > 0 ? state.volumeBars + 1 : 0;
    out[at + LN_CLOSE] = lnClose;
    out[at + LOG_RETURN] = logReturn;
    out[at + VOL] = sampleStd(result[this.#return.result + M2]!, windows.vol_window);
    out[at + VOL_RATIO] = ratioToUsual(
      sampleStd(result[this.#returnShort.result + M2]!, windows.vol_short),
      sampleStd(result[this.#returnLong.result + M2]!, windows.vol_long),
    );
    out[at + RANGE_RATIO] = ratioToUsual(
      result[this.#rangeShort.result + MEAN]!,
      result[this.#rangeLong.result + MEAN]!,
    );
    const relative = result[this.#volumeShort.result + MEAN]! / result[this.#volumeLong.result + MEAN]!;
    if (state.volumeBars < this.#volumeBars) out[at + LIQUIDITY] = NaN;
    else out[at + LIQUIDITY] = relative === Infinity ? 1 : relative / (1 + relative);
  }
}
