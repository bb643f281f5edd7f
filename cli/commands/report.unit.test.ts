import { expect, it } from 'vitest';
import { periodLine, reportedPeriod } from './report.ts';

const NOW_MS = Date.UTC(2026, 10, 20, 8, 26, 0, 500);
const secondsOf = (text: string): number => Date.parse(text) / 1000;

it('reports the last seven days up to now, where no day is given', () => {
  expect(reportedPeriod({}, NOW_MS)).toEqual({
    from: secondsOf('2026-11-13T08:26:01Z'),
    to: secondsOf('2026-11-20T08:26:01Z'),
  });
});

it('takes either end alone, and refuses an empty period', () => {
  expect(reportedPeriod({ from: '2026-11-01' }, NOW_MS).from).toBe(secondsOf('2026-11-01T00:00:00Z'));
  expect(reportedPeriod({ to: '2026-11-08' }, NOW_MS)).toEqual({
    from: secondsOf('2026-11-01T00:00:00Z'),
    to: secondsOf('2026-11-08T00:00:00Z'),
  });
  expect(() => reportedPeriod({ from: '2026-12-01' }, NOW_MS)).toThrow(/before now/);
});

it('is named with its clock: days of a simulated market are none of the wall clock', () => {
  const period = { from: '2026-11-22T12:18:30.000Z', to: '2026-11-29T12:18:30.000Z' };
  expect(periodLine({ ...period, market: 'live' })).toBe('Period: 2026-11-22 12:18 to 2026-11-29 12:18 UTC.');
  expect(periodLine({ ...period, market: 'simulated' })).toContain('not days of the simulated market');
});
