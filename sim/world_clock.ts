import type { Timeline } from './timeline.ts';

/** The true time of a world, and the wall clock of its machine, which may be set. */
export class WorldClock {
  readonly #timeline: Timeline;
  /** As epoch milliseconds. */
  readonly startMs: number;
  #offsetMs = 0;
  #lowestOffsetMs = 0;
  #highestOffsetMs = 0;

  constructor(timeline: Timeline, startMs: number) {
    this.#timeline = timeline;
    this.startMs = startMs;
  }

  /** As epoch milliseconds: the machine's clock if it had never been set. */
  trueMs(): number {
    return this.startMs + this.#timeline.nowMs;
  }

  wallMs(): number {
    return this.trueMs() + this.#offsetMs;
  }

  /** Offset of the wall clock. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  set offsetMs(ms: number) {
    this.#offsetMs = ms;
    this.#lowestOffsetMs = Math.min(this.#lowestOffsetMs, ms);
    this.#highestOffsetMs = Math.max(this.#highestOffsetMs, ms);
  }

  /** Maximum error of a difference of two readings of the wall clock so far. */
  get errorMs(): number {
    return this.#highestOffsetMs - this.#lowestOffsetMs;
  }
}
