import { expect, it } from 'vitest';
import { SeriesBook } from '../../shared/core/series/series_book.ts';
import { readSeries, receivedSeries } from './series_reader.ts';

it('series are read as of a moment, and named once they have had a value', () => {
  const book = new SeriesBook();
  const reader = readSeries(book);
  expect(receivedSeries(book)).toEqual([]);
  for (const symbol of ['BTCUSDT', 'ETHUSDT'])
    book.take({ symbol, name: 'funding_rate', eventTime: 1000, arrivalTime: 1010, value: 0.25 });
  const valueOf = (symbol: string, now: number) => reader.valuesAt(symbol, now)[0];
  expect([valueOf('BTCUSDT', 1020), valueOf('BTCUSDT', 1000), valueOf('XRPUSDT', 1020)]).toEqual([0.25, NaN, NaN]);
  expect(receivedSeries(book)).toEqual(['funding_rate']);
});
