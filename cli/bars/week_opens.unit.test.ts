import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MinutehandError } from '../../shared/errors.ts';
import { readBarFile } from '../../shared/bar_file/bar_file.ts';
import { realData, skipNote } from '../../shared/bar_file/real_data.fixture.ts';
import { parseTimeZone } from '../../shared/bar_file/time_zone.ts';
import { WEEKEND_S } from '../../shared/bar_file/week_open.ts';
import { checkClock, type ClockVerdict } from './week_opens.ts';

const m1 = realData('m1');
const NEW_YORK = parseTimeZone('America/New_York');
const HOUR_S = 3600;
const WEEK_S = 7 * 24 * HOUR_S;

/** Sundays at `hour` in New York, as a clock of `zone` shows them: `weeks` of them from January 2019 on. */
function sundays(hour: number, zone: string, weeks = 40): number[] {
  return Array.from({ length: weeks }, (_, week) => {
    const local = Date.UTC(2019, 0, 6, hour) / 1000 + week * WEEK_S;
    return onClock(local - NEW_YORK.offsetAt(local + 12 * HOUR_S), zone);
  });
}

function onClock(utc: number, zone: string): number {
  return utc + parseTimeZone(zone).offsetAt(utc);
}

interface Ask {
  readonly symbol?: string;
  readonly layout?: 'histdata' | 'metatrader';
  readonly zone?: string;
  readonly trusted?: boolean;
}

function check(
  opens: readonly number[],
  { symbol = 'EURUSD', layout = 'histdata', zone, trusted = false }: Ask = {},
): ClockVerdict {
  const named = zone === undefined ? null : parseTimeZone(zone);
  return checkClock({ file: 'x.csv', symbol, layout, opens, named, trusted });
}

function refusal(opens: readonly number[], ask: Ask): MinutehandError {
  try {
    check(opens, ask);
  } catch (error) {
    return error as MinutehandError;
  }
  throw new Error('was not refused');
}

describe('the clock of a file that does not state it', () => {
  it('is found by the openings of currencies and metals, whatever clock it is', () => {
    for (const zone of [
      '-05:00/EU',
      '-05:00/US',
      '-05:00',
      '+02:00/US',
      '+02:00/EU',
      '+03:00',
      'UTC',
      '+09:00',
      '-12:00',
      '+12:00',
    ]) {
      for (const layout of ['histdata', 'metatrader'] as const) {
        const expected = { timezone: zone, checked: true, week_opens: 40, odd_opens: 0 };
        expect(check(sundays(17, zone), { layout })).toEqual(expected);
        expect(check(sundays(18, zone), { layout, symbol: 'XAUUSD.m' })).toEqual(expected);
      }
    }
  });

  it('is not guessed where the weeks are too few, or their start is unknown', () => {
    // January alone: several clocks show the same, and the likeliest is taken.
    expect(check(sundays(17, '+02:00', 4), { layout: 'metatrader' })).toMatchObject({
      timezone: '+02:00/US',
      checked: true,
    });
    expect(refusal([], { layout: 'metatrader' }).code).toBe('USAGE');
    expect(refusal(sundays(17, '+02:00', 1), { layout: 'metatrader' }).code).toBe('USAGE');
    expect(refusal(sundays(18, '+02:00/US'), { layout: 'metatrader', symbol: 'GER40' })).toMatchObject({
      code: 'USAGE',
      seen: expect.stringContaining('GER40') as string,
    });
    expect(check(sundays(18, '-05:00/US'), { symbol: 'GRXEUR' })).toMatchObject({
      timezone: '-05:00/EU',
      checked: false,
    });
  });

  it('of a HistData file too short is its usual one, unless its one opening contradicts it, and is reported as unchecked', () => {
    expect(check([])).toEqual({ timezone: '-05:00/EU', checked: false, week_opens: 0, odd_opens: 0 });
    expect(check(sundays(17, '-05:00/EU', 1))).toMatchObject({ timezone: '-05:00/EU', checked: false, odd_opens: 0 });
    const [, , , , , , , , , march] = sundays(17, '-05:00/US');
    expect(check([march!])).toMatchObject({ timezone: '-05:00/US', checked: false });
  });

  it('may open some weeks late, but not most', () => {
    const late = sundays(17, '-05:00/EU').map((open, i) => (i % 10 === 5 ? open + 5 * HOUR_S : open));
    expect(check(late)).toMatchObject({ timezone: '-05:00/EU', checked: true, odd_opens: 4 });
    const wild = sundays(17, '-05:00/EU').map((open, i) => open + (i % 7) * 2 * HOUR_S);
    expect(refusal(wild, {}).code).toBe('CLOCK_MISMATCH');
  });
});

describe('the clock that a user names', () => {
  it('is accepted when it fits, under any of its names', () => {
    expect(check(sundays(17, '-05:00/EU'), { zone: '-05:00/EU' })).toMatchObject({
      timezone: '-05:00/EU',
      checked: true,
    });
    expect(check(sundays(17, '-05:00/US'), { zone: 'America/New_York' })).toMatchObject({
      timezone: 'America/New_York',
      checked: true,
    });
    expect(check(sundays(17, '+02:00/EU'), { zone: 'Europe/Athens', layout: 'metatrader' }).checked).toBe(true);
  });

  it('is refused when another fits better, which is named; unless it is trusted', () => {
    for (const zone of ['-05:00', '-05:00/US', 'America/New_York', 'UTC', '+02:00/US']) {
      expect(refusal(sundays(17, '-05:00/EU'), { zone })).toMatchObject({
        code: 'CLOCK_MISMATCH',
        expected: '-05:00/EU, which fits',
        next: expect.stringContaining('--timezone -05:00/EU') as string,
      });
      expect(check(sundays(17, '-05:00/EU'), { zone, trusted: true })).toMatchObject({
        timezone: zone,
        checked: false,
      });
    }
    expect(refusal(sundays(18, '-05:00/EU'), { zone: '-04:00/EU', symbol: 'XAUUSD' }).expected).toContain('-05:00/EU');
  });

  it('is the usual one of the maker, unchecked, for a trusted file without a named zone', () => {
    const nowhere = sundays(20, 'UTC').map((open, week) => open + (week % 5) * HOUR_S);
    expect(refusal(nowhere, {}).code).toBe('CLOCK_MISMATCH');
    expect(check(nowhere, { trusted: true }).checked).toBe(false);
    expect(check(sundays(17, '-05:00/US'), { trusted: true })).toMatchObject({ timezone: '-05:00/US', checked: false });
  });

  it('cannot be checked in a file with fewer than two openings, or for an instrument whose start of week is unknown', () => {
    expect(check(sundays(17, '-05:00/EU', 1), { zone: 'UTC' })).toMatchObject({ timezone: 'UTC', checked: false });
    const mondays = sundays(20, 'UTC').map((open) => open + 9 * HOUR_S);
    expect(check(mondays, { symbol: 'JP225', zone: 'UTC' })).toMatchObject({ timezone: 'UTC', checked: false });
  });
});

describe('the openings of real weeks', () => {
  it.skipIf(m1 === null)(
    `determine the clock of HistData in 2019, and no other, for every instrument${skipNote(m1)}`,
    { timeout: 120_000 },
    async () => {
      for (const symbol of ['AUDNZD', 'BCOUSD', 'EURUSD', 'NSXUSD', 'SPXUSD', 'USDCHF', 'USDJPY', 'XAGUSD', 'XAUUSD']) {
        const { time, length } = await readBarFile(join(m1!, `${symbol}.csv.gz`));
        const opensOn = (zone: string): number[] => {
          const opens: number[] = [];
          for (let i = 1; i < length; i++)
            if (time[i]! - time[i - 1]! >= WEEKEND_S) opens.push(onClock(time[i]!, zone));
          return opens;
        };
        const raw = opensOn('-05:00/EU');
        expect(check(raw, { symbol }), symbol).toMatchObject({ timezone: '-05:00/EU', checked: true });
        for (const zone of ['-05:00', 'America/New_York', 'UTC'])
          expect(refusal(raw, { symbol, zone }).expected, `${symbol} ${zone}`).toBe('-05:00/EU, which fits');
        const broker = opensOn('+02:00/US');
        expect(check(broker, { symbol, layout: 'metatrader' }), symbol).toMatchObject({
          timezone: '+02:00/US',
          checked: true,
        });
        expect(refusal(broker, { symbol, layout: 'metatrader', zone: 'Europe/Athens' }).expected).toContain(
          '+02:00/US',
        );
      }
    },
  );
});
