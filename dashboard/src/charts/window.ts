/** First and last time in view, epoch seconds. */
export type Range = readonly [from: number, to: number];
type Values = readonly (number | null)[];

/** What a chart draws of a window. */
export interface Rows {
  /** Times, then the values of each line. */
  readonly data: [number[], ...(number | null)[][]];
  /** Seconds of a column, if each column has two rows: the least and the greatest value; null: rows as they are. */
  readonly columnSeconds: number | null;
}

/** Rows of a block whose extremes are known in advance. */
const BLOCK = 16;

/** Lines over time, of which any window can be had in as many rows as a screen shows. */
export class SeriesWindow {
  readonly #times: readonly number[];
  readonly #lines: readonly Line[];

  constructor(times: readonly number[], series: readonly Values[]) {
    this.#times = times;
    this.#lines = series.map((values) => new Line(times, values));
  }

  /**
   * With at most one row for each pixel: the rows, and the neighbors on both sides, so that lines reach the edges. With
   * more: the extremes of the line between the edges of each pixel (M4: Jugel et al. 2014), so that columns drawn
   * between them cover the same pixels.
   */
  rows([from, to]: Range, pixels: number): Rows {
    const begin = Math.max(0, lowerBound(this.#times, from) - 1);
    const end = Math.min(this.#times.length, lowerBound(this.#times, to) + 2);
    if (end - begin <= pixels + 3)
      return {
        data: [this.#times.slice(begin, end), ...this.#lines.map(({ values }) => values.slice(begin, end))],
        columnSeconds: null,
      };
    const columnSeconds = (to - from) / pixels;
    // The same edges wherever the window is moved: nothing flickers.
    const first = Math.floor(from / columnSeconds);
    const edges = Array.from({ length: pixels + 2 }, (_, i) => (first + i) * columnSeconds);
    const starts = edges.map((edge) => lowerBound(this.#times, edge));
    const times = edges.slice(0, -1).flatMap((edge) => [edge, edge + columnSeconds / 2]);
    return { data: [times, ...this.#lines.map((line) => line.extremes(edges, starts))], columnSeconds };
  }
}

class Line {
  readonly #times: readonly number[];
  readonly values: Values;
  readonly #least: Float64Array;
  readonly #greatest: Float64Array;

  constructor(times: readonly number[], values: Values) {
    this.#times = times;
    this.values = values;
    const blocks = Math.floor(values.length / BLOCK);
    this.#least = new Float64Array(blocks).fill(Infinity);
    this.#greatest = new Float64Array(blocks).fill(-Infinity);
    for (let i = 0; i < blocks * BLOCK; i++) {
      const value = values[i] ?? null;
      const block = Math.floor(i / BLOCK);
      if (value === null) continue;
      if (value < this.#least[block]!) this.#least[block] = value;
      if (value > this.#greatest[block]!) this.#greatest[block] = value;
    }
  }

  /**
   * Least and greatest value between each two edges, one after the other; null where there is no line.
   * @param edges times
   * @param starts of each edge, the first row that is not before it
   */
  extremes(edges: readonly number[], starts: readonly number[]): (number | null)[] {
    const found: (number | null)[] = [];
    let before = this.#at(edges[0]!, starts[0]!);
    for (let column = 0; column + 1 < edges.length; column++) {
      const after = this.#at(edges[column + 1]!, starts[column + 1]!);
      const end = starts[column + 1]!;
      let least = Math.min(before ?? Infinity, after ?? Infinity);
      let greatest = Math.max(before ?? -Infinity, after ?? -Infinity);
      for (let i = starts[column]!; i < end;) {
        const block = i % BLOCK === 0 && i + BLOCK <= end ? i / BLOCK : -1;
        const [low, high] = block < 0 ? [this.values[i], this.values[i]] : [this.#least[block], this.#greatest[block]];
        if ((low ?? Infinity) < least) least = low!;
        if ((high ?? -Infinity) > greatest) greatest = high!;
        i += block < 0 ? 1 : BLOCK;
      }
      found.push(least === Infinity ? null : least, greatest === -Infinity ? null : greatest);
      before = after;
    }
    return found;
  }

  /** Value of the line at a time, from the rows on both sides. */
  #at(time: number, row: number): number | null {
    const before = this.values[row - 1] ?? null;
    const after = this.values[row] ?? null;
    if (before === null || after === null) return null;
    const from = this.#times[row - 1]!;
    const to = this.#times[row]!;
    return before + ((after - before) * (time - from)) / (to - from);
  }
}

/** Index of the first time ≥ `time`. */
export function lowerBound(times: readonly number[], time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Full range of the data, epoch seconds. */
export function wholeOf(times: readonly number[]): Range {
  const from = times[0] ?? 0;
  const to = times.at(-1) ?? 1;
  return [from, Math.max(to, from + 60)];
}

/** Moves and scales a range about `center`, within `whole`. `factor` below 1 zooms in. */
export function zoomed([from, to]: Range, whole: Range, factor: number, center: number, shift = 0): Range {
  const least = 5 * 60;
  const span = Math.min(whole[1] - whole[0], Math.max(least, (to - from) * factor));
  const begin = center - ((center - from) / (to - from)) * span + shift * span;
  const kept = Math.min(Math.max(begin, whole[0]), whole[1] - span);
  return [kept, kept + span];
}
