import { SERIES } from './series_names.ts';
import { SeriesBook, type Observation } from './series_book.ts';
import { SeriesCursor, type SeriesHistory } from './series_cursor.ts';
import type { SeriesName } from './series_names.ts';

/** Auxiliary series of a symbol; those that are absent have no values. */
export type SymbolSeries = Readonly<Partial<Record<SeriesName, SeriesHistory>>>;

/** All observations of symbols, in order of arrival. */
export function observationsIn(series: Iterable<readonly [symbol: string, SymbolSeries]>): Observation[] {
  const all: Observation[] = [];
  for (const [symbol, own] of series)
    for (const { name } of SERIES) {
      const history = own[name];
      for (let i = 0; i < (history?.length ?? 0); i++) {
        const { eventTime, arrivalTime, value } = history!;
        all.push({ symbol, name, eventTime: eventTime[i]!, arrivalTime: arrivalTime[i]!, value: value[i]! });
      }
    }
  return all.sort((x, y) => x.arrivalTime - y.arrivalTime);
}

/** The series of both legs of a pair: all of leg A, and then all of leg B, each in the order of SERIES. */
export interface LegSeries {
  /**
   * The values known at the close of a bar; NaN = missing. They belong to the caller until the next call.
   * @param close epoch seconds
   */
  at(close: number): Float64Array;
}

/** As stored histories give them. Closes are asked for in ascending order. */
export function legSeriesOf(a: SymbolSeries, b: SymbolSeries): LegSeries {
  const values = new Float64Array(2 * SERIES.length).fill(NaN);
  const cursors = [a, b].flatMap((series, leg) =>
    SERIES.flatMap(({ name, max_age_seconds }, i) => {
      const history = series[name];
      if (history === undefined || history.length === 0) return [];
      return [{ at: leg * SERIES.length + i, cursor: new SeriesCursor(history, max_age_seconds) }];
    }),
  );
  return {
    at(close) {
      for (const { at, cursor } of cursors) values[at] = cursor.valueAt(close);
      return values;
    },
  };
}

/** As a book has them when it is asked. */
export function legSeriesIn(
  book: Pick<SeriesBook, 'valuesAt'>,
  pair: { readonly a: string; readonly b: string },
): LegSeries {
  const values = new Float64Array(2 * SERIES.length);
  const ofA = values.subarray(0, SERIES.length);
  const ofB = values.subarray(SERIES.length);
  return {
    at(close) {
      book.valuesAt(pair.a, close, ofA);
      book.valuesAt(pair.b, close, ofB);
      return values;
    },
  };
}

/**
 * As observations gave them that are read along with the bars, in order of arrival. Closes are asked for in ascending
 * order.
 */
export function legSeriesFrom(
  observations: Iterable<Observation>,
  pair: { readonly a: string; readonly b: string },
): LegSeries {
  const book = new SeriesBook();
  const own = legSeriesIn(book, pair);
  const waiting: Observation[] = [];
  for (const observation of observations)
    if (observation.symbol === pair.a || observation.symbol === pair.b) waiting.push(observation);
  let next = 0;
  return {
    at(close) {
      while (next < waiting.length && waiting[next]!.arrivalTime <= close) book.take(waiting[next++]!);
      return own.at(close);
    },
  };
}
