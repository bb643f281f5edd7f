import { SERIES, SERIES_NAMES, seriesIndex, type SeriesName } from './series_names.ts';
import { SeriesTimeline } from './series_timeline.ts';

/** One value of an auxiliary series of a symbol. Times are epoch seconds, to the millisecond. */
export interface Observation {
  readonly symbol: string;
  readonly name: SeriesName;
  /** What the value is about. */
  readonly eventTime: number;
  /** When it was known here, ≥ eventTime. */
  readonly arrivalTime: number;
  readonly value: number;
}

/** Bars that close so long after the newest observation arrived, or before it, are read as training reads them. */
const KEEP_SECONDS = 14 * 86_400;

/** The as-of state of all symbols: each series as known at the close of a bar. */
export class SeriesBook {
  readonly #bySymbol = new Map<string, readonly SeriesTimeline[]>();

  /** @throws RangeError when it arrived before its event, or before the observation of the series taken last */
  take({ symbol, name, eventTime, arrivalTime, value }: Observation): void {
    let timelines = this.#bySymbol.get(symbol);
    if (timelines === undefined) {
      timelines = SERIES.map(({ max_age_seconds }) => new SeriesTimeline(max_age_seconds, KEEP_SECONDS));
      this.#bySymbol.set(symbol, timelines);
    }
    timelines[seriesIndex(name)]!.take(eventTime, arrivalTime, value);
  }

  /**
   * The values of all series that were known at the close of a bar, as `InstrumentFeatures.step` takes them; NaN where
   * there is none or it is too old. What arrived later is not seen, whenever this is called.
   * @param close epoch seconds
   * @param into [SERIES], overwritten
   */
  valuesAt(symbol: string, close: number, into: Float64Array): void {
    const timelines = this.#bySymbol.get(symbol);
    for (let i = 0; i < SERIES.length; i++) into[i] = timelines?.[i]!.valueAt(close) ?? NaN;
  }

  /** Every series that has had a value, and the epoch seconds of its latest event. */
  *latest(): Generator<{ readonly symbol: string; readonly name: SeriesName; readonly eventTime: number }> {
    for (const [symbol, timelines] of this.#bySymbol)
      for (const [i, { lastEvent }] of timelines.entries())
        if (lastEvent > -Infinity) yield { symbol, name: SERIES_NAMES[i]!, eventTime: lastEvent };
  }
}
