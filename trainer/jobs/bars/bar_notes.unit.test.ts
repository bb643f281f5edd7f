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
  expect(barNotes([barsOf('EURUSD', quoted), barsOf('GBPUSD', [NaN, 0.1, 0.1]), barsOf('USDJPY', null)], {})).toEqual([
    'EURUSD: 2 bars of 3 have a spread of 0, which counts as unknown: the configured spread applies there.',
  ]);
});

it('names costs that are too small to be true, and refuses a column of spreads that is of another unit', () => {
  const time = Float64Array.from([60, 120, 180]);
  const close = Float64Array.from([2500, 2501, 2502]);
  const barsOf = (spread: number) => ({ symbol: 'SPXUSD', time, close, length: 3, spread: close.map(() => spread) });
  const costs = { SPXUSD: { spread_bps: 1, commission_bps: 0, slippage_bps: 0.1 } };
  expect(barNotes([barsOf(0.25)], costs)).toEqual([]);
  expect(() => barNotes([barsOf(0.0025)], costs)).toThrow(expect.objectContaining({ code: 'COSTS_UNKNOWN' }));
  expect(barNotes([barsOf(0.25)], { SPXUSD: { spread_bps: 0.01, commission_bps: 0, slippage_bps: 0 } })).toEqual([
    'SPXUSD: 0.005 bps a fill are too small to be its costs (at least 0.217), and count as unknown: computed with 0.7.',
  ]);
});

it('names each hole once, with the symbols that have it, and no weekend', () => {
  const barsOf = (symbol: string, days: readonly number[]) => {
    const time = Float64Array.from(days, (day) => 1_546_300_800 + day * DAY);
    return { symbol, time, length: time.length };
  };
  const notes = barNotes(
    [barsOf('EURUSD', [0, 1, 5, 40, 41]), barsOf('GBPUSD', [5, 40]), barsOf('USDJPY', [5, 39, 42])],
    {},
  );
  expect(notes).toEqual([
    'EURUSD, GBPUSD: no bars from 2019-01-06 00:00 to 2019-02-10 00:00 UTC (35 days); positions end at this hole.',
    'USDJPY: no bars from 2019-01-06 00:00 to 2019-02-09 00:00 UTC (34 days); positions end at this hole.',
  ]);
});
