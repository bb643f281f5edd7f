import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { adfTest, engleGranger, mackinnonP, type AdfTest } from './engle_granger.ts';
import { holm } from '../statistics/holm.ts';

/** AR(1) with this coefficient. */
function autoregression(n: number, memory: number, seed: string): Float64Array {
  const rng = createRng(seed);
  let state = 0;
  return Float64Array.from({ length: n }, () => (state = memory * state + rng.normal()));
}

const walk = (n: number, seed: string): Float64Array => autoregression(n, 1, seed);

/** Least squares by a design matrix, row by row, and Gauss & Jordan. */
function regress(rows: readonly (readonly number[])[], y: readonly number[]) {
  const width = rows[0]!.length;
  const augmented = Array.from({ length: width }, (_, i) => [
    ...Array.from({ length: width }, (_, j) => rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
    ...Array.from({ length: width }, (_, j) => (i === j ? 1 : 0)),
    rows.reduce((sum, row, t) => sum + row[i]! * y[t]!, 0),
  ]);
  for (let i = 0; i < width; i++) {
    const pivot = augmented[i]![i]!;
    augmented[i] = augmented[i]!.map((value) => value / pivot);
    for (let k = 0; k < width; k++) {
      if (k === i) continue;
      const factor = augmented[k]![i]!;
      augmented[k] = augmented[k]!.map((value, j) => value - factor * augmented[i]![j]!);
    }
  }
  const coefficients = augmented.map((row) => row.at(-1)!);
  const left = y.reduce(
    (sum, value, t) => sum + (value - rows[t]!.reduce((s, x, i) => s + x * coefficients[i]!, 0)) ** 2,
    0,
  );
  return { left, t: coefficients[0]! / Math.sqrt((left / (y.length - width)) * augmented[0]![width]!) };
}

function adfOracle(u: Float64Array, maxLags: number): AdfTest {
  const design = (lags: number, first: number) => {
    const at = Array.from({ length: u.length - first }, (_, i) => first + i);
    const change = (t: number): number => u[t]! - u[t - 1]!;
    const rows = at.map((t) => [u[t - 1]!, ...Array.from({ length: lags }, (_, i) => change(t - 1 - i))]);
    return regress(rows, at.map(change));
  };
  let lags = 0;
  let best = Infinity;
  for (let lag = 0; lag <= maxLags; lag++) {
    const rows = u.length - maxLags - 1;
    const aic = rows * Math.log(design(lag, maxLags + 1).left / rows) + 2 * (lag + 1);
    if (aic < best) {
      lags = lag;
      best = aic;
    }
  }
  return { tau: design(lags, lags + 1).t, lags, rows: u.length - lags - 1 };
}

describe('the augmented Dickey-Fuller test', () => {
  it('equals a regression with an explicit design matrix', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 60, max: 160 }),
        fc.double({ min: -0.5, max: 1.02, noNaN: true }),
        fc.integer({ min: 0, max: 8 }),
        fc.string(),
        (n, memory, maxLags, seed) => {
          const u = autoregression(n, memory, seed);
          const own = adfTest(u, maxLags)!;
          const slow = adfOracle(u, maxLags);
          expect(own.lags).toBe(slow.lags);
          expect(own.rows).toBe(slow.rows);
          expect(own.tau).toBeCloseTo(slow.tau, 6);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('MacKinnon’s p-values', () => {
  it('are 1, 5 and 10 % at the published critical values for two variables', () => {
    // MacKinnon, Critical values for cointegration tests, 2010, table 2, constant, infinite sample.
    expect(mackinnonP(-3.89644)).toBeCloseTo(0.01, 3);
    expect(mackinnonP(-3.33613)).toBeCloseTo(0.05, 3);
    expect(mackinnonP(-3.04445)).toBeCloseTo(0.1, 3);
  });

  it('ascend with tau from 0 to 1', () => {
    expect([mackinnonP(-40), mackinnonP(5)]).toEqual([0, 1]);
    for (let tau = -18; tau < 0.9; tau += 0.1) expect(mackinnonP(tau + 0.1)).toBeGreaterThan(mackinnonP(tau) - 2e-3);
  });
});

describe('Engle and Granger’s test', () => {
  it('finds a planted relation with its slope and half-life', () => {
    const x = walk(2000, 'x');
    const noise = autoregression(2000, 0.9, 'noise');
    const found = engleGranger(
      x.map((value, i) => 3 + 1.7 * value + noise[i]!),
      x,
    )!;
    expect(found.p).toBeLessThan(1e-6);
    expect(found.beta).toBeCloseTo(1.7, 1);
    expect(found.halfLifeBars).toBeGreaterThan(4);
    expect(found.halfLifeBars).toBeLessThan(9);
  });

  it('is null for few values and for constant ones', () => {
    const x = walk(200, 'x');
    expect(engleGranger(x.slice(0, 40), x.slice(0, 40))).toBeNull();
    expect(engleGranger(x, new Float64Array(200).fill(1))).toBeNull();
    expect(
      engleGranger(
        x.map((value) => 2 * value + 1),
        x,
      ),
    ).toBeNull();
  });

  it('calls few families of independent walks cointegrated, as few as the level allows', () => {
    const WORLDS = 100;
    let families = 0;
    for (let world = 0; world < WORLDS; world++) {
      const walks = [0, 1, 2, 3].map((i) => walk(250, `${world}/${i}`));
      const ps = walks.flatMap((y, i) => walks.slice(i + 1).map((x) => engleGranger(y, x)!.p));
      if (holm(ps).some((p) => p <= 0.05)) families++;
    }
    // Binomial, 5 %: 11 or more in 1.1 % of the cases.
    expect(families).toBeLessThan(11);
  });
});
