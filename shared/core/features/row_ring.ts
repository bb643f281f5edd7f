import { writeFloats } from './float_row.ts';

/** The last rows of one pair as the models take them, float32, in memory that is allocated once. */
export class RowRing {
  readonly bars: number;
  readonly #columns: number;
  /** [bars, columns]; the oldest row is at `#next`. */
  readonly #rows: Float32Array;
  #next = 0;

  constructor(bars: number, columns: number) {
    this.bars = bars;
    this.#columns = columns;
    this.#rows = new Float32Array(bars * columns).fill(NaN);
  }

  /** Takes the values of the next bar in place of the oldest row. */
  push(values: Float64Array): void {
    writeFloats(values, 0, this.#columns, this.#rows, this.#next * this.#columns);
    this.#next = this.#next + 1 === this.bars ? 0 : this.#next + 1;
  }

  /** Like `push`, of a row whose columns are in two places, the second behind the first. */
  pushJoined(first: Float64Array, second: Float64Array): void {
    const at = this.#next * this.#columns;
    writeFloats(first, 0, first.length, this.#rows, at);
    writeFloats(second, 0, second.length, this.#rows, at + first.length);
    this.#next = this.#next + 1 === this.bars ? 0 : this.#next + 1;
  }

  /** Writes the rows from the oldest to the newest, from `at` on. Rows before the first one are missing (NaN). */
  write(out: Float32Array, at: number): void {
    const split = this.#next * this.#columns;
    const older = this.#rows.length - split;
    for (let i = 0; i < older; i++) out[at + i] = this.#rows[split + i]!;
    for (let i = 0; i < split; i++) out[at + older + i] = this.#rows[i]!;
  }
}
