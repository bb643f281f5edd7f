import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectedSwapBps, rollovers, tradingDayAt } from './rollover.ts';

const at = (text: string): number => Date.parse(text) / 1000;
const isoOf = (time: number): string => new Date(time * 1000).toISOString().slice(0, 16);

/** Every full hour that is 17:00 in New York on a working day, by this machine's time zone database. */
function obviousRollovers(from: number, to: number): { time: number; swapDays: number }[] {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: 'America/New_York',
    weekday: 'short',
    hour: 'numeric',
    hourCycle: 'h23',
  });
  const found = [];
  for (let time = Math.ceil(from / 3600) * 3600; time <= to; time += 3600) {
    const text = format.format(time * 1000);
    if (time > from && /^(Mon|Tue|Wed|Thu|Fri), 17$/.test(text))
      found.push({ time, swapDays: text.startsWith('Wed') ? 3 : 1 });
  }
  return found;
}

describe('rollovers', () => {
  it('are 17:00 in New York on working days, by the time zone database, for every year from 2008 on', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: at('2008-01-01T00:00Z'), max: at('2035-01-01T00:00Z') }),
        fc.integer({ min: 0, max: 20 * 86_400 }),
        (from, length) => {
          expect(rollovers(from, from + length)).toEqual(obviousRollovers(from, from + length));
        },
      ),
      { numRuns: 200 },
    );
    // Both clock changes of a year.
    expect(rollovers(at('2019-03-08T00:00Z'), at('2019-03-12T00:00Z')).map(({ time }) => isoOf(time))).toEqual([
      '2019-03-08T22:00',
      '2019-03-11T21:00',
    ]);
    expect(rollovers(at('2019-11-01T00:00Z'), at('2019-11-05T00:00Z')).map(({ time }) => isoOf(time))).toEqual([
      '2019-11-01T21:00',
      '2019-11-04T22:00',
    ]);
  });

  it('include the last minute of the range and not the first', () => {
    const roll = at('2019-07-08T21:00Z');
    const counts = [
      [roll, roll + 60],
      [roll - 60, roll],
      [roll - 60, roll - 1],
      [roll - 1, roll + 1],
    ].map(([from, to]) => rollovers(from!, to!).length);
    expect(counts).toEqual([0, 1, 0, 1]);
  });

  it('follow the clock of New York on the days of its changes, which are Sundays', () => {
    const hours = (from: string, to: string): string[] =>
      rollovers(at(from), at(to)).map(({ time }) => isoOf(time).slice(5, 13));
    expect(hours('2024-03-07T00:00Z', '2024-03-13T00:00Z')).toEqual(['03-07T22', '03-08T22', '03-11T21', '03-12T21']);
    expect(hours('2024-10-31T00:00Z', '2024-11-05T00:00Z')).toEqual(['10-31T21', '11-01T21', '11-04T22']);
  });

  it('are five a week, with seven days of swap', () => {
    const week = rollovers(at('2019-07-07T00:00Z'), at('2019-07-14T00:00Z'));
    expect(week.map(({ swapDays }) => swapDays)).toEqual([1, 1, 3, 1, 1]);
  });
});

describe('tradingDayAt', () => {
  it('counts Sunday evening as Monday, and starts a new day at the minute of the rollover', () => {
    const rolls = rollovers(at('2019-07-01T00:00Z'), at('2019-08-01T00:00Z'));
    const day = (text: string): number => tradingDayAt(rolls, at(text));
    expect(day('2019-07-07T22:00Z')).toBe(day('2019-07-08T20:59Z'));
    expect(day('2019-07-08T21:00Z')).toBe(day('2019-07-08T20:59Z') + 1);
    expect(day('2019-07-05T21:30Z')).toBe(day('2019-07-08T12:00Z'));
    expect(day('2019-07-01T01:00Z')).toBe(0);
  });
});

describe('the expected swap', () => {
  it('is the mean of what positions pay whose ages are drawn, from a Monday to the end of its week', () => {
    const monday = at('2024-01-08T12:00Z');
    const maxAge = 4 * 86_400;
    const meanAge = 1.3 * 86_400;
    const rolls = rollovers(monday, monday + maxAge);
    const paid = (age: number): number =>
      rolls.reduce((sum, { time, swapDays }) => sum + (time <= monday + age ? swapDays : 0), 0);
    const ages = Array.from({ length: 20_000 }, (_, i) => (i + 0.5) / 20_000);
    const meanOf = (ageAt: (share: number) => number): number =>
      ages.reduce((sum, share) => sum + paid(ageAt(share)), 0) / ages.length;
    expect(expectedSwapBps(2, monday, maxAge, NaN)).toBeCloseTo(2 * meanOf((share) => share * maxAge), 2);
    const exponential = meanOf((share) => -meanAge * Math.log(1 - share));
    expect(expectedSwapBps(2, monday, maxAge, meanAge)).toBeCloseTo(2 * exponential, 2);
  });

  it('ends for every fill, and is 0 without swaps', () => {
    fc.assert(
      fc.property(fc.integer({ min: at('2008-01-01T00:00Z'), max: at('2035-01-01T00:00Z') }), (fill) => {
        const bps = expectedSwapBps(1, fill, 3600, NaN);
        const [roll] = rollovers(fill, fill + 3600);
        expect(bps).toBeCloseTo(roll === undefined ? 0 : roll.swapDays * (1 - (roll.time - fill) / 3600), 9);
        expect(expectedSwapBps(0, fill, 3600, NaN)).toBe(0);
        expect(expectedSwapBps(1, fill, NaN, NaN)).toBe(0);
      }),
    );
  });
});
