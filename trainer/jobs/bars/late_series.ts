import { SeriesCursor, type SeriesHistory } from '../../../shared/core/series/series_cursor.ts';
import { SERIES } from '../../../shared/core/series/series_names.ts';
import { upperMedianOf } from '../../../shared/statistics.ts';

/** Bars that series are read at. */
interface ReadAt {
  readonly symbol: string;
  /** Opens, epoch seconds. */
  readonly time: ArrayLike<number>;
  readonly length: number;
  /** Seconds of a bar. */
  readonly barSeconds: number;
}

/** Known at fewer of the closes since its first value, a series is hardly there. */
const LEAST_KNOWN = 0.5;

type Known = Readonly<Partial<Record<string, SeriesHistory>>>;

/**
 * Series that have values, and none or few of them in time: a value counts from its arrival, and for so long after the
 * time that it is about. A line each, with how late they are; a column without values would be left out in silence.
 */
export function lateSeriesNotes({ symbol, time, length, barSeconds }: ReadAt, series: Known): string[] {
  return SERIES.flatMap(({ name, max_age_seconds: maxAge }) => {
    const history = series[name];
    if (history === undefined || history.length === 0) return [];
    const cursor = new SeriesCursor(history, maxAge);
    const begin = history.eventTime.reduce((least, at) => Math.min(least, at), Infinity);
    const end = history.eventTime.reduce((most, at) => Math.max(most, at), -Infinity) + maxAge;
    let closes = 0;
    let known = 0;
    for (let t = 0; t < length; t++) {
      const close = time[t]! + barSeconds;
      const value = cursor.valueAt(close);
      if (close < begin || close > end) continue;
      closes++;
      if (!Number.isNaN(value)) known++;
    }
    if (known >= LEAST_KNOWN * closes && known > 0) return [];
    if (closes === 0) return [`${symbol}: ${name} has no value of the time of these bars.`];
    const late = upperMedianOf(history.arrivalTime.map((at, i) => at - history.eventTime[i]!));
    // Few values, and these in time: that is how the source is.
    if (known > 0 && late < maxAge / 2) return [];
    const share = known === 0 ? 'never known in time' : `known at ${known} of ${closes} bars`;
    return [
      `${symbol}: ${name} is ${share}: its values arrive ${hours(late)} after the time that they are about (median), and count until ${hours(maxAge)} after it.`,
    ];
  });
}

function hours(seconds: number): string {
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Number((seconds / 3600).toFixed(1))} h`;
}
