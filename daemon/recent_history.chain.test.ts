import { describe, expect, it } from 'vitest';
import { RecentHistory } from './recent_history.ts';

const IN_2019 = Date.UTC(2019, 6, 1) / 1000;
const IN_2026 = Date.UTC(2026, 6, 1) / 1000;
const DAY_S = 86_400;

describe('the recent history of a subject', () => {
  it('begins again after years without a bar: bars of 2019 and one of 2026 are one bar', () => {
    const history = new RecentHistory([60, 60]);
    for (let i = 0; i < 5000; i++) history.note(0, IN_2019 + 60 * i);
    expect(history.barsOf(0)).toBe(5000);
    history.note(0, IN_2026);
    expect([history.barsOf(0), history.barsOf(1)]).toEqual([1, 0]);
    for (let i = 1; i < 300; i++) history.note(0, IN_2026 + 60 * i);
    expect(history.barsOf(0)).toBe(300);
  });

  it('continues over weekends, holidays, and the pauses of longer bars', () => {
    const history = new RecentHistory([60, 7 * DAY_S]);
    for (const days of [0, 2, 6.9]) history.note(0, IN_2019 + days * DAY_S);
    for (const weeks of [0, 1, 4]) history.note(1, IN_2019 + weeks * 7 * DAY_S);
    expect([history.barsOf(0), history.barsOf(1)]).toEqual([3, 3]);
  });
});
