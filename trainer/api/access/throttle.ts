const FREE_FAILURES = 5;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** An address is forgotten after so long without a failure. */
const MEMORY_MS = 10 * 60_000;
const ADDRESSES = 10_000;

interface Failures {
  count: number;
  lastMs: number;
}

/**
 * Slows down wrong credentials: after five failures an address waits 1, 2, 4 … 60 s before its next attempt. Sessions
 * and tokens that are right do not pass through here.
 */
export class Throttle {
  readonly #failures = new Map<string, Failures>();

  /** How long this address has to wait, in ms; 0 = not at all. */
  waitMs(address: string, nowMs: number): number {
    const known = this.#failures.get(address);
    if (known === undefined || known.count < FREE_FAILURES) return 0;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (known.count - FREE_FAILURES));
    return Math.max(0, known.lastMs + wait - nowMs);
  }

  fail(address: string, nowMs: number): void {
    const known = this.#failures.get(address);
    const count = known === undefined || nowMs - known.lastMs > MEMORY_MS ? 1 : known.count + 1;
    this.#failures.delete(address);
    this.#failures.set(address, { count, lastMs: nowMs });
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > ADDRESSES && oldest !== undefined) this.#failures.delete(oldest);
  }
}
