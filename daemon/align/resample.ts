import { SECONDS_PER_BAR, type OpenTime } from '../../shared/bar.ts';
import { BarAccumulator, lastMinuteOf } from '../../shared/core/resample/bar_resampler.ts';
import type { Pair } from '../../shared/pair.ts';
import type { MinuteOutcome, PairMinute } from './minute.ts';

interface OpenBar {
  readonly barSeconds: number;
  readonly a: BarAccumulator;
  readonly b: BarAccumulator;
  /** Open of the bar's last minute; -1 when no bar is open. */
  last: number;
  /** Of the newest minute in it. */
  time: number;
  outcome: MinuteOutcome;
  backfill: boolean;
  updatedMs: number;
}

/**
 * Joins the minutes of the pairs with another timeframe than one minute. A bar closes with the minute that ends it,
 * with the first later minute, or by `closeThrough`; it has the time of its last minute, is COMPLETE when both legs
 * have a bar in it, and is history when its newest minute is. Minutes of a pair ascend.
 */
export class PairResampler {
  readonly #bars: readonly (OpenBar | null)[];
  readonly #onBar: (bar: PairMinute) => void;

  /** @param onBar bars of other timeframes, with the time of their last minute */
  constructor(pairs: readonly Pair[], onBar: (bar: PairMinute) => void) {
    this.#onBar = onBar;
    this.#bars = pairs.map(({ a, b, barSeconds }) =>
      barSeconds === undefined
        ? null
        : {
            barSeconds,
            a: new BarAccumulator(a),
            b: new BarAccumulator(b),
            last: -1,
            time: -1,
            outcome: 'LEG_MISSING',
            backfill: false,
            updatedMs: 0,
          },
    );
  }

  /** Takes a minute of a pair at monotonic time `nowMs`. @returns false when the pair has one-minute bars */
  take({ pairIndex, time, a, b, outcome, backfill }: PairMinute, nowMs: number): boolean {
    const bar = this.#bars[pairIndex]!;
    if (bar === null) return false;
    if (time > bar.last) {
      this.#close(pairIndex, bar);
      bar.last = lastMinuteOf(time, bar.barSeconds);
    }
    bar.time = time;
    bar.outcome = outcome;
    bar.backfill = backfill;
    bar.updatedMs = nowMs;
    if (a !== null) bar.a.add(a);
    if (b !== null) bar.b.add(b);
    if (time === bar.last) this.#close(pairIndex, bar);
    return true;
  }

  /** Closes the bar of a pair whose last minute is not after `time`. */
  closeThrough(pairIndex: number, time: OpenTime): void {
    const bar = this.#bars[pairIndex]!;
    if (bar !== null && bar.last <= time) this.#close(pairIndex, bar);
  }

  /**
   * Last minutes of the open bars for which at monotonic time `nowMs` neither that minute nor the one after it has
   * come, though it is due.
   */
  overdue(nowMs: number, feedIntervalMs: number, timeoutMs: number): { pairIndex: number; time: OpenTime }[] {
    return this.#bars.flatMap((bar, pairIndex) => {
      if (bar === null || bar.last < 0) return [];
      const intervals = (bar.last - bar.time) / SECONDS_PER_BAR + 1;
      const isDue = nowMs - bar.updatedMs >= intervals * feedIntervalMs + timeoutMs;
      return isDue ? [{ pairIndex, time: bar.last as OpenTime }] : [];
    });
  }

  #close(pairIndex: number, bar: OpenBar): void {
    if (bar.last < 0) return;
    const time = bar.last as OpenTime;
    const a = bar.a.take(time);
    const b = bar.b.take(time);
    bar.last = -1;
    const outcome = a === null || b === null ? bar.outcome : 'COMPLETE';
    this.#onBar({ pairIndex, time, a, b, outcome, backfill: bar.backfill });
  }
}
