import { SERIES_NAMES } from '../../shared/core/series/series_names.ts';

/** The auxiliary series of the instruments as of a moment. */
export interface SeriesReader {
  /** Names of the series that it receives. */
  readonly sources: readonly string[];
  /**
   * The values of a symbol known at `now`, epoch seconds, in the order of SERIES; NaN = missing. They belong to the
   * caller until the next call. `now` ascends for each symbol.
   */
  valuesAt(symbol: string, now: number): Float64Array;
}

const MISSING = new Float64Array(SERIES_NAMES.length).fill(NaN);

/** Without a source, every value is missing, as in a training without one. */
export const NO_SERIES: SeriesReader = { sources: [], valuesAt: () => MISSING };
