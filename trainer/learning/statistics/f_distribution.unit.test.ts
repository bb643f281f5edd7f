import { describe, expect, it } from 'vitest';
import { fQuantile } from './f_distribution.ts';

describe('the 99 % quantile of F', () => {
  // scipy.stats.f.ppf(0.99, above, below), SciPy 1.16.
  it.each([
    [1, 5, 16.25817703983365],
    [1, 9, 10.561431047395374],
    [1.5, 14, 7.365273133269975],
    [2.8, 25, 4.810453921663623],
    [9, 80, 2.6373984307982212],
  ])('of %d and %d degrees of freedom is within 5 %% of the exact one', (above, below, exact) => {
    expect(fQuantile(0.99, above, below) / exact).toBeGreaterThan(0.95);
    expect(fQuantile(0.99, above, below) / exact).toBeLessThan(1.05);
  });

  it('is that of χ² over its degrees of freedom where the denominator is known', () => {
    expect(fQuantile(0.99, 1, Infinity)).toBeCloseTo(6.6349, 0);
    expect(fQuantile(0.99, 9, Infinity)).toBeCloseTo(2.4073, 2);
  });

  it('has no bound where the denominator may be zero', () => {
    expect(fQuantile(0.99, 2, 1)).toBe(Infinity);
  });
});
