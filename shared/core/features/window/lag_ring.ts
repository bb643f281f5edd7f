/** Rows of values, each read again `bars` bars later. */
export class LagRing {
  readonly #bars: number;
  readonly #width: number;

  /** @throws RangeError when bars is not a positive integer */
  constructor(bars: number, width: number) {
    if (!Number.isInteger(bars) || bars < 1) throw new RangeError(`lag ${bars} is not a positive integer`);
    this.#bars = bars;
    this.#width = width;
  }

  /** The rings of all owners: of each its cursor, then of each slot a row per owner. NaN where no bar has been. */
  createRings(owners = 1): Float64Array {
    const rings = new Float64Array(owners * (1 + this.#bars * this.#width)).fill(NaN);
    for (let owner = 0; owner < owners; owner++) rings[owner] = owners + owner * this.#width;
    return rings;
  }

  /** Index of an owner's row of `bars` bars ago: to be read, then overwritten with that of this bar. */
  next(rings: Float64Array, owner = 0, owners = 1): number {
    const at = rings[owner]!;
    const after = at + owners * this.#width;
    rings[owner] = after >= rings.length ? owners + owner * this.#width : after;
    return at;
  }
}
