import type { Bar, OpenTime } from '../../shared/bar.ts';
import { BarAccumulator, barOpen } from '../../shared/core/resample/bar_resampler.ts';
import type { GivenUp } from './given_up.ts';

/** Minutes that a symbol may be ahead of a pair that waits for it; older ones are missing then. */
const MOST_KEPT = 200_000;
/** With fewer, nobody looks for those that all pairs have used. */
const FEW = 256;

/** A minute of a symbol that pairs may wait for. */
export interface ArrivedMinute {
  readonly bar: Bar;
  /** Time-outs of pairs before it came. */
  readonly timeouts: number;
}

/**
 * The minutes of a symbol that pairs wait for, ascending and without suspect bars. They are kept once for all pairs,
 * from their arrival until the last pair has used them.
 */
export class AwaitedMinutes {
  readonly symbol: string;
  #kept: ArrivedMinute[] = [];
  /** Number of the first kept minute; later ones count on. */
  #first = 0;
  #trimAt = FEW;
  readonly #readers = new Set<AwaitedReader>();

  constructor(symbol: string) {
    this.symbol = symbol;
  }

  get length(): number {
    return this.#kept.length;
  }

  get hasReaders(): boolean {
    return this.#readers.size > 0;
  }

  add(bar: Bar, timeouts: number): void {
    this.#kept.push({ bar, timeouts });
    if (this.#kept.length >= this.#trimAt) this.#trim();
  }

  /**
   * A pair begins to wait.
   * @param recent the newest minutes of the symbol, ascending, as far back as they are known
   */
  open(recent: readonly ArrivedMinute[], barSeconds: number): AwaitedReader {
    const begin = this.#kept[0]?.bar.time ?? Infinity;
    const earlier = recent.filter(({ bar }) => bar.time < begin);
    this.#kept = [...earlier, ...this.#kept];
    this.#first -= earlier.length;
    const reader = new AwaitedReader(this, this.#first, barSeconds);
    this.#readers.add(reader);
    return reader;
  }

  close(reader: AwaitedReader): void {
    this.#readers.delete(reader);
  }

  /** The minute with this number; undefined: it has not come yet. @param number of one that is kept, or a later one */
  at(number: number): ArrivedMinute | undefined {
    return this.#kept[number - this.#first];
  }

  /** Number of the first minute from `number` on that is kept. */
  firstFrom(number: number): number {
    return Math.max(number, this.#first);
  }

  /** Forgets what all pairs have used, and the oldest half where that leaves too many. */
  #trim(): void {
    let used = this.#kept.length;
    for (const { next } of this.#readers) used = Math.min(used, Math.max(0, next - this.#first));
    if (this.#kept.length - used >= MOST_KEPT) used += MOST_KEPT / 2;
    this.#kept.splice(0, used);
    this.#first += used;
    this.#trimAt = Math.max(FEW, Math.min(2 * this.#kept.length, MOST_KEPT));
  }
}

/** How far a pair has used the minutes of a symbol that it waits for. */
export class AwaitedReader {
  /** Number of the first minute that may still be needed. */
  next: number;
  readonly #minutes: AwaitedMinutes;
  readonly #barSeconds: number;
  readonly #bar: BarAccumulator;

  constructor(minutes: AwaitedMinutes, next: number, barSeconds: number) {
    this.next = next;
    this.#minutes = minutes;
    this.#barSeconds = barSeconds;
    this.#bar = new BarAccumulator(minutes.symbol);
  }

  get symbol(): string {
    return this.#minutes.symbol;
  }

  /** The bar of the symbol with the time of the pair's. Times ascend. null: it has none. */
  barAt(time: OpenTime, givenUp: GivenUp): Bar | null {
    const open = barOpen(time, this.#barSeconds);
    let number = this.#minutes.firstFrom(this.next);
    for (;;) {
      const minute = this.#minutes.at(number);
      if (minute === undefined || minute.bar.time > time) break;
      if (minute.bar.time >= open && !givenUp.has(minute.bar.time, minute.timeouts)) this.#bar.add(minute.bar);
      number++;
    }
    this.next = number;
    return this.#bar.take(time);
  }
}
