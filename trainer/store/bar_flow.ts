import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import type { Market } from '../../shared/bar_file/bar_sink.ts';
import type { StorePeriod } from './bars.ts';
import type { SeriesColumns, SeriesStore } from './series.ts';

/** By the open of a bar; null where no bar of the period has one. */
export interface StoredFlow {
  readonly takerBuyVolume: ReadonlyMap<number, number> | null;
  readonly trades: ReadonlyMap<number, number> | null;
}

/** The values of a symbol's bars that an import keeps as series, known at the close. */
export async function readFlow(
  store: Pick<SeriesStore, 'read'>,
  market: Market,
  symbol: string,
  { from, to }: StorePeriod,
): Promise<StoredFlow> {
  const shifted = (time: number | undefined) => (time === undefined ? undefined : time + SECONDS_PER_BAR);
  const period = { from: shifted(from), to: shifted(to) } as StorePeriod;
  const read = async (name: 'taker_buy_volume' | 'number_of_trades') =>
    byOpen(await store.read(market, symbol, name, period));
  return { takerBuyVolume: await read('taker_buy_volume'), trades: await read('number_of_trades') };
}

function byOpen({ length, time, value }: SeriesColumns): Map<number, number> | null {
  if (length === 0) return null;
  return new Map(Array.from(time, (known, i) => [known - SECONDS_PER_BAR, value[i]!]));
}

/** Bars with the flow that the store has of them, which an import of bars keeps beside them. */
export async function withStoredFlow(
  store: Pick<SeriesStore, 'read'>,
  market: Market,
  columns: BarColumns,
): Promise<BarColumns> {
  const { symbol, time, length } = columns;
  if (length === 0) return columns;
  const period = { from: time[0], to: time[length - 1]! + 1 } as StorePeriod;
  const flow = await readFlow(store, market, symbol, period);
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
