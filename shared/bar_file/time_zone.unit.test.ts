import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClockReader, parseTimeZone } from './time_zone.ts';

const PLACES = [
  'America/New_York',
  'Europe/Athens',
  'Europe/London',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'America/St_Johns',
];
const ZONES = [...PLACES, 'UTC', '+05:30', '-05:00', '-05:00/EU', '+02:00/US', '+02:00/EU', '-12:00/US', '+14:00'];
const HOUR_S = 3600;
const utc = (text: string): number => Date.parse(`${text}Z`) / 1000;

/** UTC offset of a clock in New York, recomputed by Intl on each call. */
function slowOffset(place: string, time: number): number {
  const shown = new Date(time * 1000).toLocaleString('sv-SE', { timeZone: place });
  return utc(shown.replace(' ', 'T')) - time;
}

describe('a time zone', () => {
  it('of a place equals that of Intl at any time', () => {
    const moment = fc.integer({ min: utc('2000-01-01T00:00'), max: utc('2030-01-01T00:00') });
    fc.assert(
      fc.property(fc.constantFrom(...PLACES), moment, (place, time) => {
        expect(parseTimeZone(place).offsetAt(time)).toBe(slowOffset(place, time));
      }),
      { numRuns: 300 },
    );
  });

  it('with a summer hour changes on the dates of Europe or New York', () => {
    const hours = (zone: string, ...times: string[]) =>
      times.map((time) => parseTimeZone(zone).offsetAt(utc(time)) / HOUR_S);
    const changes = ['2019-03-10T06:59', '2019-03-10T07:00', '2019-03-31T00:59', '2019-03-31T01:00'];
    expect(hours('-05:00/EU', ...changes)).toEqual([-5, -5, -5, -4]);
    expect(hours('-05:00/US', ...changes)).toEqual([-5, -4, -4, -4]);
    expect(hours('+02:00/US', ...changes)).toEqual([2, 3, 3, 3]);
    expect(hours('-05:00/EU', '2019-10-27T00:59', '2019-10-27T01:00')).toEqual([-4, -5]);
  });

  it('is written as an offset, with or without a rule, or as a name; anything else is misuse', () => {
    for (const [text, name] of [
      ['z', 'UTC'],
      ['utc', 'UTC'],
      ['+00:00', 'UTC'],
      ['-0500', '-05:00'],
      ['-05:00/EU', '-05:00/EU'],
      ['+05:30', '+05:30'],
      ['America/New_York', 'America/New_York'],
    ] as const)
      expect(parseTimeZone(text).name).toBe(name);
    for (const text of ['', '5', '-5', '+15:00', '-13:00', '-05:60', '-05:00/JP', 'Tokyo', 'auto', 'EU'])
      expect(() => parseTimeZone(text), text).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe('the stamps of a clock', () => {
  it('that shows every minute once a day give those minutes, through both changes of the year', () => {
    for (const zone of ZONES)
      for (const month of ['2019-03', '2019-04', '2019-10', '2019-11']) {
        const { offsetAt } = parseTimeZone(zone);
        const reader = createClockReader(parseTimeZone(zone));
        const from = utc(`${month}-01T00:00`);
        for (let time = from; time < from + 31 * 24 * HOUR_S; time += 300) {
          const read = reader.toUtc(time + offsetAt(time));
          if (read !== time)
            expect.fail(`${zone}: ${new Date(time * 1000).toISOString()} was read as ${read - time} s off`);
        }
      }
  });

  it('are read as an instant at which the clock shows them, the first of two; NaN where there is none', () => {
    const local = fc.integer({ min: utc('2019-01-01T00:00') / 900, max: utc('2021-01-01T00:00') / 900 });
    const nearChange = fc
      .integer({ min: -12, max: 12 })
      .chain((quarters) =>
        fc
          .constantFrom(
            '2019-03-10T02:00',
            '2019-11-03T01:00',
            '2019-03-31T03:00',
            '2019-10-27T03:00',
            '2019-04-07T02:00',
          )
          .map((text) => utc(text) / 900 + quarters),
      );
    fc.assert(
      fc.property(fc.constantFrom(...ZONES), fc.oneof(local, nearChange), (zone, quarter) => {
        const stamp = quarter * 900;
        const { offsetAt } = parseTimeZone(zone);
        const instants = Array.from({ length: 26 * 4 + 1 }, (_, i) => stamp - 14 * HOUR_S + i * 900);
        const first = instants.find((time) => time + offsetAt(time) === stamp) ?? NaN;
        expect(createClockReader(parseTimeZone(zone)).toUtc(stamp)).toBe(first);
      }),
      { numRuns: 500 },
    );
  });

  it('in a repeated hour belong to the second pass from where the stamps step back', () => {
    const reader = createClockReader(parseTimeZone('America/New_York'));
    const read = (...texts: string[]) =>
      texts.map((text) => new Date(reader.toUtc(utc(text)) * 1000).toISOString().slice(11, 16));
    expect(read('2019-11-03T00:59', '2019-11-03T01:00', '2019-11-03T01:59')).toEqual(['04:59', '05:00', '05:59']);
    expect(read('2019-11-03T01:00', '2019-11-03T01:59', '2019-11-03T02:00')).toEqual(['06:00', '06:59', '07:00']);
    expect(reader.toUtc(utc('2019-03-10T02:30'))).toBeNaN();
    expect(reader.toUtc(NaN)).toBeNaN();
  });
});
