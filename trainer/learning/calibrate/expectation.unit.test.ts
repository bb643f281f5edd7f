import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { earnedSigmas, expectedNetBps, promisedSigmas } from '../../../shared/core/cost/expected_net.ts';
import { createRng } from '../../../shared/rng.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { CALM_BAR, historyOf } from '../history/pair_history.fixture.ts';
import { fittedTrees } from '../learners/trees/fitted_trees.ts';
import { calibrateExpectation, fitExpectation } from './expectation.ts';

const POLICY = { z_entry: 2, z_exit: 0.5, stop: 1.5, max_age_bars: 60 };
const COSTS = { spread_bps: 1, commission_bps: 0.2, slippage_bps: 0.1 };
const MARKET = { z: -3, alpha: 0, beta: -1, zMean: 0, zStd: 4e-4, lnA: 0, lnB: 0 };

describe('the expected result', () => {
  it('equals a computation by hand: distance to target or stop, minus two fills', () => {
    // 0.8 · 2.5 − 0.2 · 1.5 = 1.7 σ; σ = 4 bp over both legs = 2 bp; two fills cost 2 · 0.8 bp.
    expect(promisedSigmas(-3, 0.8, POLICY)).toBeCloseTo(1.7, 12);
    expect(expectedNetBps(MARKET, 0.8, POLICY, null, { a: COSTS, b: COSTS }, 0)).toBeCloseTo(1.7 * 2 - 1.6, 12);
    const expectation = { promised: [1, 2], earned: [0, 0.5] };
    expect(expectedNetBps(MARKET, 0.8, POLICY, expectation, { a: COSTS, b: COSTS }, 0)).toBeCloseTo(0.7 - 1.6, 12);
  });

  it('does not exist for a bar that is no candidate', () => {
    expect(expectedNetBps({ ...MARKET, z: 1.99 }, 0.8, POLICY, null, { a: COSTS, b: COSTS }, 0)).toBeNaN();
    expect(expectedNetBps({ ...MARKET, z: NaN }, 0.8, POLICY, null, { a: COSTS, b: COSTS }, 0)).toBeNaN();
  });
});

describe('its calibration', () => {
  it('ascends, preserves the mean result, and is constant beyond its ends', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 900 }), fc.string(), (rows, seed) => {
        const rng = createRng(seed);
        const promised = Float64Array.from({ length: rows }, () => rng.normal());
        const earned = promised.map((value) => 0.1 * value + rng.normal());
        const { promised: at, earned: means } = fitExpectation({ promised, earned })!;
        for (let i = 1; i < at.length; i++) {
          expect(at[i]).toBeGreaterThan(at[i - 1]!);
          expect(means[i]).toBeGreaterThan(means[i - 1]!);
        }
        expect(earnedSigmas({ promised: at, earned: means }, -99)).toBe(means[0]);
        expect(earnedSigmas({ promised: at, earned: means }, 99)).toBe(means.at(-1));
      }),
      { numRuns: 100, seed: 5 },
    );
  });

  it('finds a planted relation, and a single bin if the prediction carries no information', () => {
    const rng = createRng('planted');
    const promised = Float64Array.from({ length: 20_000 }, () => 2 * rng.uniform() - 1);
    const earned = promised.map((value) => 0.3 * value - 0.1 + 0.5 * rng.normal());
    const found = fitExpectation({ promised, earned })!;
    for (const value of [-0.8, -0.2, 0, 0.4, 0.85])
      expect(earnedSigmas(found, value)).toBeCloseTo(0.3 * value - 0.1, 1);
    const opposite = fitExpectation({ promised, earned: earned.map((value) => -value) })!;
    expect(opposite.promised).toHaveLength(1);
  });

  it('needs a hundred candidates', () => {
    const some = Float64Array.from({ length: 99 }, (_, i) => i);
    expect(fitExpectation({ promised: some, earned: some })).toBeNull();
  });

  it('has up to ten bins of equal size, and pools those that descend', () => {
    const fitOf = (rows: number, earnedBy: (row: number) => number, promisedBy = (row: number): number => row) =>
      fitExpectation({
        // In descending order, which does not matter.
        promised: Float64Array.from({ length: rows }, (_, i) => promisedBy(rows - 1 - i)),
        earned: Float64Array.from({ length: rows }, (_, i) => earnedBy(rows - 1 - i)),
      });
    const byFifty =
      (...means: number[]) =>
      (row: number): number =>
        means[Math.floor(row / 50)]!;
    expect(fitOf(100, byFifty(0, 1))).toEqual({ promised: [24.5, 74.5], earned: [0, 1] });
    expect(fitOf(150, byFifty(0, 2, 1))).toEqual({ promised: [24.5, 99.5], earned: [0, 1.5] });
    expect(fitOf(200, byFifty(3, 2, 1, 4))).toEqual({ promised: [74.5, 174.5], earned: [2, 4] });
    expect(fitOf(150, byFifty(0, 1, 1))).toEqual({ promised: [24.5, 99.5], earned: [0, 1] });
    expect(fitOf(100, byFifty(1, 0), () => 7)).toEqual({ promised: [7], earned: [0.5] });
    const means = Array.from({ length: 10 }, (_, bin) => 100 * bin + 49.5);
    expect(fitOf(1000, (row) => row)).toEqual({ promised: means, earned: means });
  });
});

describe('the candidates of its calibration', () => {
  const settings = tinySettings({ minutehand: { decision: { ...POLICY, max_age_bars: 5 } } });
  /** z of four bars: one of these reverts and earns 1.6 σ, the other is stopped and loses as much. */
  const [REVERTS, STOPS] = [
    [2, 1.2, 0.4, 0],
    [-3, -4.6, 0, 0],
  ] as const;
  const repeated = (z: readonly number[]): number[] => Array.from({ length: 60 }, () => z).flat();
  const history = historyOf(
    [...repeated(REVERTS), ...repeated(STOPS), ...repeated([9, 99, 0, 0]), 3, 3].map((z) => ({
      ...CALM_BAR,
      lnA: z / 1000,
      zStd: 1e-3,
    })),
  );
  const calm = historyOf(Array.from({ length: history.length }, () => CALM_BAR));
  const closeOf = (bar: number): number => history.time[bar]! + 60;
  /** A fold model with one probability for every row. */
  const foldOf = (probability: number, from: number, until: number) => ({
    model: fittedTrees('prior', {
      link: 'identity',
      ensembles: [{ columns: 1, baseScore: probability, trees: [] }],
    }),
    from: closeOf(from),
    until: closeOf(until),
  });

  function calibrated(bars: readonly number[], folds: unknown[], holdoutFrom = Infinity) {
    const x = { rows: bars.length, columns: 1, values: new Float32Array(bars.length) };
    const ai1 = { x, time: Float64Array.from(bars, closeOf), pair: Int32Array.from(bars, () => 1) };
    const dataset = { histories: [calm, history], train: { ai1 }, holdoutFrom };
    return calibrateExpectation(dataset as never, { folds } as never, settings);
  }

  it('are scored by the model of their time; rows that are none, or without a model or a result, are left out', () => {
    const last = history.length - 2;
    const folds = [foldOf(0.75, 0, 240), foldOf(0.25, 240, 480), foldOf(0.5, last, last + 1)];
    const every = Array.from({ length: last + 1 }, (_, bar) => bar);
    const isFirst = (bar: number): boolean => bar % 4 === 0;
    // Bars 1 of the second half are candidates as well: only the first of each four is among its rows.
    const rows = every.filter((bar) => bar < 240 || isFirst(bar));
    expect(calibrated(rows, folds)).toEqual({
      // 0.25 · 2.5 − 0.75 · 1.5 and 0.75 · 1.5 − 0.25 · 1.5
      promised: [expect.closeTo(-0.5, 9), expect.closeTo(0.75, 9)],
      // Leg A moves by 1.6 of its thousandths: from 1.2 down to 0, and from −4.6 to 0 bought or sold.
      earned: [expect.closeTo(-1.6, 2), expect.closeTo(1.6, 2)],
      bars_held: 1.5,
    });
    expect(calibrated(rows.slice(0, 99 * 4), folds.slice(0, 1))).toBeNull();
  });

  it('whose exit is filled in the holdout or later are left out', () => {
    const folds = [foldOf(0.75, 0, 480)];
    const rows = Array.from({ length: 480 }, (_, bar) => bar);
    const result = (bars: readonly number[], holdoutFrom?: number) => calibrated(bars, folds, holdoutFrom);
    // The candidate at bar 396 is stopped at the close of 397 and filled at the open of 398.
    expect(result(rows, history.time[398]!)).toEqual(result(rows.filter((bar) => bar < 396)));
    expect(result(rows, history.time[399]!)).toEqual(result(rows.filter((bar) => bar <= 396)));
    expect(result(rows, history.time[399]!)).not.toEqual(result(rows, history.time[398]!));
  });
});
