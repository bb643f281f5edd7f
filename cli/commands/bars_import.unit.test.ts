import { expect, it } from 'vitest';
import { hintOf, keptText } from './bars_import.ts';

it('an interrupted import names its number once it has stored something, and says so where nothing is stored', () => {
  expect(keptText(null, false, 7)).toContain('`minutehand bars undo 7`');
  expect(keptText(null, false, null)).toContain('Nothing was stored');
  expect(keptText(null, true, null)).toContain('Nothing was stored');
  expect(keptText('./bars', false, null)).toContain('in the folder');
});

it('the same bars under another name are first a reason to take back those with the wrong one', () => {
  const values = { symbol: 'GBPUSD', equal: 40, moves: 40 };
  const hint = hintOf({ code: 'SUSPECT', by: 'same_bars', values }, []);
  expect(hint).toContain('If it is GBPUSD: `minutehand bars history`');
  expect(hint).toContain('`minutehand bars undo <number>`');
  expect(hintOf({ code: 'SUSPECT', by: 'two_series', values: {} }, [])).toBeUndefined();
  const level = { ratio: 1.1, expected: 1.14, symbol: 'EURUSD' };
  expect(hintOf({ code: 'SUSPECT', by: 'known_bars', values: level }, [])).toContain('`minutehand bars undo <number>`');
  const swapped = hintOf({ code: 'SUSPECT', by: 'exchanged', values: { symbol: 'AUDUSD' } }, [])!;
  expect(swapped).toContain('AUDUSD is there under the wrong name too: `minutehand bars history`');
  expect(swapped).toContain('exchange the two names, and import both');
});
