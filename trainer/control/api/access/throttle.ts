const FREE_FAILURES = 5;
const FIRST_WAIT_MS = 1000;
/** A key is dropped after this time without a failure. */
const MEMORY_MS = 10 * 60_000;
const KEYS = 10_000;

interface Failures {
  count: number;
  lastMs: number;
}

/** Throttles wrong credentials: after five failures of a key, such as an address, it must wait 1, 2, 4 … s. */
export class Throttle {
  readonly #failures = new Map<string, Failures>();
  readonly #longestWaitMs: number;

  constructor(longestWaitMs = 60_000) {
    this.#longestWaitMs = longestWaitMs;
  }

  /** Remaining delay of this key in ms; 0 = none. */
  waitMs(key: string, nowMs: number): number {
    const known = this.#failures.get(key);
    if (known === undefined || known.count < FREE_FAILURES) return 0;
    const wait = Math.min(this.#longestWaitMs, FIRST_WAIT_MS * 2 ** (known.count - FREE_FAILURES));
    return Math.max(0, known.lastMs + wait - nowMs);
  }

  fail(key: string, nowMs: number): void {
    const known = this.#failures.get(key);
    const count = known === undefined || nowMs - known.lastMs > MEMORY_MS ? 1 : known.count + 1;
    this.#failures.delete(key);
    this.#failures.set(key, { count, lastMs: nowMs });
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > KEYS && oldest !== undefined) this.#failures.delete(oldest);
  }
}
