import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { meanRun, quantileOf, resampledMeans } from './block_bootstrap.ts';

function autoregression(n: number, memory: number, mean: number, seed: string): Float64Array {
  const rng = createRng(seed);
  let state = 0;
  return Float64Array.from({ length: n }, () => mean + (state = memory * state + rng.normal()));
}

const ones = (n: number): Float64Array => new Float64Array(n).fill(1);

function varianceOf(values: ArrayLike<number>): number {
  const n = values.length;
  const mean = Array.from(values).reduce((sum, value) => sum + value, 0) / n;
  return Array.from(values).reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
}

/** Exact variance of the mean of a stationary bootstrap: Politis & Romano 1994, lemma 1, circular covariances. */
function exactVariance(values: Float64Array, jump: number): number {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const covariance = (lag: number): number =>
    values.reduce((sum, value, i) => sum + (value - mean) * (values[(i + lag) % n]! - mean), 0) / n;
  let sum = covariance(0);
  for (let lag = 1; lag < n; lag++) sum += 2 * (1 - lag / n) * (1 - jump) ** lag * covariance(lag);
  return sum / n;
}

describe('the stationary bootstrap', () => {
  it('has the variance that the exact formula gives', () => {
    for (const [n, memory] of [
      [12, 0],
      [60, 0.7],
      [200, -0.4],
    ] as const) {
      const values = autoregression(n, memory, 1, `series ${n}`);
      const means = resampledMeans({ sum: values, count: ones(n) }, `draws ${n}`, 40_000);
      expect(varianceOf(means) / exactVariance(values, 1 / meanRun(n))).toBeCloseTo(1, 1);
    }
  });

  it('weighs days by their trades, and days without one by none', () => {
    const means = resampledMeans({ sum: [6, 0, 0, -3], count: [3, 0, 0, 1] }, 'few', 4000);
    for (const mean of means) expect(mean).toBeGreaterThanOrEqual(-3);
    for (const mean of means) expect(mean).toBeLessThanOrEqual(2);
    expect(means.length).toBeLessThan(4000);
    expect(quantileOf(resampledMeans({ sum: [0], count: [0] }, 'none'), 0.05)).toBeNull();
  });

  it('has the true mean in its 90 % interval about nine times in ten', () => {
    let held = 0;
    for (let world = 0; world < 200; world++) {
      const values = autoregression(150, 0.3, 2, `world ${world}`);
      const means = resampledMeans({ sum: values, count: ones(150) }, `resample ${world}`, 400);
      if (quantileOf(means, 0.05)! < 2 && quantileOf(means, 0.95)! > 2) held++;
    }
    expect(held).toBeGreaterThan(160);
    expect(held).toBeLessThan(195);
  });
});
