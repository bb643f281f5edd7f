import { expect, it } from 'vitest';
import { CALM_BAR, historyOf, type HistoryBar } from '../../../history/pair_history.fixture.ts';
import type { PairHistory } from '../../../history/pair_history.ts';
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
  // Leg A is sold at e^0.021 and bought at e^0.005: half of the notional of a σ of 0.01 / 2.
  expect(won).toEqual({ sigmas: expect.closeTo(100 * (1 - Math.exp(-0.016)), 9), end: 3 });
  const below = resultOf(pathOf(-2, -1.2, -0.4, -0.9), 0, BARRIERS);
  expect(below).toEqual({ sigmas: expect.closeTo(100 * (Math.exp(0.016) - 1), 9), end: 3 });
  const stopped = resultOf(pathOf(0, 2, 3.6, 5), 1, BARRIERS);
  expect(stopped).toEqual({ sigmas: expect.closeTo(100 * (1 - Math.exp(0.016)), 9), end: 3 });
});

it('the way of leg B counts by the hedge ratio at the entry', () => {
  const bars = [2, 1.2, 0.4, 0.9].map((z, i): HistoryBar => ({
    ...CALM_BAR,
    lnA: z / 100 + i / 1000,
    beta: 2,
    lnB: i / 2000,
    zStd: 0.01,
    minutes: 1,
  }));
  // Opens at the closes before: A moves from 2 to 0.4 σ and by 0.002; B by 0.001, twice.
  const earned = 1 - Math.exp(-0.016 + 0.002) + 2 * (Math.exp(0.001) - 1);
  expect(resultOf(historyOf(bars), 0, BARRIERS)!.sigmas).toBeCloseTo(100 * earned, 9);
});

it('there is no result when the data ends before the exit is decided, or filled', () => {
  expect(resultOf(pathOf(2, 1.2, 1.2, 1.2), 0, BARRIERS)).toBeNull();
  expect(resultOf(pathOf(2, 1.2, 0.4), 0, BARRIERS)).toBeNull();
  expect(resultOf(pathOf(2, 1.2, 0.4, 0), 0, BARRIERS)).not.toBeNull();
});
