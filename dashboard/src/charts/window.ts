/** First and last time in view, epoch seconds. */
export type Range = readonly [from: number, to: number];
type Values = readonly (number | null)[];

/** Rows per block with precomputed extremes. */
const BLOCK = 64;
/** Minimum number of rows for precomputed extremes. */
const LONG = 8192;
/** Below this many rows per pixel, rows are drawn unchanged. */
const ROWS_PER_PIXEL = 4;

/**
 * Lines over time, reduced for any window to the rows that a screen shows: each pixel keeps the minimum and maximum of
 * its rows, so that no extreme is lost.
 */
export class SeriesWindow {
  readonly #times: readonly number[];
  readonly #series: readonly Values[];
  readonly #least: readonly Float64Array[];
  readonly #greatest: readonly Float64Array[];

  constructor(times: readonly number[], series: readonly Values[]) {
    this.#times = times;
    this.#series = series;
    const blocks = times.length < LONG ? 0 : Math.ceil(times.length / BLOCK);
    this.#least = series.map(() => new Float64Array(blocks));
    this.#greatest = series.map(() => new Float64Array(blocks));
    series.forEach((values, at) => {
      for (let block = 0; block < blocks; block++) {
        const [least, greatest] = extremes(values, block * BLOCK, (block + 1) * BLOCK);
        this.#least[at]![block] = least;
        this.#greatest[at]![block] = greatest;
      }
    });
  }

  /** Times, then the values of each line. Includes the neighbors on both sides, so that lines reach the edges. */
  rows([from, to]: Range, pixels: number): [number[], ...(number | null)[][]] {
    const begin = Math.max(0, lowerBound(this.#times, from) - 1);
    const end = Math.min(this.#times.length, lowerBound(this.#times, to) + 2);
    const count = end - begin;
    if (count <= ROWS_PER_PIXEL * pixels || this.#least[0]?.length === 0)
      return [this.#times.slice(begin, end), ...this.#series.map((values) => values.slice(begin, end))];
    const size = Math.ceil(count / pixels / BLOCK) * BLOCK;
    const times: number[] = [];
    const first = Math.floor(begin / BLOCK) * BLOCK;
    for (let at = first; at < end; at += size)
      times.push(this.#times[at]!, this.#times[Math.min(at + (size >> 1), this.#times.length - 1)]!);
    return [times, ...this.#series.map((_values, line) => this.#extremesOf(line, first, end, size))];
  }

  #extremesOf(line: number, first: number, end: number, size: number): (number | null)[] {
    const [least, greatest] = [this.#least[line]!, this.#greatest[line]!];
    const found: (number | null)[] = [];
    for (let at = first; at < end; at += size) {
      let [low, high] = [Infinity, -Infinity];
      const last = Math.min(least.length, (at + size) / BLOCK);
      for (let block = at / BLOCK; block < last; block++) {
        if (least[block]! < low) low = least[block]!;
        if (greatest[block]! > high) high = greatest[block]!;
      }
      found.push(low === Infinity ? null : low, high === -Infinity ? null : high);
    }
    return found;
  }
}

function extremes(values: Values, from: number, to: number): [number, number] {
  let [least, greatest] = [Infinity, -Infinity];
  for (let i = from; i < Math.min(to, values.length); i++) {
    const value = values[i];
    if (value === null || value === undefined) continue;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  return [least, greatest];
}

/** Index of the first time ≥ `time`. */
export function lowerBound(times: readonly number[], time: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Moves and scales a range about `center`, within `whole`. `factor` below 1 zooms in. */
export function zoomed([from, to]: Range, whole: Range, factor: number, center: number, shift = 0): Range {
  const least = 5 * 60;
  const span = Math.min(whole[1] - whole[0], Math.max(least, (to - from) * factor));
  const begin = center - ((center - from) / (to - from)) * span + shift * span;
  const kept = Math.min(Math.max(begin, whole[0]), whole[1] - span);
  return [kept, kept + span];
}
