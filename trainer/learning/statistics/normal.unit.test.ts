import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalBetween, normalCdf, normalDensity, normalQuantile } from './normal.ts';

/** Simpson's rule with fine steps: slow and simple. */
function integral(from: number, to: number): number {
  const steps = 20_000;
  const width = (to - from) / steps;
  let sum = normalDensity(from) + normalDensity(to);
  for (let i = 1; i < steps; i++) sum += normalDensity(from + i * width) * (i % 2 === 0 ? 2 : 4);
  return (sum * width) / 3;
}

describe('normalCdf', () => {
  it('is the tabled value', () => {
    expect(normalCdf(0)).toBe(0.5);
    expect(normalCdf(1)).toBeCloseTo(0.8413447460685429, 14);
    expect(normalCdf(-1.959963984540054)).toBeCloseTo(0.025, 14);
    // Tails: relative digits.
    expect(normalCdf(-5) / 2.866515718791939e-7).toBeCloseTo(1, 12);
    expect(normalCdf(-10) / 7.619853024160527e-24).toBeCloseTo(1, 12);
    expect(normalCdf(-37) / 5.725571222524577e-300).toBeCloseTo(1, 11);
    expect(normalCdf(Infinity)).toBe(1);
    expect(normalCdf(-Infinity)).toBe(0);
    expect(normalCdf(NaN)).toBeNaN();
  });

  it('is the integral of the density', () => {
    for (const x of [-4, -3, -2.9, -1, 0.3, 2.5, 3, 3.1, 6]) expect(normalCdf(x)).toBeCloseTo(integral(-12, x), 12);
  });

  it('never falls', () => {
    const x = fc.double({ min: -40, max: 40, noNaN: true });
    // Neighbors may differ in the last bits by rounding.
    fc.assert(fc.property(x, x, (a, b) => normalCdf(Math.min(a, b)) <= normalCdf(Math.max(a, b)) * (1 + 1e-13)));
  });
});

describe('normalBetween', () => {
  it('keeps its digits in both tails', () => {
    expect(normalBetween(9, 10)).toBe(normalBetween(-10, -9));
    expect(normalBetween(9, 10) / 1.1285122e-19).toBeCloseTo(1, 6);
    expect(normalBetween(-1, 1)).toBeCloseTo(0.6826894921370859, 13);
  });
});

describe('normalQuantile', () => {
  it('is the inverse of the distribution, far into the tails', () => {
    const exponent = fc.double({ min: -250, max: -0.31, noNaN: true });
    fc.assert(
      fc.property(exponent, fc.boolean(), (e, isUpper) => {
        const p = 10 ** e;
        const x = normalQuantile(isUpper ? 1 - p : p);
        // 1 − p loses p by rounding; then the quantile of 1 − p is compared.
        return isUpper ? Math.abs(normalCdf(-x) - (1 - (1 - p))) <= 1e-12 : Math.abs(normalCdf(x) / p - 1) < 1e-10;
      }),
    );
    expect(normalQuantile(0.5)).toBe(-0);
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 12);
    expect(normalQuantile(0)).toBe(-Infinity);
    expect(normalQuantile(1)).toBe(Infinity);
    expect(normalQuantile(1.1)).toBeNaN();
  });
});
