import { describe, expect, it } from 'vitest';
import { recentBars, RecentHistory } from './recent_history.ts';

const IN_2019 = Date.UTC(2019, 6, 1) / 1000;
const IN_2026 = Date.UTC(2026, 6, 1) / 1000;
const DAY_S = 86_400;

describe('the recent history of a subject', () => {
  it('begins again after years without a bar: bars of 2019 and one of 2026 are one bar', () => {
    const history = new RecentHistory([60, 60]);
    for (let i = 0; i < 5000; i++) history.note(0, { time: IN_2019 + 60 * i });
    expect(history.barsOf(0)).toBe(5000);
    history.note(0, { time: IN_2026 });
    expect([history.barsOf(0), history.barsOf(1)]).toEqual([1, 0]);
    for (let i = 1; i < 300; i++) history.note(0, { time: IN_2026 + 60 * i });
    expect(history.barsOf(0)).toBe(300);
  });

  it('continues over weekends, holidays, and the pauses of longer bars', () => {
    const history = new RecentHistory([60, 7 * DAY_S]);
    for (const days of [0, 2, 6.9]) history.note(0, { time: IN_2019 + days * DAY_S });
    for (const weeks of [0, 1, 4]) history.note(1, { time: IN_2019 + weeks * 7 * DAY_S });
    expect([history.barsOf(0), history.barsOf(1)]).toEqual([3, 3]);
  });
});

describe('the recent history of stored bars', () => {
  const minutes = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + 60 * i);

  it('is as the daemon counts it: bars of 2019 and one of 2026 are one bar', () => {
    const old = minutes(IN_2019, 5000);
    expect(recentBars([...old, IN_2026], null)).toEqual({ bars: 1, from: IN_2026, before: old.at(-1) });
    for (const times of [
      old,
      [...old, ...minutes(IN_2026, 300)],
      [0, 2, 6.9, 12].map((day) => IN_2019 + day * DAY_S),
    ]) {
      const counted = new RecentHistory([60]);
      for (const time of times) counted.note(0, { time });
      expect(recentBars(times, null).bars).toBe(counted.barsOf(0));
    }
  });

  it('leads up to now where there is a now', () => {
    const old = minutes(IN_2019, 5000);
    expect(recentBars(old, IN_2019 + 5 * DAY_S)).toEqual({ bars: 5000, from: IN_2019, before: null });
    expect(recentBars(old, IN_2026)).toEqual({ bars: 0, from: null, before: old.at(-1) });
    expect(recentBars([], IN_2026)).toEqual({ bars: 0, from: null, before: null });
  });
});
