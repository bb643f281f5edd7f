import type { OpenTime } from '../bar.ts';
import type { Observation } from '../core/series/series_book.ts';
import type { SeriesName } from '../core/series/series_names.ts';
import type { InputRow } from './journal_store.ts';

/** An observation in a journal: `BTCUSDT funding_rate 1763712000 1763712000.25 0.0001`, exact to the bit. */
export function observationText({ symbol, name, eventTime, arrivalTime, value }: Observation): string {
  return `${symbol} ${name} ${eventTime} ${arrivalTime} ${value}`;
}

export function parseObservation(text: string): Observation {
  const [symbol, name, eventTime, arrivalTime, value] = text.split(' ') as [string, SeriesName, string, string, string];
  return { symbol, name, eventTime: Number(eventTime), arrivalTime: Number(arrivalTime), value: Number(value) };
}

/** Its row, at the minute in which it arrived. */
export function observationRow(observation: Observation): InputRow {
  const time = (Math.floor(observation.arrivalTime / 60) * 60) as OpenTime;
  return { kind: 'series', subject: observationText(observation), time, bar: null, backfill: false };
}
