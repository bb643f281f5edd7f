import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../bar.ts';
import { columnsOf } from './bar_file.ts';
import { checkClock } from './clock_check.ts';

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
/** Sunday, January 6, 2019, 22:00 UTC: 17:00 in New York. */
const OPENING = Date.UTC(2019, 0, 6, 22) / 1000;

/** Four weeks of five days, whose bars begin `late` seconds after the opening. */
function weeksOf(barSeconds: number, late: number) {
  const perWeek = (5 * DAY_S) / barSeconds;
  const times = Array.from({ length: 4 * perWeek }, (_, i) => {
    const week = Math.floor(i / perWeek);
    return OPENING + late + week * 7 * DAY_S + (i % perWeek) * barSeconds;
  });
  const numbers = { symbol: 'EURUSD', open: 1, high: 1, low: 1, close: 1, volume: 0 };
  return columnsOf(
    'EURUSD',
    times.map((time) => ({ ...numbers, time: time as OpenTime })),
  );
}

describe('the clock of bars', () => {
  it('is suspect where their weeks open at an hour before New York’s', () => {
    expect(checkClock(weeksOf(HOUR_S, 0)).suspect).toBe(false);
    expect(checkClock(weeksOf(HOUR_S, -2 * HOUR_S)).suspect).toBe(true);
  });

  it('is not shown by bars longer than an hour, which begin before the week does', () => {
    for (const barSeconds of [4 * HOUR_S, DAY_S]) {
      expect(checkClock(weeksOf(barSeconds, -2 * HOUR_S)).suspect).toBe(false);
    }
  });
});
