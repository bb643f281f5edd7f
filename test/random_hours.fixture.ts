import type { OpenTime } from '../shared/bar.ts';
import { emptyColumns, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { createRng } from '../shared/rng.ts';

const START = 1_600_002_000;

/** Hours of a random walk of this symbol. @param drift log return of an hour; the standard deviation is 0.006 */
export function hoursOf(symbol: string, hours: number, drift = 0): BarColumns {
  const rng = createRng(`hours of ${symbol}`);
  const bars = { symbol, length: hours, ...emptyColumns(hours), series: {} };
  let price = 10_000;
  for (let hour = 0; hour < hours; hour++) {
    const open = price;
    price *= Math.exp(drift + 0.006 * rng.normal());
    bars.time[hour] = (START + hour * 3600) as OpenTime;
    bars.open[hour] = open;
    bars.high[hour] = Math.max(open, price);
    bars.low[hour] = Math.min(open, price);
    bars.close[hour] = price;
    bars.volume[hour] = 1;
  }
  return bars;
}
