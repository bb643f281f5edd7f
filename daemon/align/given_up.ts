/** A time-out of a pair that waited for other symbols. */
interface TimeOut {
  /** Number among those of all pairs, from 1 on. */
  readonly number: number;
  /** The last minute that was given up, epoch seconds. */
  readonly until: number;
}

/**
 * What a pair has given up of other symbols, of those that it waits for later too: minutes up to a time-out that come
 * after it are missing. Kept as long as a bar that is not over may have such a minute.
 */
export class GivenUp {
  readonly #barSeconds: number;
  /** Numbers and minutes ascend. */
  #timeouts: readonly TimeOut[] = [];

  /** @param barSeconds of the pair */
  constructor(barSeconds: number) {
    this.#barSeconds = barSeconds;
  }

  get length(): number {
    return this.#timeouts.length;
  }

  /** The last minute that was given up; −Infinity: none. */
  get until(): number {
    return this.#timeouts.at(-1)?.until ?? -Infinity;
  }

  /** @param resolvedUntil minutes of the pair up to this one are over */
  add(timeout: TimeOut, resolvedUntil: number): void {
    if (timeout.until <= this.until) return;
    // The bar before the present one may end with a minute of the present one.
    const needed = this.#timeouts.filter(({ until }) => until > resolvedUntil - 2 * this.#barSeconds);
    this.#timeouts = [...needed, timeout];
  }

  /** Whether a minute that came after so many time-outs of all pairs is missing. */
  has(time: number, timeouts: number): boolean {
    for (let i = this.#timeouts.length - 1; i >= 0; i--)
      if (this.#timeouts[i]!.number <= timeouts) return time <= this.#timeouts[i]!.until;
    return false;
  }
}
