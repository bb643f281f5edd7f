import type { SeriesHistory } from '../../../shared/core/series/series_cursor.ts';
import type { SeriesName } from '../../../shared/core/series/series_names.ts';

/**
 * Auxiliary series as they were known some seconds before: events and arrivals are both later, so that no value is
 * older than it was.
 */
export function laterSeries<Series extends Readonly<Partial<Record<SeriesName, SeriesHistory>>>>(
  series: Series,
  seconds: number,
): Series {
  const later = Object.entries(series).map(([name, history]) => [name, laterHistory(history, seconds)] as const);
  return Object.fromEntries(later) as Series;
}

function laterHistory({ length, eventTime, arrivalTime, value }: SeriesHistory, seconds: number): SeriesHistory {
  return {
    length,
    eventTime: eventTime.map((time) => time + seconds),
    arrivalTime: arrivalTime.map((time) => time + seconds),
    value,
  };
}
