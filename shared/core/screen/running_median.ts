/**
 * The median of the last `size` values, kept in order: two binary searches and one move of at most `size` numbers per value, without
 * allocation. A function of those values alone: where the run began makes no difference.
 */
export class RunningMedian {
  readonly #size: number;
  /** In order of arrival: value number n stands at n modulo `size`. */
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

  /** The lower one of the two in the middle of an even number; NaN before the first. */
  get median(): number {
    return this.#pushed === 0 ? NaN : this.#sorted[(this.count - 1) >> 1]!;
  }

  /** @param value any number but NaN */
  push(value: number): void {
    const sorted = this.#sorted;
    const at = this.#pushed % this.#size;
    const place = this.#firstNotBelow(value);
    if (this.#pushed < this.#size) {
      sorted.copyWithin(place + 1, place, this.#pushed);
      sorted[place] = value;
    } else {
      const gap = this.#firstNotBelow(this.#ring[at]!);
      if (gap < place) sorted.copyWithin(gap, gap + 1, place);
      else sorted.copyWithin(place + 1, place, gap);
      sorted[gap < place ? place - 1 : place] = value;
    }
    this.#ring[at] = value;
    this.#pushed++;
  }

  #firstNotBelow(value: number): number {
    const sorted = this.#sorted;
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
