import { describe, expect, it } from 'vitest';
import type { ScheduledEvent } from './calendar_text.ts';
import { refuseOtherClock } from './known_hours.ts';

/** Payrolls of winter and summer, claims, and a decision, so many minutes off. */
const calendar = (minutes: number): ScheduledEvent[] =>
  [
    ['2026-01-09T13:30Z', 'Nonfarm Payrolls'],
    ['2026-07-02T12:30Z', 'Non-Farm Employment Change'],
    ['2026-07-09T12:30Z', 'Initial Jobless Claims'],
    ['2026-12-09T19:00Z', 'Fed Interest Rate Decision'],
  ].map(([at, name]) => ({
    time: Date.parse(at!) / 1000 + minutes * 60,
    currency: 'USD',
    importance: 'high',
    name: name!,
  }));

describe('the clock of a calendar', () => {
  it('is right where American releases are at their hours, in winter and summer, and where few tell', () => {
    expect(() => refuseOtherClock(calendar(0))).not.toThrow();
    expect(() => refuseOtherClock([...calendar(0), ...calendar(120).slice(0, 2)])).not.toThrow();
    expect(() => refuseOtherClock(calendar(120).slice(0, 2))).not.toThrow();
    expect(() => refuseOtherClock(calendar(120).map((event) => ({ ...event, currency: 'JPY' })))).not.toThrow();
  });

  it.each([120, -300, 60])('is another one where they are %d minutes off', (minutes) => {
    expect(() => refuseOtherClock(calendar(minutes))).toThrow(expect.objectContaining({ code: 'NEWS_ZONE' }));
  });
});
