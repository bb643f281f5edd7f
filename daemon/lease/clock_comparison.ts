import type { LeaseStore } from './lease_store.ts';

export interface ClockComparisonOptions {
  readonly store: Pick<LeaseStore, 'clockMs'>;
  /** The wall clock of this machine, epoch ms. */
  wallMs(): number;
  /** A clock that is never set, ms. */
  clockMs(): number;
  /** Clocks that differ by more are not both right. */
  readonly maxErrorMs: number;
  /** Between two comparisons. */
  readonly everyMs: number;
}

/** Compares the clock of this machine with that of the lease server. */
export class ClockComparison {
  readonly #options: ClockComparisonOptions;
  #nextMs = -Infinity;
  #errorMs: number | null = null;

  constructor(options: ClockComparisonOptions) {
    this.#options = options;
  }

  /** How much this machine is ahead of the server, while that is certainly more than allowed; else null. */
  get errorMs(): number | null {
    return this.#errorMs;
  }

  /** Compares, if it is time for that. A server that does not tell its clock changes nothing. Never rejects. */
  async look(): Promise<void> {
    const { store, wallMs, clockMs, maxErrorMs, everyMs } = this.#options;
    const sentMs = clockMs();
    if (sentMs < this.#nextMs || store.clockMs === undefined) return;
    this.#nextMs = sentMs + everyMs;
    const sentWallMs = wallMs();
    try {
      const serverMs = await store.clockMs();
      // The server read its clock at some moment between request and response.
      const halfMs = (clockMs() - sentMs) / 2;
      const errorMs = sentWallMs + halfMs - serverMs;
      this.#errorMs = Math.abs(errorMs) - halfMs > maxErrorMs ? errorMs : null;
    } catch {
      // The next request for the lease reports what is wrong.
    }
  }
}
