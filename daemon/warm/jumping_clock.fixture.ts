interface Timer {
  readonly atMs: number;
  readonly work: () => void;
}

/** A clock that jumps from timer to timer, of a client that has at most one. @throws Error at a second timer */
export class JumpingClock {
  nowMs = 1000;
  #due: Timer | null = null;

  readonly clock = { monotonicUs: (): number => this.nowMs * 1000 };
  readonly scheduler = {
    after: (ms: number, work: () => void): (() => void) => {
      if (this.#due !== null) throw new Error('two timers at once');
      const timer = { atMs: this.nowMs + ms, work };
      this.#due = timer;
      return () => (this.#due = this.#due === timer ? null : this.#due);
    },
  };

  get isWaiting(): boolean {
    return this.#due !== null;
  }

  /** Runs what is due until then. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    while (this.#due !== null && this.#due.atMs <= endMs) {
      const { atMs, work } = this.#due;
      this.#due = null;
      this.nowMs = atMs;
      work();
    }
    this.nowMs = endMs;
  }
}
