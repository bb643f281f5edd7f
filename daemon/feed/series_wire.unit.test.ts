import { describe, expect, it } from 'vitest';
import { parseWireObservation } from './series_intake.ts';

const GOOD = { symbol: 'BTCUSDT', series: 'funding_rate', event_time: 0, value: 0.5 };
const eventMs = (event_time: unknown): number => parseWireObservation({ ...GOOD, event_time }).eventMs;
const refused = (change: object): string => {
  try {
    parseWireObservation({ ...GOOD, ...change });
    return 'accepted';
  } catch (error) {
    expect(error).toMatchObject({ code: 'SERIES_MALFORMED' });
    return (error as { seen: string }).seen;
  }
};

describe('a value from outside', () => {
  it('has its event at a time with a zone, or in epoch milliseconds, which seconds are not taken for', () => {
    expect(parseWireObservation(GOOD)).toEqual({ symbol: 'BTCUSDT', name: 'funding_rate', eventMs: 0, value: 0.5 });
    expect(eventMs('2025-10-14T21:00:00+09:00')).toBe(Date.parse('2025-10-14T12:00:00Z'));
    expect([1e8 - 1, 2e10, 8.64e15].map(eventMs)).toEqual([1e8 - 1, 2e10, 8.64e15]);
    for (const wrong of [-1, 1e8, 2e10 - 1, 8.64e15 + 2, 0.5, '2025-10-14T12:00:00', null])
      expect([wrong, refused({ event_time: wrong })]).toEqual([wrong, expect.stringMatching(/^event_time: /)]);
    expect(refused({ event_time: 1e9 })).toMatch(/^event_time: .*epoch milliseconds, not seconds|^event_time: Invalid/);
  });

  it('is within the range of its series, its ends included', () => {
    for (const value of [-1, 1]) expect(parseWireObservation({ ...GOOD, value }).value).toBe(value);
    for (const value of [-1.01, 1.01]) expect(refused({ value })).toBe('value: outside the range of the series');
    expect(refused({ series: 'sentiment', value: -1 })).toBe('value: outside the range of the series');
    expect(refused({ series: 'open_interest', value: 1e18 })).toBe('accepted');
    expect(refused({ series: 'open_interest', value: 1e300 })).toBe('value: outside the range of the series');
  });

  it('is named in part where its refusal is long', () => {
    expect(refused({ symbol: '' })).toMatch(/^symbol: /);
    expect(refused({ ['x'.repeat(300)]: 1 })).toHaveLength(200);
  });
});
