import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAbsences, weekendSeconds } from './absences.ts';

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
const at = (iso: string): number => Date.parse(`${iso}Z`) / 1000;

/** Minute by minute. */
function weekendSecondsSlowly(from: number, to: number): number {
  let seconds = 0;
  for (let time = from; time < to; time += MINUTE_S) {
    const date = new Date(time * 1000);
    const day = date.getUTCDay();
    const hour = date.getUTCHours();
    if ((day === 5 && hour >= 21) || day === 6 || (day === 0 && hour < 22)) seconds += MINUTE_S;
  }
  return seconds;
}

/** Findings of bars at these times, in this order. */
function findingsOf(times: readonly number[], barSeconds = MINUTE_S, hasWeeks = false) {
  const absences = createAbsences(barSeconds, hasWeeks);
  for (const [index, time] of times.entries()) {
    if (index === 0) continue;
    const before = times[index - 1]!;
    absences.addNeighbors(Math.min(before, time), Math.max(before, time), time > before);
  }
  return absences.findings();
}

/** A bar an hour from Sunday 22:00 to Friday 21:00 UTC, but in these periods. */
function hourlyWeeks(weeks: number, without: readonly (readonly [string, string])[] = []): number[] {
  const first = at('2026-10-04T22:00');
  const isWithout = (time: number): boolean => without.some(([from, to]) => time >= at(from) && time < at(to));
  return Array.from({ length: weeks * 7 * 24 }, (_, hour) => first + hour * HOUR_S).filter(
    (time) => weekendSecondsSlowly(time, time + MINUTE_S) === 0 && !isWithout(time),
  );
}

describe('days of trading without a bar', () => {
  it('are measured without weekends, as minute by minute', () => {
    const minutes = fc.integer({ min: 0, max: 40 * 24 * 60 });
    fc.assert(
      fc.property(minutes, minutes, (begin, length) => {
        const from = at('2026-09-30T00:00') + begin * MINUTE_S;
        const to = from + length * MINUTE_S;
        expect(weekendSeconds(from, to)).toBe(weekendSecondsSlowly(from, to));
      }),
      { numRuns: 60 },
    );
  });

  it('are none in whole weeks, with a holiday, and with a long weekend', () => {
    expect(findingsOf(hourlyWeeks(4), HOUR_S)).toEqual([]);
    const holiday = hourlyWeeks(4, [['2026-10-13T22:00', '2026-10-15T22:00']]);
    expect(findingsOf(holiday, HOUR_S)).toEqual([]);
    const longWeekend = hourlyWeeks(4, [['2026-10-15T22:00', '2026-10-19T22:00']]);
    expect(findingsOf(longWeekend, HOUR_S)).toEqual([]);
  });

  it('are found where half a week is absent, whatever the order of the file', () => {
    const half = hourlyWeeks(4, [['2026-10-13T22:00', '2026-10-19T03:00']]);
    const found = [
      {
        code: 'INCOMPLETE',
        by: 'trading_time',
        values: { days: 3.2, from: at('2026-10-13T22:00'), to: at('2026-10-19T03:00'), absences: 1 },
      },
    ];
    expect(findingsOf(half, HOUR_S)).toEqual(found);
    expect(findingsOf([...half].reverse(), HOUR_S)).toEqual(found);
  });

  it('of a market around the clock are found where half of a week is absent, wherever it begins', () => {
    for (const period of [
      ['2026-10-12T00:00', '2026-10-14T12:00'],
      ['2026-10-13T00:00', '2026-10-15T12:00'],
      ['2026-10-14T12:00', '2026-10-18T23:00'],
    ] as const)
      expect(findingsOf(hourlyWeeks(4, [period]), HOUR_S, true), period[0]).toMatchObject([{ code: 'INCOMPLETE' }]);
    // Christmas from Thursday 18:00 on, and a Monday.
    for (const rest of [
      ['2026-10-15T18:00', '2026-10-18T23:00'],
      ['2026-10-16T18:00', '2026-10-19T23:00'],
    ] as const)
      expect(findingsOf(hourlyWeeks(4, [rest]), HOUR_S, true), rest[0]).toEqual([]);
  });

  it('are not told of rows in no order, nor of daily and weekly bars', () => {
    const half = hourlyWeeks(4, [['2026-10-13T22:00', '2026-10-19T03:00']]);
    expect(findingsOf([half.at(-1)!, ...half], HOUR_S)).toEqual([]);
    const first = at('2026-10-05T00:00');
    const days = Array.from({ length: 60 }, (_, day) => first + day * DAY_S);
    const weekdays = days.filter((time) => ![0, 6].includes(new Date(time * 1000).getUTCDay()));
    expect(findingsOf(weekdays, DAY_S)).toEqual([]);
    const weeks = Array.from({ length: 20 }, (_, week) => first + week * 7 * DAY_S);
    expect(findingsOf(weeks, 7 * DAY_S)).toEqual([]);
  });
});
