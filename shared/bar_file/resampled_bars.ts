import { BarResampler } from '../core/resample/bar_resampler.ts';
import type { Pair } from '../pair.ts';
import { barReader, type BarColumns } from './bar_file.ts';

const known = new WeakMap<BarColumns, Map<number, BarColumns>>();

/**
 * The bars of one leg of a pair in the pair's timeframe; undefined when the symbol has none. Each has the time of its
 * last minute. The last bar is left out while its last minute is missing: it may not be over.
 */
export function legBars(
  bars: ReadonlyMap<string, BarColumns>,
  { barSeconds, ...symbols }: Pair,
  leg: 'a' | 'b',
): BarColumns | undefined {
  const columns = bars.get(symbols[leg]);
  if (barSeconds === undefined || columns === undefined) return columns;
  return inTimeframe(columns, barSeconds);
}

/** Computed once for each timeframe. */
function inTimeframe(columns: BarColumns, barSeconds: number): BarColumns {
  const own = known.get(columns) ?? new Map<number, BarColumns>();
  known.set(columns, own);
  const resampled = own.get(barSeconds) ?? resampleBars(columns, barSeconds);
  own.set(barSeconds, resampled);
  return resampled;
}

/**
 * See `legBars`.
 * @param isLastKept also the last bar while its last minute is missing, for charts
 */
export function resampleBars(columns: BarColumns, barSeconds: number, { isLastKept = false } = {}): BarColumns {
  const { symbol, length, series, others } = columns;
  const out = Array.from({ length: 7 }, () => new Float64Array(length)) as Column[];
  const [time, open, high, low, close, volume, spread] = out as [
    Column,
    Column,
    Column,
    Column,
    Column,
    Column,
    Column,
  ];
  let bars = 0;
  const resampler = new BarResampler(symbol, barSeconds, (bar) => {
    time[bars] = bar.time;
    open[bars] = bar.open;
    high[bars] = bar.high;
    low[bars] = bar.low;
    close[bars] = bar.close;
    volume[bars] = bar.volume;
    spread[bars++] = bar.spread ?? NaN;
  });
  const barOf = barReader(columns);
  for (let i = 0; i < length; i++) resampler.take(barOf(i));
  if (isLastKept) resampler.close();
  const cut = (column: Column): Column => column.slice(0, bars);
  return {
    symbol,
    length: bars,
    time: cut(time),
    open: cut(open),
    high: cut(high),
    low: cut(low),
    close: cut(close),
    volume: cut(volume),
    spread: columns.spread === null ? null : cut(spread),
    ...(series && { series }),
    ...(others && {
      others: new Map([...others].map(([name, other]) => [name, inTimeframe(other, barSeconds)])),
    }),
  };
}

type Column = Float64Array<ArrayBuffer>;
