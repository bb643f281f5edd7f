import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newYorkMinuteOfWeek, newYorkOffset } from './new_york_time.ts';

const at = (text: string): number => Date.parse(text) / 1000;
const FORMAT = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/New_York',
  weekday: 'short',
  hour: 'numeric',
  minute: 'numeric',
  hourCycle: 'h23',
});
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

function minuteByDatabase(time: number): number {
  const parts = Object.fromEntries(FORMAT.formatToParts(time * 1000).map(({ type, value }) => [type, value]));
  return DAYS.indexOf(parts['weekday']!) * 1440 + Number(parts['hour']) * 60 + Number(parts['minute']);
}

it('the minute of the New York week is that of the time zone database from 2008 on', () => {
  fc.assert(
    fc.property(fc.integer({ min: at('2008-01-01T00:00Z'), max: at('2035-01-01T00:00Z') }), (time) => {
      expect(newYorkMinuteOfWeek(time)).toBe(minuteByDatabase(time));
    }),
    { numRuns: 2000 },
  );
});

it('the clocks of New York change at 02:00 of the second Sunday of March and the first Sunday of November', () => {
  for (let year = 2008; year < 2035; year++) {
    for (const month of ['03', '11']) {
      const first = at(`${year}-${month}-01T00:00Z`);
      for (let time = first; time < first + 15 * 86_400; time += 1800)
        expect([time, newYorkMinuteOfWeek(time)]).toEqual([time, minuteByDatabase(time)]);
    }
  }
  expect([newYorkOffset(at('2024-03-10T06:59Z')), newYorkOffset(at('2024-03-10T07:00Z'))]).toEqual([-18_000, -14_400]);
});
