const DAY_S = 86_400;
/** A weekend with the longest holidays: bars that are further apart belong to two histories. */
const MAX_GAP_S = 5 * DAY_S;
/** The same of longer bars. */
const MAX_GAP_BARS = 4;

/**
 * How many bars of each subject lead to its newest one without a long gap. Features are a function of the last bars
 * there are, of whatever year: enough of them is not enough to call a subject ready.
 */
export class RecentHistory {
  readonly #maxGapS: Float64Array;
  readonly #last: Float64Array;
  readonly #bars: Float64Array;

  constructor(barSeconds: readonly number[]) {
    this.#maxGapS = Float64Array.from(barSeconds, (seconds) => Math.max(MAX_GAP_S, MAX_GAP_BARS * seconds));
    this.#last = new Float64Array(barSeconds.length);
    this.#bars = new Float64Array(barSeconds.length);
  }

  /** Takes the time of a complete bar, in epoch seconds. */
  note(subject: number, time: number): void {
    const isApart = time - this.#last[subject]! > this.#maxGapS[subject]!;
    this.#bars[subject] = isApart ? 1 : this.#bars[subject]! + 1;
    this.#last[subject] = time;
  }

  barsOf(subject: number): number {
    return this.#bars[subject]!;
  }
}
