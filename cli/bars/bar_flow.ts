import type { Market } from '../../shared/bar_file/bar_sink.ts';
import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import type { StorePeriod } from '../../trainer/store/bars.ts';
import type { SeriesColumns, SeriesStore } from '../../trainer/store/series.ts';
import type { BarValue } from './bar_layout.ts';

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
  const read = async (name: BarValue) => byOpen(await store.read(market, symbol, name, period));
  return { takerBuyVolume: await read('taker_buy_volume'), trades: await read('number_of_trades') };
}

function byOpen({ length, time, value }: SeriesColumns): Map<number, number> | null {
  if (length === 0) return null;
  return new Map(Array.from(time, (known, i) => [known - SECONDS_PER_BAR, value[i]!]));
}

/** Pages of bars with their flow; NaN where it is unknown. */
export async function* withFlow(
  pages: AsyncIterable<BarColumns>,
  { takerBuyVolume, trades }: StoredFlow,
): AsyncGenerator<BarColumns, void> {
  for await (const page of pages) {
    const columnOf = (values: ReadonlyMap<number, number> | null): Float64Array | null =>
      values && page.time.map((time) => values.get(time) ?? NaN);
    yield { ...page, flow: { takerBuyVolume: columnOf(takerBuyVolume), trades: columnOf(trades) } };
  }
}
