import type { OpenTime } from '../../shared/bar.ts';
import { INSTRUMENT_WINDOWS } from '../../shared/core/features/instrument/definitions.ts';
import { InstrumentFeatures } from '../../shared/core/features/instrument/instrument_features.ts';
import { barOpen } from '../../shared/core/resample/bar_resampler.ts';
import { SeriesBook } from '../../shared/core/series/series_book.ts';
import { MAX_AGE_SECONDS, SERIES } from '../../shared/core/series/series_names.ts';
import { barSecondsOf, type Pair } from '../../shared/pair.ts';
import { parseObservation } from '../../shared/store/observation.ts';
import { instrumentBarsInPieces, type FormulaStore } from '../../shared/store/warm_bars.ts';
import type { InstrumentReading } from '../../shared/core/formula/bar_inputs.ts';
import type { RuleReadings } from './rule_readings.ts';

/**
 * The last bars of an instrument that a journal has, up to the one at `until`, with hand-written features and series as
 * a daemon had them that took them one by one. Values that look back further than the first of these bars are missing.
 * @param count of the bars
 * @param pause resolves when the thread may be blocked for some milliseconds
 */
export async function warmBars(
  store: FormulaStore,
  instrument: Pair,
  count: number,
  until: OpenTime,
  pause: () => Promise<void>,
): Promise<InstrumentReading[]> {
  const barSeconds = barSecondsOf(instrument);
  const bars = await instrumentBarsInPieces(store, instrument, count, until, pause);
  if (bars.length === 0) return [];
  const first = barOpen(bars[0]!.time, barSeconds);
  const since = Math.max(0, first - MAX_AGE_SECONDS) as OpenTime;
  const observations = [...store.seriesBetween(since, (until + barSeconds) as OpenTime)]
    .map(({ subject }) => parseObservation(subject))
    .filter(({ symbol }) => symbol === instrument.a);
  await pause();
  const book = new SeriesBook();
  const features = new InstrumentFeatures(INSTRUMENT_WINDOWS, barSeconds);
  let next = 0;
  return bars.map(({ time, open, high, low, close, volume, takerBuyVolume = NaN }) => {
    const opened = barOpen(time, barSeconds);
    const closed = opened + barSeconds;
    while (next < observations.length && observations[next]!.arrivalTime <= closed) book.take(observations[next++]!);
    const series = new Float64Array(SERIES.length);
    book.valuesAt(instrument.a, closed, series);
    const bar = { time: opened, open, high, low, close, volume, takerBuyVolume };
    features.step(bar, series);
    return { bar, features: features.values.slice(), series };
  });
}

export const INSTRUMENT_READINGS: RuleReadings<InstrumentReading> = {
  read: warmBars,
  copy: ({ bar, features, series }) => ({ bar, features: features.slice(), series: series.slice() }),
};
