import { createRng } from '../../../../shared/rng.ts';
import { drawBars, generatedPrices } from '../../generated/generated_prices.ts';
import type { Scenario } from '../../splits/scenarios.ts';
import type { InstrumentBars } from '../../instruments/instrument_bars.ts';
import type { Instrument } from './instrument_rows.ts';
import { NO_SERIES } from '../../instruments/series_files.ts';

/** Bars of a generated market. */
const BARS = 1200;
/** Consecutive bars that are drawn together. */
const BLOCK = 24;
const DAY_S = 86_400;
const TREND_DAYS = 30;
/** Of a range, per bar. */
const RETURN_SHARE = 1 / 48;

/**
 * A generated market, made of an instrument's own bars: blocks of a day's moves in random order, with the drift, pull
 * or size of a scenario. Bars keep their volume. It has no series: what a model makes of funding or sentiment is not in
 * it.
 */
export function generatedInstrument({ bars }: Instrument, scenario: Scenario, seed: string): Instrument {
  const { symbol, timeframe } = bars;
  const length = Math.min(BARS, bars.length - 1);
  const rng = createRng(`${seed}/${scenario}/${symbol}`);
  const drawn = drawBars(rng, length, bars.length, BLOCK);
  const trendBars = (TREND_DAYS * DAY_S) / timeframe;
  const generated: InstrumentBars = {
    symbol,
    timeframe,
    length,
    time: Float64Array.from(drawn, (_, t) => bars.time[0]! + t * timeframe),
    ...generatedPrices(bars, drawn, { scenario, trendBars, returnShare: RETURN_SHARE }),
    volume: Float64Array.from(drawn, (own) => bars.volume[own]!),
    takerBuyVolume: Float64Array.from(drawn, (own) => bars.takerBuyVolume[own]!),
  };
  return { bars: generated, series: NO_SERIES };
}
