import { expect, it } from 'vitest';
import { barNotes } from './bar_notes.ts';

const DAY = 86_400;

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
