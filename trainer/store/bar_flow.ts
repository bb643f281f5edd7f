import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import type { Market } from '../../shared/bar_file/bar_sink.ts';
import { ENOUGH_BARS, ownBarSeconds } from '../../shared/bar_file/own_timeframe.ts';
import type { StorePeriod } from './bars.ts';
import type { SeriesColumns, SeriesStore } from './series.ts';
import type { Store } from './store.ts';

/** By the time of a bar; null where no bar of the period has one. */
export interface StoredFlow {
  readonly takerBuyVolume: ReadonlyMap<number, number> | null;
  readonly trades: ReadonlyMap<number, number> | null;
}

/** Seconds of a symbol's stored bars by their first page; null where too few of them show it. */
export async function storedBarSeconds(
  { bars }: Pick<Store, 'bars'>,
  market: Market,
  symbol: string,
): Promise<number | null> {
  for await (const page of bars.pages(market, symbol)) return page.length < ENOUGH_BARS ? null : ownBarSeconds(page);
  return null;
}

/**
 * The values of a symbol's bars that an import keeps as series, known at the close.
 * @param untilClose seconds from the time of a bar to its close: its length where the time is its open
 */
export async function readFlow(
  store: Pick<SeriesStore, 'read'>,
  market: Market,
  symbol: string,
  { from, to }: StorePeriod,
  untilClose: number,
): Promise<StoredFlow> {
  const shifted = (time: number | undefined) => (time === undefined ? undefined : time + untilClose);
  const period = { from: shifted(from), to: shifted(to) } as StorePeriod;
  const read = async (name: 'taker_buy_volume' | 'number_of_trades') =>
    byBar(await store.read(market, symbol, name, period), untilClose);
  return { takerBuyVolume: await read('taker_buy_volume'), trades: await read('number_of_trades') };
}

function byBar({ length, time, value }: SeriesColumns, untilClose: number): Map<number, number> | null {
  if (length === 0) return null;
  return new Map(Array.from(time, (known, i) => [known - untilClose, value[i]!]));
}

/** Bars that have the time of their last minute, with the flow that an import of bars keeps beside them. */
export async function withStoredFlow(
  store: Pick<SeriesStore, 'read'>,
  market: Market,
  columns: BarColumns,
): Promise<BarColumns> {
  const { symbol, time, length } = columns;
  if (length === 0) return columns;
  const period = { from: time[0], to: time[length - 1]! + 1 } as StorePeriod;
  const flow = await readFlow(store, market, symbol, period, SECONDS_PER_BAR);
  return (flow.takerBuyVolume ?? flow.trades) === null ? columns : flowing(columns, flow);
}

/** Pages of bars with their flow; NaN where it is unknown. */
export async function* withFlow(pages: AsyncIterable<BarColumns>, flow: StoredFlow): AsyncGenerator<BarColumns, void> {
  for await (const page of pages) yield flowing(page, flow);
}

function flowing(columns: BarColumns, { takerBuyVolume, trades }: StoredFlow): BarColumns {
  const columnOf = (values: ReadonlyMap<number, number> | null): Float64Array | null =>
    values && columns.time.map((time) => values.get(time) ?? NaN);
  return { ...columns, flow: { takerBuyVolume: columnOf(takerBuyVolume), trades: columnOf(trades) } };
}
