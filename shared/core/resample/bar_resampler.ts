import { SECONDS_PER_BAR, type Bar, type OpenTime } from '../../bar.ts';

/** Places of the values of a bar in an array of numbers. */
export const OPEN = 0;
export const HIGH = 1;
export const LOW = 2;
export const CLOSE = 3;
export const VOLUME = 4;
export const SPREAD = 5;
const TAKER = 6;
const TRADES = 7;
const PLACES = 8;

/** Open of the last minute of the bar that contains `time`: a bar of another timeframe has the time of that minute. */
export function lastMinuteOf(time: number, barSeconds: number): OpenTime {
  return (Math.floor(time / barSeconds) * barSeconds + barSeconds - SECONDS_PER_BAR) as OpenTime;
}

/** Open of a bar that has the time of its last minute. */
export function barOpen(time: number, barSeconds: number): OpenTime {
  return (time + SECONDS_PER_BAR - barSeconds) as OpenTime;
}

/** Joins the minutes of one symbol's bar: no allocation until it is taken out. */
export class BarAccumulator {
  readonly #symbol: string;
  /** In one array: doubles that are fields get boxed. */
  readonly #values = new Float64Array(PLACES);
  #minutes = 0;

  constructor(symbol: string) {
    this.#symbol = symbol;
  }

  add(bar: Bar): void {
    const values = this.#values;
    if (this.#minutes++ === 0) {
      values[OPEN] = bar.open;
      values[HIGH] = bar.high;
      values[LOW] = bar.low;
      values[VOLUME] = bar.volume;
      values[TAKER] = bar.takerBuyVolume ?? NaN;
      values[TRADES] = bar.trades ?? NaN;
    } else {
      if (bar.high > values[HIGH]!) values[HIGH] = bar.high;
      if (bar.low < values[LOW]!) values[LOW] = bar.low;
      values[VOLUME]! += bar.volume;
      // Unknown in one minute, unknown in all.
      values[TAKER]! += bar.takerBuyVolume ?? NaN;
      values[TRADES]! += bar.trades ?? NaN;
    }
    values[CLOSE] = bar.close;
    values[SPREAD] = bar.spread ?? NaN;
  }

  /** The bar of all minutes since the last call, with this time; null when there were none. */
  take(time: OpenTime): Bar | null {
    if (this.#minutes === 0) return null;
    this.#minutes = 0;
    const [open, high, low, close, volume, spread, taker, trades] = this.#values as unknown as number[];
    const own = { symbol: this.#symbol, time, open: open!, high: high!, low: low!, close: close!, volume: volume! };
    const bar = Number.isNaN(spread) ? own : { ...own, spread: spread! };
    if (Number.isNaN(taker) && Number.isNaN(trades)) return bar;
    return {
      ...bar,
      ...(!Number.isNaN(taker) && { takerBuyVolume: taker! }),
      ...(!Number.isNaN(trades) && { trades: trades! }),
    };
  }
}

/**
 * Turns the bars of one symbol, ascending, into those of a longer timeframe, aligned to the epoch in UTC: open of the
 * first minute, high, low, close and spread of the last, sums of volumes and trades. A bar closes with the minute that
 * ends it, or with the first later one; a bar without minutes does not exist. Constant work per minute. Bars that are
 * of the timeframe already come out one by one.
 */
export class BarResampler {
  readonly #barSeconds: number;
  readonly #bar: BarAccumulator;
  readonly #onBar: (bar: Bar) => void;
  /** The last minute of the open bar. */
  #last = -1 as OpenTime;

  constructor(symbol: string, barSeconds: number, onBar: (bar: Bar) => void) {
    this.#barSeconds = barSeconds;
    this.#bar = new BarAccumulator(symbol);
    this.#onBar = onBar;
  }

  take(bar: Bar): void {
    if (bar.time > this.#last) {
      this.close();
      this.#last = lastMinuteOf(bar.time, this.#barSeconds);
    }
    this.#bar.add(bar);
    if (bar.time === this.#last) this.close();
  }

  /** Closes the bar that has minutes, even if some are missing. */
  close(): void {
    const bar = this.#bar.take(this.#last);
    if (bar !== null) this.#onBar(bar);
  }
}
