import type { SeriesBook } from '../../shared/core/series/series_book.ts';
import { legSeriesIn, type LegSeries } from '../../shared/core/series/leg_series.ts';
import { SERIES } from '../../shared/core/series/series_names.ts';

/** The auxiliary series of instruments, and of the legs of pairs, as of a moment. */
export interface SeriesReader {
  /**
   * The values of a symbol known at `now`, epoch seconds, in the order of SERIES; NaN = missing. They belong to the
   * caller until the next call.
   */
  valuesAt(symbol: string, now: number): Float64Array;
  /** Those of the legs of a pair. */
  ofPair(pair: { readonly a: string; readonly b: string }): LegSeries;
}

/** Reads what the inputs so far have given. */
export function readSeries(book: SeriesBook): SeriesReader {
  const values = new Float64Array(SERIES.length);
  return {
    valuesAt(symbol, now) {
      book.valuesAt(symbol, now, values);
      return values;
    },
    ofPair: (pair) => legSeriesIn(book, pair),
  };
}

/** Names of the series that have had a value. */
export function receivedSeries(book: Pick<SeriesBook, 'latest'>): string[] {
  return [...new Set([...book.latest()].map(({ name }) => name))];
}
