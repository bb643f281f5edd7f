import type { Column, Graph, Step } from '../graph.ts';

/** The quantile `q` of the last `bars` values: between the two nearest, by distance (Hyndman and Fan's type 7). */
export function quantileOf(graph: Graph, input: Column, bars: number, q: number): Column {
  const [column] = graph.windowed('quantile', [input], [bars, q], 1, ([out]) => {
    return () => new SortedWindow(input.values, out!, bars, q);
  });
  return column!;
}

/** The share of the other values of the last `bars` that are below the current one; equal ones count half. */
export function rankOf(graph: Graph, input: Column, bars: number): Column {
  const [column] = graph.windowed('rank', [input], [bars], 1, ([out]) => {
    return () => new SortedWindow(input.values, out!, bars, null);
  });
  return column!;
}

/** Moves shorter than this are faster by a loop than by a call of the engine. */
const SHORT_MOVE = 32;
/** The value that leaves the window with a bar, and the one that enters it. */
const LEAVING = 0;
const ENTERING = 1;

class SortedWindow implements Step {
  readonly #input: Float64Array;
  readonly #out: Float64Array;
  readonly #bars: number;
  /** null: the rank of the current value is wanted. */
  readonly #quantile: number | null;
  readonly #below: number;
  readonly #weight: number;
  /** The window's values in order of time. */
  readonly #ring: Float64Array;
  /** Those that exist, ascending. */
  readonly #sorted: Float64Array;
  /** LEAVING and ENTERING. */
  readonly #moved = new Float64Array(2);
  #at = 0;
  #existing = 0;

  constructor(input: Float64Array, out: Float64Array, bars: number, quantile: number | null) {
    this.#input = input;
    this.#out = out;
    this.#bars = bars;
    this.#quantile = quantile;
    const position = (quantile ?? 0) * (bars - 1);
    this.#below = Math.floor(position);
    this.#weight = position - this.#below;
    this.#ring = new Float64Array(bars).fill(NaN);
    this.#sorted = new Float64Array(bars);
  }

  load(): number {
    const middle = this.#sorted[this.#existing >>> 1];
    return Number(this.#ring[this.#at] === middle) + Number(this.#sorted[this.#below] === middle);
  }

  run(_: number, count: number): void {
    const ring = this.#ring;
    const moved = this.#moved;
    for (let i = 0; i < count; i++) {
      moved[LEAVING] = ring[this.#at]!;
      moved[ENTERING] = this.#input[i]!;
      ring[this.#at] = moved[ENTERING];
      this.#at = this.#at + 1 === this.#bars ? 0 : this.#at + 1;
      this.#replace();
      if (this.#existing < this.#bars) this.#out[i] = NaN;
      else if (this.#quantile === null) this.#writeRank(i);
      else this.#writeQuantile(i);
    }
  }

  #writeRank(at: number): void {
    const below = lowerBound(this.#sorted, this.#existing, this.#moved, ENTERING);
    const notAbove = upperBound(this.#sorted, this.#existing, this.#moved, ENTERING);
    this.#out[at] = (below + notAbove - 1) / 2 / (this.#bars - 1);
  }

  #writeQuantile(at: number): void {
    const low = this.#sorted[this.#below]!;
    const weight = this.#weight;
    const high = this.#sorted[Math.min(this.#below + 1, this.#bars - 1)]!;
    const value = low + (high - low) * weight;
    if (weight === 0) this.#out[at] = low;
    else if (value - value === 0) this.#out[at] = value;
    else this.#out[at] = NaN;
  }

  /** Takes one value out and another in; either may be missing. */
  #replace(): void {
    const sorted = this.#sorted;
    const leaving = this.#moved[LEAVING]!;
    const entering = this.#moved[ENTERING]!;
    const leaves = leaving === leaving;
    const enters = entering === entering;
    const from = leaves ? lowerBound(sorted, this.#existing, this.#moved, LEAVING) : this.#existing;
    if (!enters) {
      if (!leaves) return;
      sorted.copyWithin(from, from + 1, this.#existing);
      this.#existing--;
      return;
    }
    // The place at `from` is free.
    if (leaves && entering > leaving) {
      const to = lowerBound(sorted, this.#existing, this.#moved, ENTERING) - 1;
      if (to - from < SHORT_MOVE) for (let i = from; i < to; i++) sorted[i] = sorted[i + 1]!;
      else sorted.copyWithin(from, from + 1, to + 1);
      sorted[to] = entering;
      return;
    }
    if (!leaves) this.#existing++;
    const to = lowerBound(sorted, from, this.#moved, ENTERING);
    if (from - to < SHORT_MOVE) for (let i = from; i > to; i--) sorted[i] = sorted[i - 1]!;
    else sorted.copyWithin(to + 1, to, from);
    sorted[to] = entering;
  }
}

/*
 * The value that is searched for comes as a place in an array, because doubles as arguments get boxed wherever a
 * function is not inlined.
 */

/** Index of the first of `length` ascending values that is not below `values[at]`. */
function lowerBound(sorted: Float64Array, length: number, values: Float64Array, at: number): number {
  const value = values[at]!;
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first of `length` ascending values that is above `values[at]`. */
function upperBound(sorted: Float64Array, length: number, values: Float64Array, at: number): number {
  const value = values[at]!;
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
