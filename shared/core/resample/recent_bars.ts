import type { Bar, OpenTime } from '../../bar.ts';
import { CLOSE, HIGH, lastMinuteOf, LOW, OPEN, SPREAD, VOLUME } from './bar_resampler.ts';

/** Bars that are kept of a symbol, whatever their length. */
export const KEPT_BARS = 256;

const PLACES = 6;

/** The newest bars of one symbol in a timeframe, made of its minutes as they come. A minute allocates nothing. */
export class RecentBars {
  readonly symbol: string;
  readonly barSeconds: number;
  /** Rings: bar number n is at n modulo their length. Times are those of the last minutes of bars. */
  readonly #times = new Float64Array(KEPT_BARS);
  readonly #values = new Float64Array(KEPT_BARS * PLACES);
  #count = 0;

  constructor(symbol: string, barSeconds: number) {
    this.symbol = symbol;
    this.barSeconds = barSeconds;
  }

  /** Takes a minute; they ascend. */
  take(minute: Bar): void {
    const time = lastMinuteOf(minute.time, this.barSeconds);
    const newest = (this.#count - 1) % KEPT_BARS;
    const isFirst = this.#count === 0 || this.#times[newest] !== time;
    const place = isFirst ? this.#count++ % KEPT_BARS : newest;
    const values = this.#values;
    const at = place * PLACES;
    if (isFirst) {
      this.#times[place] = time;
      values[at + OPEN] = minute.open;
      values[at + HIGH] = minute.high;
      values[at + LOW] = minute.low;
      values[at + VOLUME] = minute.volume;
    } else {
      if (minute.high > values[at + HIGH]!) values[at + HIGH] = minute.high;
      if (minute.low < values[at + LOW]!) values[at + LOW] = minute.low;
      values[at + VOLUME]! += minute.volume;
    }
    values[at + CLOSE] = minute.close;
    values[at + SPREAD] = minute.spread ?? NaN;
  }

  /** The bar with this time, of the minutes that have come; null: none has, or it is no longer kept. */
  at(time: number): Bar | null {
    const oldest = Math.max(0, this.#count - KEPT_BARS);
    for (let number = this.#count - 1; number >= oldest; number--) {
      const place = number % KEPT_BARS;
      if (this.#times[place] === time) return this.#barAt(place);
      if (this.#times[place]! < time) return null;
    }
    return null;
  }

  /** The bars that are kept of those after a time, up to another one: the newest first. */
  between(after: number, through: number): Bar[] {
    const found: Bar[] = [];
    const oldest = Math.max(0, this.#count - KEPT_BARS);
    for (let number = this.#count - 1; number >= oldest; number--) {
      const place = number % KEPT_BARS;
      if (this.#times[place]! <= after) break;
      if (this.#times[place]! <= through) found.push(this.#barAt(place));
    }
    return found;
  }

  #barAt(place: number): Bar {
    const values = this.#values;
    const at = place * PLACES;
    const spread = values[at + SPREAD]!;
    const bar = {
      symbol: this.symbol,
      time: this.#times[place] as OpenTime,
      open: values[at + OPEN]!,
      high: values[at + HIGH]!,
      low: values[at + LOW]!,
      close: values[at + CLOSE]!,
      volume: values[at + VOLUME]!,
    };
    return Number.isNaN(spread) ? bar : { ...bar, spread };
  }
}
