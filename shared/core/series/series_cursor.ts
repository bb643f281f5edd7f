import { AsOf } from './as_of.ts';

/** Observations of one series, every revision kept, ascending in arrival time. All arrays have `length` elements. */
export interface SeriesHistory {
  readonly length: number;
  /** Epoch seconds the value is about. */
  readonly eventTime: Float64Array;
  /** Epoch seconds at which it was known, ≥ eventTime. */
  readonly arrivalTime: Float64Array;
  readonly value: Float64Array;
}

/** Reads a stored history as a live process received it: the same joiner, fed up to each moment. */
export class SeriesCursor {
  readonly #history: SeriesHistory;
  readonly #asOf: AsOf;
  #next = 0;

  constructor(history: SeriesHistory, maxAgeSeconds: number) {
    this.#history = history;
    this.#asOf = new AsOf(maxAgeSeconds);
  }

  /** The value known at `now`, see `AsOf`. @throws RangeError when `now` is before the previous one */
  valueAt(now: number): number {
    const { length, eventTime, arrivalTime, value } = this.#history;
    while (this.#next < length && arrivalTime[this.#next]! <= now) {
      this.#asOf.take(eventTime[this.#next]!, arrivalTime[this.#next]!, value[this.#next]!);
      this.#next++;
    }
    return this.#asOf.valueAt(now);
  }
}
