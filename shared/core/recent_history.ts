import { isoMinute, SECONDS_PER_BAR, type OpenTime } from '../bar.ts';

const DAY_S = 86_400;
/** A weekend with the longest holidays: bars that are further apart belong to two histories. */
const MAX_GAP_S = 5 * DAY_S;
/** The same of longer bars. */
const MAX_GAP_BARS = 4;

/** Seconds between the opens of two bars from which on they belong to two histories. */
export function maxGapOf(barSeconds: number): number {
  return Math.max(MAX_GAP_S, MAX_GAP_BARS * barSeconds);
}

/** Whether two bars that follow each other are so far apart that no position is held from one to the other. */
export function isHole(before: number, after: number, barSeconds: number): boolean {
  return after - before > maxGapOf(barSeconds);
}

/** Consecutive bars without a hole: indexes [from, to). */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * The bars [from, to) cut at their holes.
 * @param times opens in epoch seconds, ascending
 */
export function stretchesOf(times: ArrayLike<number>, from: number, to: number, barSeconds: number): Stretch[] {
  const found: Stretch[] = [];
  let begin = from;
  for (let t = from + 1; t <= to; t++) {
    if (t < to && !isHole(times[t - 1]!, times[t]!, barSeconds)) continue;
    if (t > begin) found.push({ from: begin, to: t });
    begin = t;
  }
  return found;
}

/** Reason of a trade that ended at the last open before a hole. */
export const HOLE_EXIT = 'HOLE';

/** A bar, by its open in epoch seconds. */
export interface Timed {
  readonly time: number;
}

/**
 * How many bars of each subject lead to its newest one without a long gap. Features are a function of the last bars
 * there are, of whatever year: enough of them is not enough to call a subject ready.
 */
export class RecentHistory {
  readonly #maxGapS: Float64Array;
  readonly #last: Float64Array;
  readonly #bars: Int32Array;

  constructor(barSeconds: readonly number[]) {
    this.#maxGapS = Float64Array.from(barSeconds, maxGapOf);
    this.#last = new Float64Array(barSeconds.length);
    this.#bars = new Int32Array(barSeconds.length);
  }

  /** Takes the next complete bar of a subject. */
  note(subject: number, bar: Timed): void {
    const last = this.#last;
    const bars = this.#bars;
    if (bar.time - last[subject]! > this.#maxGapS[subject]!) bars[subject] = 0;
    bars[subject] = bars[subject]! + 1;
    last[subject] = bar.time;
  }

  barsOf(subject: number): number {
    return this.#bars[subject]!;
  }
}

/** The bars that lead to the newest one without a long gap, and where they begin. */
export interface RecentBars {
  readonly bars: number;
  /** Epoch seconds of the open of the oldest of them; null without any. */
  readonly from: number | null;
  /** Epoch seconds of the open of the bar before the gap; null when there is none. */
  readonly before: number | null;
}

/**
 * The same of stored bars.
 * @param times their opens in epoch seconds, ascending, without duplicates
 * @param now epoch seconds up to which the history must lead; null = to its newest bar
 */
export function recentBars(times: ArrayLike<number>, now: number | null, barSeconds = SECONDS_PER_BAR): RecentBars {
  const maxGapS = maxGapOf(barSeconds);
  let first = times.length;
  for (let next = now ?? Infinity; first > 0; first--) {
    const time = times[first - 1]!;
    if (next !== Infinity && next - time > maxGapS) break;
    next = time;
  }
  const bars = times.length - first;
  return { bars, from: bars === 0 ? null : times[first]!, before: first === 0 ? null : times[first - 1]! };
}

/** What is left out of a recent history, for a message; empty when nothing is. */
export function earlierText({ before, from }: RecentBars): string {
  if (before === null) return '';
  const end = isoMinute(before as OpenTime);
  return from === null
    ? `bars up to ${end} are more than five days old`
    : `bars up to ${end} are before a gap of more than five days`;
}
