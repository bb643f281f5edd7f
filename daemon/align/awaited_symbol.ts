import type { Bar, OpenTime } from '../../shared/bar.ts';
import { BarAccumulator, barOpen } from '../../shared/core/resample/bar_resampler.ts';

/** Minutes that a symbol may be ahead of a pair that waits for it; older ones are missing then. */
const MOST_KEPT = 200_000;
/** Bars are no longer than a day. */
const SECONDS_REMEMBERED = 86_400;

/** Minutes that came after the pair had given them up. */
interface GivenUp {
  /** Of the last minute that the symbol had then. */
  readonly after: number;
  readonly until: number;
}

/**
 * Buffers the minutes of another symbol for one pair, from their arrival until the pair's bar has closed. A minute that
 * arrives after the pair's time-out for it is dropped, also when the pair waits for the symbol again later.
 */
export class AwaitedSymbol {
  readonly symbol: string;
  readonly #barSeconds: number;
  readonly #bar: BarAccumulator;
  /** Ascending, without suspect bars. */
  #kept: Bar[] = [];
  #givenUp: GivenUp[] = [];

  constructor(symbol: string, barSeconds: number) {
    this.symbol = symbol;
    this.#barSeconds = barSeconds;
    this.#bar = new BarAccumulator(symbol);
  }

  /** The last minute that the pair has given up; −Infinity: none. */
  get givenUpUntil(): number {
    return this.#givenUp.at(-1)?.until ?? -Infinity;
  }

  /** The pair begins to wait. @param recent bars that came before */
  begin(recent: readonly Bar[]): void {
    this.#kept = recent.filter(({ time }) => !this.#givenUp.some(({ after, until }) => time > after && time <= until));
  }

  /** @param bar null: empty, or suspect */
  take(time: OpenTime, bar: Bar | null): void {
    if (bar === null || time <= this.givenUpUntil) return;
    if (this.#kept.push(bar) > MOST_KEPT) this.#kept.splice(0, MOST_KEPT / 2);
  }

  /** @param last the newest minute of the symbol */
  giveUp(last: number, until: number): void {
    if (until <= last || until <= this.givenUpUntil) return;
    const later = this.#givenUp.filter((own) => own.until > last - SECONDS_REMEMBERED && own.after !== last);
    this.#givenUp = [...later, { after: last, until }];
  }

  /** Its bar with the time of the pair's; earlier minutes are forgotten. Times ascend. null: it has none. */
  barAt(time: OpenTime): Bar | null {
    const open = barOpen(time, this.#barSeconds);
    let used = 0;
    for (; used < this.#kept.length && this.#kept[used]!.time <= time; used++)
      if (this.#kept[used]!.time >= open) this.#bar.add(this.#kept[used]!);
    this.#kept.splice(0, used);
    return this.#bar.take(time);
  }
}
