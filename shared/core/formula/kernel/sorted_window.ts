import { finite } from '../finite.ts';
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

  run(_: number, count: number): void {
    const ring = this.#ring;
    for (let i = 0; i < count; i++) {
      const value = this.#input[i]!;
      const leaving = ring[this.#at]!;
      ring[this.#at] = value;
      this.#at = this.#at + 1 === this.#bars ? 0 : this.#at + 1;
      this.#replace(leaving, value);
      this.#out[i] = this.#existing < this.#bars ? NaN : this.#read(value);
    }
  }

  #read(value: number): number {
    const sorted = this.#sorted;
    if (this.#quantile === null) {
      const below = lowerBound(sorted, this.#existing, value);
      const notAbove = upperBound(sorted, this.#existing, value);
      return (below + notAbove - 1) / 2 / (this.#bars - 1);
    }
    const low = sorted[this.#below]!;
    if (this.#weight === 0) return low;
    return finite(low + (sorted[this.#below + 1]! - low) * this.#weight);
  }

  /** Takes one value out and another in; either may be missing. */
  #replace(leaving: number, value: number): void {
    const sorted = this.#sorted;
    const from = leaving === leaving ? lowerBound(sorted, this.#existing, leaving) : this.#existing;
    if (leaving !== leaving) {
      if (value !== value) return;
      this.#existing++;
    }
    if (value !== value) {
      sorted.copyWithin(from, from + 1, this.#existing);
      this.#existing--;
      return;
    }
    // The place at `from` is free.
    if (leaving === leaving && value > leaving) {
      const to = lowerBound(sorted, this.#existing, value) - 1;
      if (to - from < SHORT_MOVE) for (let i = from; i < to; i++) sorted[i] = sorted[i + 1]!;
      else sorted.copyWithin(from, from + 1, to + 1);
      sorted[to] = value;
      return;
    }
    const to = lowerBound(sorted, from, value);
    if (from - to < SHORT_MOVE) for (let i = from; i > to; i--) sorted[i] = sorted[i - 1]!;
    else sorted.copyWithin(to + 1, to, from);
    sorted[to] = value;
  }
}

/** Index of the first of `length` ascending values that is not below `value`. */
function lowerBound(sorted: Float64Array, length: number, value: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first of `length` ascending values that is above `value`. */
function upperBound(sorted: Float64Array, length: number, value: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
