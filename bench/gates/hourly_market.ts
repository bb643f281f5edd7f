import { NO_SERIES } from '../../trainer/learning/instruments/series_files.ts';
import type { Instrument } from '../../trainer/learning/strategies/direction/instrument_rows.ts';

/** Seconds of a bar. */
export const HOUR = 3600;
export const BARS_PER_DAY = 24;
const START = 1_600_000_000 - (1_600_000_000 % (BARS_PER_DAY * HOUR));
const FIRST_PRICE = 100;

/** Standard deviation of an hourly return: 2.9 % a day. */
export const VOLATILITY = 0.006;
/** Share of an instrument's variance that all instruments have in common, as coins do. */
export const COMMON = 0.6;

/** Hourly bars without volume and series. @param closeOf the close of a bar from the close before it */
export function hourlyInstrument(
  symbol: string,
  length: number,
  closeOf: (before: number, bar: number) => number,
): Instrument {
  const open = new Float64Array(length);
  const close = new Float64Array(length);
  let price = FIRST_PRICE;
  for (let t = 0; t < length; t++) {
    open[t] = price;
    price = closeOf(price, t);
    close[t] = price;
  }
  const time = Float64Array.from({ length }, (_, t) => START + t * HOUR);
  const high = close.map((own, t) => Math.max(own, open[t]!));
  const low = close.map((own, t) => Math.min(own, open[t]!));
  const none = new Float64Array(length);
  const bars = { symbol, timeframe: HOUR, length, time, open, high, low, close, volume: none, takerBuyVolume: none };
  return { bars, series: NO_SERIES };
}
