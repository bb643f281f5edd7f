import { expect, it } from 'vitest';
import { CALM_BAR, historyOf, type HistoryBar } from '../dataset/pair_history.fixture.ts';
import type { PairHistory } from '../dataset/pair_history.ts';
import { resultOf } from './result.ts';

const BARRIERS = { z_entry: 2, z_exit: 0.5, stop: 1.5, horizon: 5 };

/** z of each bar in hundredths of a standard deviation of 0.01; every bar opens 0.1 σ above the close before. */
function pathOf(...z: number[]): PairHistory {
  return historyOf(
    z.map((own, i): HistoryBar => ({
      ...CALM_BAR,
      lnA: own / 100,
      zStd: 0.01,
      lnOpenA: ((z[i - 1] ?? 0) + 0.1) / 100,
    })),
  );
}

it('the result of a candidate is its way between the opens after both decisions, in standard deviations', () => {
  const won = resultOf(pathOf(2, 1.2, 0.4, 0.9), 0, BARRIERS);
  expect(won).toEqual({ sigmas: expect.closeTo(2.1 - 0.5, 9), end: 3 });
  const below = resultOf(pathOf(-2, -1.2, -0.4, -0.9), 0, BARRIERS);
  expect(below).toEqual({ sigmas: expect.closeTo(-0.3 - -1.9, 9), end: 3 });
  const stopped = resultOf(pathOf(0, 2, 3.6, 5), 1, BARRIERS);
  expect(stopped).toEqual({ sigmas: expect.closeTo(2.1 - 3.7, 9), end: 3 });
});

it('the way of leg B counts by the hedge ratio at the entry', () => {
  const bars = [2, 1.2, 0.4, 0.9].map((z, i): HistoryBar => ({
    ...CALM_BAR,
    lnA: z / 100 + i,
    beta: 2,
    lnB: i / 2,
    zStd: 0.01,
    minutes: 1,
  }));
  // Opens at the closes before: A moves from 2 to 0.4 σ and by 2; B by 1, twice.
  expect(resultOf(historyOf(bars), 0, BARRIERS)!.sigmas).toBeCloseTo(1.6, 9);
});

it('there is no result when the data ends before the exit is decided, or filled', () => {
  expect(resultOf(pathOf(2, 1.2, 1.2, 1.2), 0, BARRIERS)).toBeNull();
  expect(resultOf(pathOf(2, 1.2, 0.4), 0, BARRIERS)).toBeNull();
  expect(resultOf(pathOf(2, 1.2, 0.4, 0), 0, BARRIERS)).not.toBeNull();
});
