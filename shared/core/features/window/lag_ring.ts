/** The rows of several owners: of each owner its cursor, then of each slot a row per owner. */
export interface LagRows {
  readonly values: Float64Array;
  readonly owners: number;
}

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

  /** NaN where no bar has been. */
  createRows(owners: number): LagRows {
    const values = new Float64Array(owners * (1 + this.#bars * this.#width)).fill(NaN);
    for (let owner = 0; owner < owners; owner++) values[owner] = owners + owner * this.#width;
    return { values, owners };
  }

  /** Index of an owner's row of `bars` bars ago: to be read, then overwritten with that of this bar. */
  next({ values, owners }: LagRows, owner: number): number {
    const at = values[owner]!;
    const after = at + owners * this.#width;
    values[owner] = after < values.length ? after : owners + owner * this.#width;
    return at;
  }
}
