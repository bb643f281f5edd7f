import { BarScreen, type ScreenPolicy } from '../core/screen/bar_screen.ts';
import { barReader, type BarColumns } from './bar_file.ts';

/**
 * The bars that move features: those of a symbol without the ones that the daemon holds back as suspect. They are to be
 * all that are known, screened once: what is suspect is a function of the bars before, suspect ones included.
 * @param screening null = all bars
 */
export function withoutSuspects(columns: BarColumns, screening: ScreenPolicy | null): BarColumns {
  if (screening === null) return columns;
  const screen = new BarScreen(screening);
  const barOf = barReader(columns);
  const isKept = new Uint8Array(columns.length);
  let kept = 0;
  for (let i = 0; i < columns.length; i++) {
    isKept[i] = screen.take(barOf(i)) ? 0 : 1;
    kept += isKept[i]!;
  }
  if (kept === columns.length) return columns;
  const keep = (column: Float64Array): Float64Array =>
    column.slice(0, columns.length).filter((_, i) => isKept[i] === 1);
  const { symbol, time, open, high, low, close, volume, spread, flow, series, others } = columns;
  return {
    symbol,
    length: kept,
    time: keep(time),
    open: keep(open),
    high: keep(high),
    low: keep(low),
    close: keep(close),
    volume: keep(volume),
    spread: spread === null ? null : keep(spread),
    ...(flow && {
      flow: {
        takerBuyVolume: flow.takerBuyVolume && keep(flow.takerBuyVolume),
        trades: flow.trades && keep(flow.trades),
      },
    }),
    ...(series && { series }),
    ...(others && { others }),
  };
}

/** `withoutSuspects` of every symbol. */
export function screenBars(
  bars: ReadonlyMap<string, BarColumns>,
  screening: ScreenPolicy | null,
): Map<string, BarColumns> {
  return new Map([...bars].map(([symbol, columns]) => [symbol, withoutSuspects(columns, screening)]));
}
