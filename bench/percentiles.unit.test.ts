import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { percentiles } from './percentiles.ts';
import { slope } from './slope.ts';

describe('percentiles', () => {
  it('are values of the sample, with at least their share of it at or below them', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 300 }), (values) => {
        const { count, p50, p99, p999, max } = percentiles(values);
        expect(count).toBe(values.length);
        expect(max === Math.max(...values)).toBe(true);
        for (const [value, share] of [
          [p50, 0.5],
          [p99, 0.99],
          [p999, 0.999],
        ] as const) {
          expect(values.some((one) => one === value)).toBe(true);
          expect(values.filter((one) => one <= value).length / values.length).toBeGreaterThanOrEqual(share - 1e-12);
          // And it is the smallest such value.
          expect(values.filter((one) => one < value).length / values.length).toBeLessThan(share + 1e-12);
        }
      }),
    );
  });

  it('are NaN without values', () => {
    expect(percentiles([])).toEqual({ count: 0, p50: NaN, p99: NaN, p999: NaN, max: NaN });
  });
});

describe('slope', () => {
  it('is that of points on a line', () => {
    expect(slope([0, 1, 2, 5].map((x) => ({ x, y: 3 - 2 * x })))).toBeCloseTo(-2, 12);
  });

  it('minimizes the sum of squared distances', () => {
    const points = fc.record({
      x: fc.double({ min: -9, max: 9, noNaN: true }),
      y: fc.double({ min: -9, max: 9, noNaN: true }),
    });
    const loss = (data: readonly { x: number; y: number }[], tilt: number): number => {
      const residuals = data.map(({ x, y }) => y - tilt * x);
      const mean = residuals.reduce((sum, one) => sum + one, 0) / data.length;
      return residuals.reduce((sum, one) => sum + (one - mean) ** 2, 0);
    };
    fc.assert(
      fc.property(fc.array(points, { minLength: 2, maxLength: 20 }), (data) => {
        const best = slope(data);
        fc.pre(Math.abs(best) < 1e3);
        for (const other of [best - 0.1, best + 0.1])
          expect(loss(data, best)).toBeLessThanOrEqual(loss(data, other) + 1e-9);
      }),
    );
  });

  it('is not determined by points at the same x', () => {
    expect(
      slope([
        { x: 1, y: 1 },
        { x: 1, y: 2 },
      ]),
    ).toBeNaN();
    expect(slope([])).toBeNaN();
  });
});
