/**
 * The recent observations of one series, readable at any time they cover, in any order of reads: several subjects,
 * of several timeframes, close their bars apart. `AsOf` is the same join for one moment that only advances. A read is
 * a binary search.
 */
export class SeriesTimeline {
  readonly #maxAgeSeconds: number;
  readonly #keepSeconds: number;
  /** Observations that changed the known value, ascending in arrival; the one at `i` was known from there on. */
  #arrivals: number[] = [];
  #events: number[] = [];
  #values: number[] = [];
  #newestArrival = -Infinity;

  /**
   * @param maxAgeSeconds age, from the event time on, after which a value is missing
   * @param keepSeconds how far before the newest arrival it can be read; earlier moments have no value
   */
  constructor(maxAgeSeconds: number, keepSeconds: number) {
    this.#maxAgeSeconds = maxAgeSeconds;
    this.#keepSeconds = keepSeconds;
  }

  /** Epoch seconds of the latest event; -Infinity before the first. */
  get lastEvent(): number {
    return this.#events.at(-1) ?? -Infinity;
  }

  /**
   * Takes observations in order of arrival, as `AsOf.take`.
   * @throws RangeError when it arrived before its event, or before the observation taken last
   */
  take(eventTime: number, arrivalTime: number, value: number): void {
    if (!(arrivalTime >= eventTime)) throw new RangeError(`arrival ${arrivalTime} before event ${eventTime}`);
    if (!(arrivalTime >= this.#newestArrival))
      throw new RangeError(`arrival ${arrivalTime} after an observation that arrived at ${this.#newestArrival}`);
    this.#newestArrival = arrivalTime;
    if (eventTime < this.lastEvent) return;
    this.#arrivals.push(arrivalTime);
    this.#events.push(eventTime);
    this.#values.push(value);
    this.#forget();
  }

  /** The value known at `now`; NaN when there is none, or it is too old. */
  valueAt(now: number): number {
    const at = this.#countUpTo(now) - 1;
    return at < 0 || now - this.#events[at]! > this.#maxAgeSeconds ? NaN : this.#values[at]!;
  }

  /** Number of observations that had arrived by `now`. */
  #countUpTo(now: number): number {
    let low = 0;
    let high = this.#arrivals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#arrivals[middle]! <= now) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The last one before the kept time stays: it is the value at its beginning. */
  #forget(): void {
    const from = this.#newestArrival - this.#keepSeconds;
    const half = this.#arrivals.length >>> 1;
    if (half === 0 || this.#arrivals[half]! > from) return;
    this.#arrivals.splice(0, half);
    this.#events.splice(0, half);
    this.#values.splice(0, half);
  }
}
