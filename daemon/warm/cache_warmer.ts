import type { OpenTime } from '../../shared/bar.ts';
import type { Clock, Scheduler } from '../../shared/ports.ts';

/** The bars of a minute arrive within this time of each other, and the first of them within it of when it is due. */
const SPREAD_MS = 2000;
/** Warming starts so long before a bar is due. */
const LEAD_MS = 50;
/** Bars that follow each other closely find the caches of 1 ms ago; the others, those of 4 ms ago. */
const BURST = { withinMs: 20, everyMs: 1 };
const EVERY_MS = 4;

export interface CacheWarmerOptions {
  readonly clock: Pick<Clock, 'monotonicUs'>;
  readonly scheduler: Pick<Scheduler, 'after'>;
  readonly feedIntervalMs: number;
  /** Number of pairs and instruments that have a bar each minute. */
  readonly subjects: number;
  /** No bar is being answered. */
  isIdle(): boolean;
  /** Runs the code of the hot path, and reads its memory. */
  warm(): void;
  /** Bars are expected within milliseconds, or no longer. */
  onExpected?(isExpected: boolean): void;
}

/** What an answer tells about the arrival of bars. */
export interface AnsweredBar {
  readonly minute: { readonly time: OpenTime; readonly outcome: string };
}

/**
 * Keeps what a bar needs in the processor's caches while one is expected: from the first bar of a minute until all have
 * come, and from shortly before the next minute's are due. A processor that sleeps between bars, or serves others,
 * forgets code, data and branches within a millisecond: a lone bar then takes three times as long.
 */
export class CacheWarmer {
  readonly #options: CacheWarmerOptions;
  #time = -Infinity;
  /** When the first bar of the newest minute was answered, and the last one. */
  #firstMs = -Infinity;
  #lastMs = -Infinity;
  #answered = 0;
  /** Distance of the last two minutes, at most that of the feed. */
  #intervalMs: number;
  #isStopped = false;
  #isExpected = false;
  #cancel: () => void = () => undefined;

  constructor(options: CacheWarmerOptions) {
    this.#options = options;
    this.#intervalMs = options.feedIntervalMs;
  }

  /** Bars of the newest minute are missing, and may still come. */
  get isMinuteOpen(): boolean {
    return this.#isOpen(this.#nowMs());
  }

  /** Live bars were answered. */
  note(batch: readonly AnsweredBar[]): void {
    const nowMs = this.#nowMs();
    for (const { minute } of batch) {
      if (minute.outcome !== 'COMPLETE' || minute.time < this.#time) continue;
      if (minute.time > this.#time) this.#beginMinute(minute.time, nowMs);
      this.#answered++;
      this.#lastMs = nowMs;
    }
    this.#schedule(nowMs);
  }

  /** For good. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel();
    this.#expect(false);
  }

  #beginMinute(time: OpenTime, nowMs: number): void {
    this.#intervalMs = Math.min(this.#options.feedIntervalMs, nowMs - this.#firstMs);
    this.#time = time;
    this.#firstMs = nowMs;
    this.#answered = 0;
  }

  #schedule(nowMs: number): void {
    this.#cancel();
    const waitMs = this.#isStopped ? null : this.#waitMs(nowMs);
    this.#expect(waitMs !== null && waitMs <= EVERY_MS);
    if (waitMs !== null) this.#cancel = this.#options.scheduler.after(waitMs, () => this.#run());
  }

  #expect(isExpected: boolean): void {
    if (isExpected === this.#isExpected) return;
    this.#isExpected = isExpected;
    this.#options.onExpected?.(isExpected);
  }

  #run(): void {
    const { isIdle, warm } = this.#options;
    if (isIdle()) warm();
    this.#schedule(this.#nowMs());
  }

  /** @returns null when no bar is expected any more */
  #waitMs(nowMs: number): number | null {
    const dueMs = this.#firstMs + this.#intervalMs;
    const endMs = dueMs + Math.min(SPREAD_MS, this.#intervalMs);
    if (nowMs >= endMs) return null;
    if (!this.#isOpen(nowMs) && nowMs < dueMs - LEAD_MS) return dueMs - LEAD_MS - nowMs;
    return nowMs - this.#lastMs < BURST.withinMs ? BURST.everyMs : EVERY_MS;
  }

  #isOpen(nowMs: number): boolean {
    return this.#answered < this.#options.subjects && nowMs < this.#firstMs + SPREAD_MS;
  }

  #nowMs(): number {
    return this.#options.clock.monotonicUs() / 1000;
  }
}
