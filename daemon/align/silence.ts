import type { OpenTime } from '../../shared/bar.ts';

export interface SilenceOptions {
  readonly pairs: number;
  readonly feedIntervalMs: number;
  /** Intervals without a live minute after which a pair gets heartbeats, and after which their mode is HALT. */
  readonly degradedIntervals: number;
  readonly haltIntervals: number;
}

/**
 * Tracks when each pair last had a live minute, and which heartbeats are due since. Times are monotonic microseconds.
 */
export class SilenceWatch {
  readonly #options: SilenceOptions;
  /** Open of the newest minute of each pair that has ended; of other timeframes, of the last bar's last minute. */
  readonly #lastMinute: Float64Array;
  readonly #lastMinuteUs: Float64Array;
  /** Heartbeats that were due for each pair since then. */
  readonly #heartbeats: Int32Array;

  constructor(options: SilenceOptions, nowUs: number) {
    this.#options = options;
    this.#lastMinute = new Float64Array(options.pairs).fill(-Infinity);
    this.#lastMinuteUs = new Float64Array(options.pairs).fill(nowUs);
    this.#heartbeats = new Int32Array(options.pairs);
  }

  /**
   * A minute of a pair has ended. Backfill publishes nothing: a pair that gets nothing else is silent to its consumers.
   */
  noteMinute(pairIndex: number, time: OpenTime, backfill: boolean, nowUs: number): void {
    this.noteBar(pairIndex, time);
    if (!backfill) this.noteArrival(pairIndex, nowUs);
  }

  /** A pair's bar has closed: heartbeats repeat its time. */
  noteBar(pairIndex: number, time: OpenTime): void {
    this.#lastMinute[pairIndex] = time;
  }

  /** A live minute of a pair has arrived. */
  noteArrival(pairIndex: number, nowUs: number): void {
    this.#lastMinuteUs[pairIndex] = nowUs;
    this.#heartbeats[pairIndex] = 0;
  }

  /** No bars can be expected yet: silence is counted from now on. */
  restart(nowUs: number): void {
    this.#lastMinuteUs.fill(nowUs);
  }

  /**
   * Calls `beat` for each pair whose next heartbeat is due, once each interval. A pair that never had a minute has
   * nothing to repeat.
   */
  check(nowUs: number, beat: (pairIndex: number, kind: 'silence' | 'silence_halt') => void): void {
    const { feedIntervalMs, degradedIntervals, haltIntervals } = this.#options;
    for (let pairIndex = 0; pairIndex < this.#lastMinuteUs.length; pairIndex++) {
      const intervals = (nowUs - this.#lastMinuteUs[pairIndex]!) / 1000 / feedIntervalMs;
      const due = Math.floor(intervals - degradedIntervals) + 1;
      if (due <= this.#heartbeats[pairIndex]! || this.lastMinute(pairIndex) === null) continue;
      this.#heartbeats[pairIndex] = due;
      beat(pairIndex, intervals >= haltIntervals ? 'silence_halt' : 'silence');
    }
  }

  /** null = the pair never had a minute. */
  lastMinute(pairIndex: number): OpenTime | null {
    const time = this.#lastMinute[pairIndex]!;
    return time === -Infinity ? null : (time as OpenTime);
  }

  isSilent(pairIndex: number): boolean {
    return this.#heartbeats[pairIndex]! > 0;
  }
}
