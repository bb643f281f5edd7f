import type { SeriesHistory } from '../../../../shared/core/series/series_cursor.ts';
import type { SeriesName } from '../../../../shared/core/series/series_names.ts';
import { mirrorBars } from '../../placebo/mirrored_bars.ts';
import type { InstrumentBars } from '../../instruments/instrument_bars.ts';

/** An instrument with its auxiliary series. */
interface Recorded {
  readonly bars: InstrumentBars;
  readonly series: Readonly<Record<SeriesName, SeriesHistory>>;
}

/** Every log return is turned around. */
const TURNED = (): -1 => -1;

const negated = (value: number): number => -value;
const kept = (value: number): number => value;

/** What a value is where buyers and sellers are exchanged. */
const MIRRORED_VALUE: Readonly<Record<SeriesName, (value: number) => number>> = {
  funding_rate: negated,
  open_interest: kept,
  buy_liquidations: kept,
  sell_liquidations: kept,
  order_book_imbalance: negated,
  long_short_ratio: (ratio) => 1 / ratio,
  sentiment: (score) => 100 - score,
};

/** The series that takes the place of another where buyers and sellers are exchanged. */
const EXCHANGED: Readonly<Partial<Record<SeriesName, SeriesName>>> = {
  buy_liquidations: 'sell_liquidations',
  sell_liquidations: 'buy_liquidations',
};

/**
 * The instrument in a market where buyers and sellers are exchanged: each log return is negated from the first open on,
 * high and low, and taker buys and sells, change places, and each series says of the other side what it said of this
 * one. Times, volumes and volatility are the same.
 */
export function mirroredInstrument({ bars, series }: Recorded): Recorded {
  const names = Object.keys(series) as SeriesName[];
  const mirrored = names.map((name) => [name, mirroredSeries(series[EXCHANGED[name] ?? name], MIRRORED_VALUE[name])]);
  return { bars: mirroredFlow(mirrorBars(bars, TURNED)), series: Object.fromEntries(mirrored) as Recorded['series'] };
}

function mirroredFlow(bars: InstrumentBars): InstrumentBars {
  return { ...bars, takerBuyVolume: bars.takerBuyVolume.map((bought, t) => bars.volume[t]! - bought) };
}

function mirroredSeries(history: SeriesHistory, valueOf: (value: number) => number): SeriesHistory {
  return { ...history, value: history.value.map(valueOf) };
}
