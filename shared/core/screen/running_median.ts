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
