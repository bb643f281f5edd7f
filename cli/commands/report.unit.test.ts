import { expect, it } from 'vitest';
import { periodLine } from '../../trainer/control/report/period_line.ts';
import { reportedPeriod } from './report.ts';

const NOW_MS = Date.UTC(2026, 10, 20, 8, 26);

it('reports the last seven days up to now by the wall clock, where no day is given', () => {
  expect(reportedPeriod({}, NOW_MS)).toEqual({
    isOfMarket: false,
    fromMs: Date.parse('2026-11-13T08:26:00Z'),
    toMs: NOW_MS,
  });
});

it('takes either end alone by the clock of the market, and refuses an empty period', () => {
  const fromMs = Date.parse('2026-11-01T00:00:00Z');
  expect(reportedPeriod({ from: '2026-11-01' }, NOW_MS)).toEqual({ isOfMarket: true, fromMs });
  const toMs = Date.parse('2026-11-08T00:00:00Z');
  expect(reportedPeriod({ to: '2026-11-08' }, NOW_MS)).toEqual({ isOfMarket: true, fromMs, toMs });
  expect(() => reportedPeriod({ from: '2026-12-01' }, NOW_MS)).toThrow(/before now/);
});

it('is named with its clock: days of a simulated market are none of the wall clock', () => {
  const period = { from: '2026-11-22T12:18:30.000Z', to: '2026-11-29T12:18:30.000Z', market_period: null };
  expect(periodLine({ ...period, market: 'live' })).toBe('Period: 2026-11-22 12:18 to 2026-11-29 12:18 UTC.');
  expect(periodLine({ ...period, market: 'simulated' })).toContain('--from and --to take days of the simulated market');
  const market_period = { from: '2024-01-22T00:00:00.000Z', to: null };
  expect(periodLine({ ...period, market: 'simulated', market_period })).toBe(
    'Period: 2024-01-22 00:00 to its newest bar by the clock of the simulated market (published 2026-11-22 12:18 to 2026-11-29 12:18 UTC).',
  );
});
