/** Seconds and memory of the fits of an entrant, measured alike in every league. */
export interface FitCost {
  /** Seconds of the fits with the first seed. */
  readonly seconds: number;
  /** Highest resident memory of this process during the fits, the rows included, MB; programs have their own. */
  readonly memory_mb: number;
}

/** Watches the fits of one entrant. */
export class FitWatch {
  readonly #startMs = performance.now();
  #seconds = 0;
  #memory = process.memoryUsage().rss;

  /** A fit has ended. */
  step(): void {
    this.#memory = Math.max(this.#memory, process.memoryUsage().rss);
  }

  /** The fits with the first seed have ended; memory goes on. */
  firstSeedDone(): void {
    this.#seconds = (performance.now() - this.#startMs) / 1000;
  }

  get cost(): FitCost {
    return { seconds: this.#seconds, memory_mb: this.#memory / 2 ** 20 };
  }
}
