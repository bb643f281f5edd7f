import { expect, it } from 'vitest';
import { TIMEFRAME_NAMES } from './pair.ts';
import { spelledTimeframe } from './timeframe_spelling.ts';

it.each([
  ['1m', ['M1', '1min', '1 minute', '1m']],
  ['5m', ['M5', '5min', '5 Minutes']],
  ['15m', ['M15', '15Min']],
  ['30m', ['M30', '30min']],
  ['12h', ['H12', '720m']],
  ['1h', ['H1', '1H', '60m', '60min', '1hour', '1 hr']],
  ['4h', ['H4', '4H', '240m', '4 hours']],
  ['1d', ['D1', '1D', '24h', '1440m', '1 day']],
] as const)('%s is meant by %j', (name, spellings) => {
  expect(TIMEFRAME_NAMES.map(spelledTimeframe)).toEqual(TIMEFRAME_NAMES);
  for (const text of spellings) expect(spelledTimeframe(text), text).toBe(name);
});

it('is none of a month, of another length, and of other text', () => {
  for (const text of ['1M', '12M', '7m', '5h', 'W1', '1w', 'MN1', '', 'h', '60', '0m', '-1h', '1h4h', 'constructor'])
    expect(spelledTimeframe(text), text).toBeNull();
});
