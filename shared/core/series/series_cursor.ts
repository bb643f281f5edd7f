/**
 * The last known value of one auxiliary series at a moment, by arrival time. Observations are taken in order of
 * arrival; the one of the latest event time counts, and of several of the same event time the last to arrive (a
 * revision). O(1) per observation and per read.
 */
export class AsOf {
  readonly maxAgeSeconds: number;
  #eventTime = -Infinity;
  #arrivalTime = -Infinity;
  #value = NaN;

  /** @param maxAgeSeconds age, from the event time on, after which a value is missing */
  constructor(maxAgeSeconds: number) {
    if (!(maxAgeSeconds > 0)) throw new RangeError(`maxAgeSeconds is ${maxAgeSeconds}, expected a number > 0`);
    this.maxAgeSeconds = maxAgeSeconds;
  }

  /**
   * @param eventTime epoch seconds the value is about
   * @param arrivalTime epoch seconds at which it was known here
   * @param value NaN withdraws the value
   * @throws RangeError when it arrived before its event, or before the observation taken last
   */
  take(eventTime: number, arrivalTime: number, value: number): void {
    if (!(arrivalTime >= eventTime)) throw new RangeError(`arrival ${arrivalTime} before event ${eventTime}`);
    if (!(arrivalTime >= this.#arrivalTime))
      throw new RangeError(`arrival ${arrivalTime} after an observation that arrived at ${this.#arrivalTime}`);
    this.#arrivalTime = arrivalTime;
    if (eventTime < this.#eventTime) return;
    this.#eventTime = eventTime;
    this.#value = value;
  }

  /**
   * The value known at `now`; NaN when there is none or it is too old.
   * @throws RangeError when an observation of after `now` was taken already
   */
  valueAt(now: number): number {
    if (now < this.#arrivalTime)
      throw new RangeError(`the value at ${now}, after an observation that arrived at ${this.#arrivalTime}`);
    return now - this.#eventTime > this.maxAgeSeconds ? NaN : this.#value;
  }
}

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
