/**
 * The median of the last `size` values. One pass over at most `size` numbers per value, without allocation, and a function of
 * those values alone: where the run began makes no difference.
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
    let last = this.count - 1;
    if (this.#pushed >= this.#size) {
      const oldest = this.#ring[at]!;
      let gap = 0;
      while (sorted[gap] !== oldest) gap++;
      for (; gap < last; gap++) sorted[gap] = sorted[gap + 1]!;
      last--;
    }
    let place = last + 1;
    for (; place > 0 && sorted[place - 1]! > value; place--) sorted[place] = sorted[place - 1]!;
    sorted[place] = value;
    this.#ring[at] = value;
    this.#pushed++;
  }
}
