import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOpenMinute, hasFullTradingWeek, openMinuteFrom } from './trading_week.ts';

const seconds = (text: string): number => Date.parse(text) / 1000;
const anyTime = fc.integer({ min: seconds('1960-01-01T00:00:00Z'), max: seconds('2060-01-01T00:00:00Z') });

/** The rule in the calendar's words. */
function openByCalendar(time: number): boolean {
  const date = new Date(time * 1000);
  const day = date.getUTCDay();
  const hour = date.getUTCHours();
  if (day === 6) return false;
  if (day === 0) return hour >= 22;
  return day !== 5 || hour < 22;
}

describe('the trading week', () => {
  it('is open from Sunday 22:00 to Friday 22:00 UTC', () => {
    fc.assert(
      fc.property(anyTime, (time) => {
        expect(isOpenMinute(time)).toBe(openByCalendar(time));
      }),
    );
    expect(isOpenMinute(seconds('2024-01-05T21:59:00Z'))).toBe(true);
    expect(isOpenMinute(seconds('2024-01-05T22:00:00Z'))).toBe(false);
    expect(isOpenMinute(seconds('2024-01-07T21:59:00Z'))).toBe(false);
    expect(isOpenMinute(seconds('2024-01-07T22:00:00Z'))).toBe(true);
  });

  it('gives the first open minute at or after a time', () => {
    fc.assert(
      fc.property(anyTime, (time) => {
        let expected = Math.ceil(time / 60) * 60;
        while (!openByCalendar(expected)) expected += 60;
        expect(openMinuteFrom(time)).toBe(expected);
      }),
    );
  });

  it('has a full trading week between two times only when Sunday 22:00 to Friday 22:00 lies between them', () => {
    const at = (text: string): number => Date.parse(text) / 1000;
    const sunday = '2024-01-07T22:00:00Z';
    expect(hasFullTradingWeek(at(sunday), at('2024-01-12T22:00:00Z'))).toBe(true);
    expect(hasFullTradingWeek(at(sunday), at('2024-01-12T21:59:00Z'))).toBe(false);
    expect(hasFullTradingWeek(at(sunday) + 60, at('2024-01-13T22:00:00Z'))).toBe(false);
    expect(hasFullTradingWeek(at(sunday) + 60, at('2024-01-19T22:00:00Z'))).toBe(true);
  });
});
