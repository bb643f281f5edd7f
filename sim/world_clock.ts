import type { Timeline } from './timeline.ts';

/** A world's true time, and its machine's wall clock, which may be set. */
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

  /** True time as epoch milliseconds: the machine's clock if it had never been set. */
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

  /** Maximum error so far of a difference between two wall-clock readings. */
  get errorMs(): number {
    return this.#highestOffsetMs - this.#lowestOffsetMs;
  }
}
