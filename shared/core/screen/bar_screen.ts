import { type Bar, SECONDS_PER_BAR } from '../../bar.ts';

/**
 * The median of the last `size` values, kept in order: two binary searches and one move of at most `size` numbers per
 * value, without allocation. A function of those values alone: where the run began makes no difference.
 */
export class RunningMedian {
  readonly #size: number;
  /** In order of arrival: value number n is at n modulo `size`. */
  readonly #ring: Float64Array;
  readonly #sorted: Float64Array;
  #pushed = 0;

  constructor(size: number) {
    this.#size = size;
    this.#ring = new Float64Array(size);
    this.#sorted = new Float64Array(size);
  }

  get count(): number {
    return Math.min(this.#pushed, this.#size);
  }

  /** Writes the median: the lower one of the two in the middle of an even number; NaN before the first. */
  writeMedian(out: Float64Array, at: number): void {
    out[at] = this.#pushed === 0 ? NaN : this.#sorted[(this.count - 1) >> 1]!;
  }

  /** Takes the number at `from`: any but NaN. Arguments and results are in arrays, since others get boxed. */
  push(values: Float64Array, from: number): void {
    const sorted = this.#sorted;
    const value = values[from]!;
    const at = this.#pushed % this.#size;
    const place = this.#firstNotBelow(values, from);
    if (this.#pushed < this.#size) {
      sorted.copyWithin(place + 1, place, this.#pushed);
      sorted[place] = value;
    } else {
      const gap = this.#firstNotBelow(this.#ring, at);
      if (gap < place) sorted.copyWithin(gap, gap + 1, place);
      else sorted.copyWithin(place + 1, place, gap);
      sorted[gap < place ? place - 1 : place] = value;
    }
    this.#ring[at] = value;
    this.#pushed++;
  }

  #firstNotBelow(values: Float64Array, from: number): number {
    const sorted = this.#sorted;
    const value = values[from]!;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export interface ScreenPolicy {
  /** A bar that reaches further than this is suspect, in robust standard deviations of one-minute moves. */
  readonly sigmas: number;
  /** A bar that reaches no further than this is never suspect, in basis points. */
  readonly min_move_bps: number;
  /** As MAX_JUMP, where journals of earlier rules are replayed: Infinity. */
  readonly max_jump?: number;
}

/**
 * After a leap from one close to the next by more than this factor, prices that are as far from the median of the last
 * 240 closes are of another scale rather than a move: bars that agree with one another there confirm nothing. They are
 * taken when half of the closes are of that level.
 */
export const MAX_JUMP = 5;

/** Verdict of the symbol's next bar on a suspect. */
export type SuspectOutcome = 'confirmed' | 'refuted';

/** Moves whose median is the scale. */
const SCALE_BARS = 240;
/** Nothing is suspect before this many moves. */
const MIN_MOVES = 30;
/**
 * After this many bars in a row of which each disagrees with the one before, bars are taken until two agree: the level
 * is not known.
 */
const MAX_UNSETTLED = 5;
/** Whether a bar is suspect is a function of this many bars before it. */
export const SCREEN_LOOK_BACK_BARS = 2 * SCALE_BARS + MAX_UNSETTLED + 1;

/**
 * Median of the farthest distance from its start that a Brownian path of standard deviation 1 reaches within its
 * minute.
 */
const MEDIAN_REACH = 1.149;

const LAST_CLOSE = 0;
const LAST_MINUTE = 1;
const LEVEL = 2;
const LEVEL_MINUTE = 3;
const FARTHEST = 4;
const LIMIT = 5;
const MOVE = 6;
const MOVE_FROM_LEVEL = 7;
const MINUTE = 8;
const MEDIAN_CLOSE = 9;
const PLACES = 10;

/**
 * Finds bad ticks among the bars of one symbol: bars whose high or low is farther from the last trusted close than
 * `sigmas` robust standard deviations, scaled by the square root of the minutes in between.
 *
 * The scale is the median of the last 240 moves, a move being how far high or low of a bar are from the close before
 * it: an outlier of any size counts as one of 240. The next bar decides on a suspect. If it is within the limit
 * of the level before, the suspect is refuted; if it is within the limit of the suspect's close, the suspect is
 * confirmed and its level is the new one; if both hold, the nearer one counts. If neither holds, the suspect is refuted
 * and the bar is suspect itself. No number of agreeing bars confirms a price beyond MAX_JUMP.
 *
 * Ratios and square roots only: the same answer on every machine. A bar costs the same whatever its values, and
 * allocates nothing.
 */
export class BarScreen {
  readonly #sigmas: number;
  readonly #minMove: number;
  readonly #maxJump: number;
  readonly #moves = new RunningMedian(SCALE_BARS);
  readonly #closes = new RunningMedian(SCALE_BARS);
  /** In one array: doubles that are fields, arguments or results get boxed. */
  readonly #state = new Float64Array(PLACES).fill(NaN);
  #unsettled = 0;
  #sinceLeap = SCALE_BARS;
  #sinceTrusted = 0;
  #isSuspect = false;
  #verdict: SuspectOutcome | null = null;

  constructor({ sigmas, min_move_bps, max_jump = MAX_JUMP }: ScreenPolicy) {
    this.#sigmas = sigmas;
    this.#minMove = min_move_bps / 1e4;
    this.#maxJump = max_jump;
  }

  /** Takes the next bar of the symbol; time must ascend. @returns whether it is suspect */
  take(bar: Bar): boolean {
    const state = this.#state;
    const wasSuspect = this.#isSuspect;
    state[MINUTE] = bar.time / SECONDS_PER_BAR;
    this.#writeLimit();
    this.#writeMove(bar, LAST_CLOSE, LAST_MINUTE, MOVE);
    if (wasSuspect) this.#writeMove(bar, LEVEL, LEVEL_MINUTE, MOVE_FROM_LEVEL);
    // The very first bar has no move: NaN.
    const agrees = !(state[MOVE]! > state[LIMIT]!);
    // A level that no bar has confirmed for so long is forgotten.
    const isKnown = wasSuspect && this.#sinceTrusted <= SCALE_BARS;
    const returns = isKnown && state[MOVE_FROM_LEVEL]! <= state[LIMIT]!;
    this.#unsettled = agrees ? 0 : this.#unsettled + 1;
    const isOfOtherScale = this.#isOfOtherScale(bar);
    this.#verdict = wasSuspect ? this.#check(bar, agrees && !isOfOtherScale, returns) : null;
    this.#isSuspect = isOfOtherScale || (!agrees && !returns && this.#unsettled < MAX_UNSETTLED);
    this.#sinceTrusted = this.#isSuspect ? this.#sinceTrusted + 1 : 0;
    if (this.#isSuspect) {
      state[FARTHEST] = bar.high / state[LEVEL]! >= state[LEVEL]! / bar.low ? bar.high : bar.low;
    } else {
      state[LEVEL] = bar.close;
      state[LEVEL_MINUTE] = state[MINUTE]!;
    }
    if (state[MOVE]! >= 0) this.#moves.push(state, MOVE);
    state[LAST_CLOSE] = bar.close;
    this.#closes.push(state, LAST_CLOSE);
    state[LAST_MINUTE] = state[MINUTE]!;
    return this.#isSuspect;
  }

  /** Returns whether the last bar is suspect. */
  get isSuspect(): boolean {
    return this.#isSuspect;
  }

  /** Verdict of the last bar on the suspect before it; null when the bar before was not suspect. */
  get verdict(): SuspectOutcome | null {
    return this.#verdict;
  }

  /** The last trusted close. */
  get level(): number {
    return this.#state[LEVEL]!;
  }

  /** Limit of the last bar's distance from its level one minute later, as a fraction of the price. */
  get limit(): number {
    return this.#state[LIMIT]!;
  }

  /**
   * Whether a close is of another scale than most before it, and a leap among them led there: a function of 241 bars.
   */
  #isOfOtherScale({ close }: Bar): boolean {
    const state = this.#state;
    const last = state[LAST_CLOSE]!;
    this.#sinceLeap = Math.max(close / last, last / close) > this.#maxJump ? 0 : this.#sinceLeap + 1;
    if (this.#sinceLeap >= SCALE_BARS || this.#moves.count < MIN_MOVES) return false;
    this.#closes.writeMedian(state, MEDIAN_CLOSE);
    const median = state[MEDIAN_CLOSE]!;
    return Math.max(close / median, median / close) > this.#maxJump;
  }

  #writeLimit(): void {
    const state = this.#state;
    this.#moves.writeMedian(state, LIMIT);
    if (this.#moves.count < MIN_MOVES) state[LIMIT] = Infinity;
    else state[LIMIT] = Math.max((this.#sigmas * state[LIMIT]!) / MEDIAN_REACH, this.#minMove);
  }

  /**
   * Maximum distance of a bar's prices from the close at `from`, as a fraction (half the price is as far as twice the
   * price), for each square root of a minute since the one at `since`.
   */
  #writeMove({ high, low }: Bar, from: number, since: number, to: number): void {
    const state = this.#state;
    const price = state[from]!;
    state[to] = (Math.max(high / price, price / low) - 1) / Math.sqrt(state[MINUTE]! - state[since]!);
  }

  #check({ close }: Bar, agrees: boolean, returns: boolean): SuspectOutcome {
    if (!agrees) return 'refuted';
    if (!returns) return 'confirmed';
    const farthest = this.#state[FARTHEST]!;
    const level = this.#state[LEVEL]!;
    const isNearerToSuspect = Math.max(close / farthest, farthest / close) < Math.max(close / level, level / close);
    return isNearerToSuspect ? 'confirmed' : 'refuted';
  }
}
