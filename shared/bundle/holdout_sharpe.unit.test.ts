import { expect, it } from 'vitest';
import { holdoutSharpe, NEEDED_SHARPE_DAYS, sharpeError } from './holdout_sharpe.ts';

it('a ratio of a few days is not shown, one of a quarter with its error', () => {
  const week = { holdout_from: '2024-01-16T07:36:00Z', to: '2024-01-19T21:59:00Z' };
  expect(holdoutSharpe(31.11, week)).toEqual({
    value: null,
    standard_error: null,
    days: 4,
    needed_days: NEEDED_SHARPE_DAYS,
  });
  // January 2 to March 29: 13 weeks without New Year's Day.
  const quarter = holdoutSharpe(2, { holdout_from: '2024-01-02T00:00:00Z', to: '2024-03-29T20:59:00Z' });
  expect(quarter).toEqual({ value: 2, standard_error: sharpeError(2, 64), days: 64, needed_days: NEEDED_SHARPE_DAYS });
  expect(quarter.standard_error).toBeCloseTo(Math.sqrt(252 / 64 + 4 / 128), 10);
});

it('the close of a trading day does not begin another one, and a period without bars has no day', () => {
  const of = (holdout_from: string, to: string) => holdoutSharpe(1, { holdout_from, to }).days;
  expect([
    of('2024-01-18T12:00:00Z', '2024-01-18T22:00:00Z'),
    of('2024-01-18T12:00:00Z', '2024-01-18T22:01:00Z'),
    of('2024-01-18T12:00:00Z', '2024-01-18T12:00:00Z'),
  ]).toEqual([1, 2, 0]);
  expect(holdoutSharpe(null, { holdout_from: '2024-01-02T00:00:00Z', to: '2024-03-29T20:59:00Z' }).value).toBeNull();
});
