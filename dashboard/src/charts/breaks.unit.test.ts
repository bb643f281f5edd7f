import { describe, expect, it } from 'vitest';
import { brokenLines } from './breaks.ts';

const week = (step: number, bars: number, weeks: number): number[] =>
  Array.from({ length: weeks }, (_, i) => i).flatMap((i) =>
    Array.from({ length: bars }, (_, bar) => 604_800 * i + step * bar),
  );

describe('lines of bars', () => {
  it.each([
    ['minutes', 60, 7200],
    ['hours', 3600, 120],
    ['four hours', 14_400, 30],
  ])('of %s are broken over weekends, by one row without a value', (_name, step, bars) => {
    const times = week(step, bars, 3);
    const { times: rows, series } = brokenLines(times, [times.map((_time, i) => i)]);
    expect(rows.length).toBe(times.length + 2);
    expect([...rows].sort((a, b) => a - b)).toEqual(rows);
    expect(series[0]!.flatMap((value, i) => (value === null ? [rows[i]] : []))).toEqual([
      step * bars,
      604_800 + step * bars,
    ]);
    expect(series[0]!.filter((value) => value !== null)).toEqual(times.map((_time, i) => i));
  });

  it('of days are not broken over weekends, nor those of minutes over a pause of half an hour', () => {
    const days = week(86_400, 5, 4);
    expect(brokenLines(days, [])).toEqual({ times: days, series: [] });
    const paused = [0, 60, 120, 1920, 1980, 2040];
    expect(brokenLines(paused, []).times).toBe(paused);
    expect(brokenLines([], [[]])).toEqual({ times: [], series: [[]] });
  });
});
