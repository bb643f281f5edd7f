import type { SeriesBook } from '../../shared/core/series/series_book.ts';
import { SERIES } from '../../shared/core/series/series_names.ts';

/** The auxiliary series of the instruments as of a moment. */
export interface SeriesReader {
  /**
   * The values of a symbol known at `now`, epoch seconds, in the order of SERIES; NaN = missing. They belong to the
   * caller until the next call.
   */
  valuesAt(symbol: string, now: number): Float64Array;
}

/** Reads what the inputs so far have given. */
export function readSeries(book: SeriesBook): SeriesReader {
  const values = new Float64Array(SERIES.length);
  return {
    valuesAt(symbol, now) {
      book.valuesAt(symbol, now, values);
      return values;
    },
  };
}

/** Names of the series that have had a value. */
export function receivedSeries(book: Pick<SeriesBook, 'latest'>): string[] {
  return [...new Set([...book.latest()].map(({ name }) => name))];
}
