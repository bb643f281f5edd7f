import type { Clock, Scheduler } from '../../shared/ports.ts';
import { waitAtMost } from '../threads/wait.ts';

/**
 * A bar that is due within this time is waited for by work that blocks the thread, and so is one that is late by it.
 */
const GUARD_MS = 250;

/** Signals to work that blocks the thread for some milliseconds when no bar is due. */
export class IdleWindow {
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #feedIntervalMs: number;
  #lastBarUs = -Infinity;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock, scheduler: Scheduler, feedIntervalMs: number) {
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#feedIntervalMs = feedIntervalMs;
  }

  noteBar(nowUs: number): void {
    this.#lastBarUs = nowUs;
  }

  /** A batch has been answered and journaled. */
  open(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }

  /**
   * Resolves at once in the middle of an interval; when a bar is due, after it was answered, or when it does not come.
   */
  wait(): Promise<void> {
    const sinceBarMs = (this.#clock.monotonicUs() - this.#lastBarUs) / 1000;
    const guardMs = Math.min(GUARD_MS, this.#feedIntervalMs / 4);
    if (Math.abs(this.#feedIntervalMs - sinceBarMs) > guardMs) return Promise.resolve();
    return waitAtMost(this.#scheduler, 2 * guardMs, (release) => this.#waiting.push(release));
  }
}
