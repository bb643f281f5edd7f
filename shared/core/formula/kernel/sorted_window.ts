import type { Column, Graph } from '../graph.ts';
import { WindowStep } from '../step.ts';
import type { MemoryPlace, SubjectMemory } from '../subject_memory.ts';
import { wholeBars } from '../whole_bars.ts';

/** The quantile `q` of the last `bars` values: between the two nearest, by distance (Hyndman and Fan's type 7). */
export function quantileOf(graph: Graph, input: Column, bars: number, q: number): Column {
  return sorted(graph, 'quantile', input, bars, q);
}

/** The share of the other values of the last `bars` that are below the current one; equal ones count half. */
export function rankOf(graph: Graph, input: Column, bars: number): Column {
  return sorted(graph, 'rank', input, bars, null);
}

/** @param quantile null: the rank of the current value is wanted */
function sorted(graph: Graph, name: string, input: Column, window: number, quantile: number | null): Column {
  const bars = wholeBars(window);
  const share = { counters: COUNTERS, integers: 0, rows: 0, doubles: 2 * bars };
  const [column] = graph.windowed(
    name,
    [input],
    quantile === null ? [bars] : [bars, quantile],
    1,
    share,
    ([out], place) => new SortedWindow(input.values, out!, bars, quantile, place),
  );
  return column!;
}

/** Counters: place of the next bar in the ring, and values that exist. */
const NEXT = 0;
const EXISTING = 1;
const COUNTERS = 2;

/** Moves shorter than this are faster by a loop than by a call of the engine. */
const SHORT_MOVE = 32;
/** The value that leaves the window with a bar, and the one that enters it. */
const LEAVING = 0;
const ENTERING = 1;

class SortedWindow extends WindowStep {
  readonly #input: Float64Array;
  readonly #out: Float64Array;
  readonly #bars: number;
  /** null: the rank of the current value is wanted. */
  readonly #quantile: number | null;
  readonly #below: number;
  readonly #weight: number;
  /** The doubles are the window's values in order of time, a ring, and behind it those that exist, ascending. */
  readonly #place: MemoryPlace;
  /** LEAVING and ENTERING. */
  readonly #moved = new Float64Array(2);

  constructor(input: Float64Array, out: Float64Array, bars: number, quantile: number | null, place: MemoryPlace) {
    super();
    this.#input = input;
    this.#out = out;
    this.#bars = bars;
    this.#quantile = quantile;
    const position = (quantile ?? 0) * (bars - 1);
    this.#below = Math.floor(position);
    this.#weight = position - this.#below;
    this.#place = place;
  }

  begin({ integers, doubles, owners, owner }: SubjectMemory): void {
    const from = this.#place.doubles * owners + owner;
    integers[this.#place.counters * owners + owner * COUNTERS + NEXT] = from;
    for (let slot = 0; slot < this.#bars; slot++) doubles[from + slot * owners] = NaN;
  }

  load({ integers, doubles, owners, owner }: SubjectMemory): number {
    const counters = this.#place.counters * owners + owner * COUNTERS;
    const sorted = this.#sortedOf(owners, owner);
    const middle = doubles[sorted + (integers[counters + EXISTING]! >>> 1)];
    const leaving = doubles[integers[counters + NEXT]!];
    return Number(leaving === middle) + Number(doubles[sorted + this.#below] === middle);
  }

  /** A search goes over all ascending values of an owner: they lie together. */
  #sortedOf(owners: number, owner: number): number {
    return this.#place.doubles * owners + owners * this.#bars + owner * this.#bars;
  }

  take({ integers, doubles, owners, owner }: SubjectMemory, _: number, at: number, count: number): void {
    const moved = this.#moved;
    const bars = this.#bars;
    const input = this.#input;
    const out = this.#out;
    const counters = this.#place.counters * owners + owner * COUNTERS;
    const from = this.#place.doubles * owners + owner;
    const to = from + bars * owners;
    const sorted = this.#sortedOf(owners, owner);
    let next = integers[counters + NEXT]!;
    let existing = integers[counters + EXISTING]!;
    for (let i = at; i < at + count; i++) {
      moved[LEAVING] = doubles[next]!;
      moved[ENTERING] = input[i]!;
      doubles[next] = moved[ENTERING];
      next += owners;
      if (next === to) next = from;
      const entered = replace(doubles, sorted, sorted + existing, moved);
      if (moved[LEAVING] === moved[LEAVING]) existing--;
      if (entered >= 0) existing++;
      if (existing < bars) out[i] = NaN;
      else if (this.#quantile === null) {
        const notAbove = upperBound(doubles, entered + 1, sorted + existing, moved, ENTERING);
        out[i] = (entered - sorted + (notAbove - sorted) - 1) / 2 / (bars - 1);
      } else this.#writeQuantile(doubles, sorted, i);
    }
    integers[counters + NEXT] = next;
    integers[counters + EXISTING] = existing;
  }

  #writeQuantile(doubles: Float64Array, sorted: number, at: number): void {
    const low = doubles[sorted + this.#below]!;
    const weight = this.#weight;
    const high = doubles[sorted + Math.min(this.#below + 1, this.#bars - 1)]!;
    const value = low + (high - low) * weight;
    if (weight === 0) this.#out[at] = low;
    else if (value - value === 0) this.#out[at] = value;
    else this.#out[at] = NaN;
  }
}

/**
 * Takes one value out of the ascending ones from `begin` to before `end`, and another in; either may be missing.
 * @param moved LEAVING and ENTERING @returns place of the one that came in, the first of its equals; −1 = it is missing
 */
function replace(doubles: Float64Array, begin: number, end: number, moved: Float64Array): number {
  const leaving = moved[LEAVING]!;
  const entering = moved[ENTERING]!;
  const leaves = leaving === leaving;
  const from = leaves ? lowerBound(doubles, begin, end, moved, LEAVING) : end;
  if (entering !== entering) {
    if (leaves) doubles.copyWithin(from, from + 1, end);
    return -1;
  }
  // The place at `from` is free.
  if (leaves && entering > leaving) {
    const to = lowerBound(doubles, from + 1, end, moved, ENTERING) - 1;
    if (to - from < SHORT_MOVE) for (let i = from; i < to; i++) doubles[i] = doubles[i + 1]!;
    else doubles.copyWithin(from, from + 1, to + 1);
    doubles[to] = entering;
    return to;
  }
  const to = lowerBound(doubles, begin, from, moved, ENTERING);
  if (from - to < SHORT_MOVE) for (let i = from; i > to; i--) doubles[i] = doubles[i - 1]!;
  else doubles.copyWithin(to + 1, to, from);
  doubles[to] = entering;
  return to;
}

/*
 * The value that is searched for comes as a place in an array, because doubles as arguments get boxed wherever a
 * function is not inlined.
 */

/** Place of the first of the ascending values from `from` to before `to` that is not below `values[at]`. */
function lowerBound(doubles: Float64Array, from: number, to: number, values: Float64Array, at: number): number {
  const value = values[at]!;
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (doubles[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Place of the first of the ascending values from `from` to before `to` that is above `values[at]`. */
function upperBound(doubles: Float64Array, from: number, to: number, values: Float64Array, at: number): number {
  const value = values[at]!;
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (doubles[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
