/** The value of `lag` bars ago. */
export class Lag {
  readonly #values: Float64Array;
  #count = 0;

  constructor(lag: number) {
    if (!Number.isInteger(lag) || lag < 1) throw new RangeError(`lag ${lag} is not a positive integer`);
    this.#values = new Float64Array(lag);
  }

  /** Stores `value` and gives the one of `lag` bars before it; NaN while there is none. */
  push(value: number): number {
    const at = this.#count++ % this.#values.length;
    const before = this.#count > this.#values.length ? this.#values[at]! : NaN;
    this.#values[at] = value;
    return before;
  }
}
