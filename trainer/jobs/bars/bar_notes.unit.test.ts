import { expect, it } from 'vitest';
import { barNotes } from './bar_notes.ts';

const DAY = 86_400;

it('names symbols whose quoted spread is 0, and how often', () => {
  const time = Float64Array.from([60, 120, 180]);
  const barsOf = (symbol: string, spread: readonly number[] | null) => ({
    symbol,
    time,
    length: 3,
    spread: spread === null ? null : Float64Array.from(spread),
  });
  const quoted = [0, 0.0002, 0];
  expect(barNotes([barsOf('EURUSD', quoted), barsOf('GBPUSD', [NaN, 0.1, 0.1]), barsOf('USDJPY', null)])).toEqual([
    'EURUSD: 2 bars of 3 have a spread of 0, which counts as unknown: the configured spread applies there.',
  ]);
});

it('names each hole once, with the symbols that have it, and no weekend', () => {
  const barsOf = (symbol: string, days: readonly number[]) => {
    const time = Float64Array.from(days, (day) => 1_546_300_800 + day * DAY);
    return { symbol, time, length: time.length };
  };
  const notes = barNotes([
    barsOf('EURUSD', [0, 1, 5, 40, 41]),
    barsOf('GBPUSD', [5, 40]),
    barsOf('USDJPY', [5, 39, 42]),
  ]);
  expect(notes).toEqual([
    'EURUSD, GBPUSD: no bars from 2019-01-06 00:00 to 2019-02-10 00:00 UTC (35 days); positions end at this hole.',
    'USDJPY: no bars from 2019-01-06 00:00 to 2019-02-09 00:00 UTC (34 days); positions end at this hole.',
  ]);
});
