/** Polling is judged after so much of it. */
const SAMPLE_MS = 200;
/** A cycle of polling takes 0.4 ms. After this, another thread had the processor, or a quota was used up. */
const UNDISTURBED_MS = 1;
const MAX_LOST = 0.1;
const PAUSED_MINUTES = 30;

/**
 * Pauses polling where others need the processor: the scheduler runs a thread that wakes up at once, but makes one that
 * polls wait for the time slices of others, milliseconds each.
 */
export class PollingGuard {
  #polledMs = 0;
  #lostMs = 0;
  #minutesPaused = 0;

  get isPaused(): boolean {
    return this.#minutesPaused > 0;
  }

  /** A cycle of polling has ended. */
  note(cycleMs: number): void {
    this.#polledMs += cycleMs;
    if (cycleMs > UNDISTURBED_MS) this.#lostMs += cycleMs;
  }

  /** @returns the share of its time that polling lost, if that pauses it */
  beginMinute(): number | null {
    if (this.isPaused) this.#minutesPaused--;
    if (this.#polledMs < SAMPLE_MS) return null;
    const lost = this.#lostMs / this.#polledMs;
    [this.#polledMs, this.#lostMs] = [0, 0];
    if (lost <= MAX_LOST) return null;
    this.#minutesPaused = PAUSED_MINUTES;
    return lost;
  }
}
