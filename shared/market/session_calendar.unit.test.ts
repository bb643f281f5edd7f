import { describe, expect, it } from 'vitest';
import { goodFriday, SessionCalendar, SLOT_S } from './session_calendar.ts';

const at = (text: string): number => Date.parse(`${text}Z`) / 1000;

/** Slots of weeks of bars before a time, Monday to Friday, except from 21:00 to 22:00. */
function weekdaySlots(until: number, weeks: number): Set<number> {
  const slots = new Set<number>();
  for (let time = until - weeks * 7 * 86_400; time < until; time += SLOT_S) {
    const date = new Date(time * 1000);
    if (date.getUTCDay() % 6 !== 0 && date.getUTCHours() !== 21) slots.add(Math.floor(time / SLOT_S));
  }
  return slots;
}

describe('the session calendar', () => {
  const now = at('2026-11-17T12:00');
  const calendar = new SessionCalendar(new Map([['XAUUSD', weekdaySlots(now, 4)]]));

  it('expects bars when the last weeks had them, and none at weekends, in a daily break and within an hour of it', () => {
    expect(calendar.isOpen('XAUUSD', now)).toBe(true);
    expect(calendar.isOpen('XAUUSD', at('2026-11-17T19:45'))).toBe(true);
    for (const time of [
      '2026-11-17T20:15',
      '2026-11-17T21:30',
      '2026-11-17T22:45',
      '2026-11-21T12:00',
      '2026-11-22T12:00',
    ])
      expect(calendar.isOpen('XAUUSD', at(time)), time).toBe(false);
    expect(calendar.isOpen('XAUUSD', at('2026-11-17T23:15'))).toBe(true);
  });

  it('takes the usual week for a symbol without bars', () => {
    expect(calendar.isOpen('EURUSD', at('2026-11-17T21:30'))).toBe(true);
    expect(calendar.isOpen('EURUSD', at('2026-11-21T12:00'))).toBe(false);
    expect(calendar.isOpen('EURUSD', at('2026-11-22T22:30'))).toBe(false);
    expect(calendar.isOpen('EURUSD', at('2026-11-22T23:00'))).toBe(true);
  });

  it('expects nothing on Christmas and New Year, and on Good Friday currencies only', () => {
    expect(calendar.isOpen('EURUSD', at('2026-12-25T12:00'))).toBe(false);
    expect(calendar.isOpen('EURUSD', at('2027-01-01T12:00'))).toBe(false);
    expect([2019, 2024, 2026, 2038].map(goodFriday)).toEqual(['04-19', '03-29', '04-03', '04-23']);
    expect(calendar.isOpen('EURUSD', at('2026-04-03T12:00'))).toBe(true);
    expect(calendar.isOpen('XAUUSD', at('2026-04-03T12:00'))).toBe(false);
  });

  it('learns from one week, and is not confused by one week without bars', () => {
    const week = 7 * 86_400;
    const one = new SessionCalendar(new Map([['XAUUSD', weekdaySlots(now, 1)]]));
    expect(one.isOpen('XAUUSD', now)).toBe(true);
    const holed = weekdaySlots(now, 4);
    for (const slot of holed)
      if (slot * SLOT_S >= now - week - 86_400 && slot * SLOT_S < now - week + 86_400) holed.delete(slot);
    expect(new SessionCalendar(new Map([['XAUUSD', holed]])).isOpen('XAUUSD', now)).toBe(true);
  });
});
