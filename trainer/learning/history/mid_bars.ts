import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { spreadBps, type FillCosts } from '../../../shared/core/cost/fill_cost.ts';

/**
 * Converts bars of bids to mids: each price plus half of its minute's spread, quoted or by the profile. Symbols with
 * other prices or without costs are unchanged.
 */
export function midBars(
  bars: ReadonlyMap<string, BarColumns>,
  costs: Readonly<Record<string, FillCosts>>,
): Map<string, BarColumns> {
  return new Map(
    [...bars].map(([symbol, own]) => {
      const ofSymbol = costs[symbol];
      return [symbol, ofSymbol?.price === 'bid' ? raise(own, ofSymbol) : own];
    }),
  );
}

function raise(bars: BarColumns, costs: FillCosts): BarColumns {
  const { time, close, spread } = bars;
  const factor = close.map((price, i) => {
    const quoted = spread === null ? NaN : (1e4 * spread[i]!) / price;
    return 1 + spreadBps(costs, time[i]!, quoted) / 2e4;
  });
  const raised = (column: Float64Array): Float64Array => column.map((price, i) => price * factor[i]!);
  return { ...bars, open: raised(bars.open), high: raised(bars.high), low: raised(bars.low), close: raised(close) };
}
