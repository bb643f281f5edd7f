import { expect, it } from 'vitest';
import { lateSeriesNotes } from './late_series.ts';

const HOUR = 3600;
const bars = {
  symbol: 'BTCUSDT',
  time: Float64Array.from({ length: 200 }, (_, t) => t * HOUR),
  length: 200,
  barSeconds: HOUR,
};
/** Of each hour, so late. */
const seriesOf = (lateSeconds: number, from = 0) => {
  const eventTime = Float64Array.from({ length: 200 }, (_, i) => from + i * HOUR);
  return {
    length: 200,
    eventTime,
    arrivalTime: eventTime.map((at) => at + lateSeconds),
    value: eventTime.map((_, i) => i),
  };
};

it('names a series whose values arrive when they do not count any more, and how late they are', () => {
  expect(lateSeriesNotes(bars, { open_interest: seriesOf(60), funding_rate: seriesOf(11 * HOUR) })).toEqual([]);
  expect(lateSeriesNotes(bars, { open_interest: seriesOf(5 * HOUR), sentiment: seriesOf(0) })).toEqual([
    'BTCUSDT: open_interest is never known in time: its values arrive 5 h after the time that they are about (median), and count until 3 h after it.',
  ]);
});

it('names one that is known at a few bars alone, and one of another time', () => {
  const sparse = seriesOf(5 * HOUR);
  const some = { ...sparse, arrivalTime: sparse.arrivalTime.map((at, i) => (i < 10 ? sparse.eventTime[i]! : at)) };
  expect(lateSeriesNotes(bars, { open_interest: some })[0]).toMatch(
    /^BTCUSDT: open_interest is known at 1\d of 200 bars/,
  );
  expect(lateSeriesNotes(bars, { open_interest: seriesOf(0, 1e9) })).toEqual([
    'BTCUSDT: open_interest has no value of the time of these bars.',
  ]);
  expect(lateSeriesNotes(bars, { open_interest: { ...seriesOf(0), length: 0 } })).toEqual([]);
});
