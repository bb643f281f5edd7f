/** Rows of values, each read again `bars` bars later. The cursor is in the ring, before the rows. */
export class LagRing {
  readonly #bars: number;
  readonly #width: number;

  /** @throws RangeError when bars is not a positive integer */
  constructor(bars: number, width: number) {
    if (!Number.isInteger(bars) || bars < 1) throw new RangeError(`lag ${bars} is not a positive integer`);
    this.#bars = bars;
    this.#width = width;
  }

  /** One ring per owner; NaN where no bar has been. */
  createState(): Float64Array {
    const ring = new Float64Array(1 + this.#bars * this.#width).fill(NaN);
    ring[0] = 1;
    return ring;
  }

  /** Index of the row of `bars` bars ago: to be read, then overwritten with that of this bar. */
  next(ring: Float64Array): number {
    const at = ring[0]!;
    const after = at + this.#width;
    ring[0] = after === ring.length ? 1 : after;
    return at;
  }
}
