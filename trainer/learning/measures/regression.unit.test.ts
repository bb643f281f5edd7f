import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mae, pinball, r2, rmse } from './regression.ts';

const value = fc.double({ min: -1000, max: 1000, noNaN: true });
const table = fc.array(fc.record({ p: value, y: value, copies: fc.integer({ min: 0, max: 3 }) }), {
  minLength: 1,
  maxLength: 40,
});
const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;

describe('rmse, mae, r2 and pinball', () => {
  it('match their definitions, a row of weight n counting n times', () => {
    fc.assert(
      fc.property(table, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (rows, quantile) => {
        const all = rows.flatMap(({ p, y, copies }) => new Array(copies).fill({ p, y }) as { p: number; y: number }[]);
        const p = rows.map((r) => r.p);
        const y = rows.map((r) => r.y);
        const w = rows.map((r) => r.copies);
        if (all.length === 0) {
          expect([rmse(p, y, w), mae(p, y, w), pinball([], [], quantile)]).toEqual([NaN, NaN, NaN]);
          expect(r2(p, y, w)).toBeNull();
          return;
        }
        const squared = mean(all.map((r) => (r.p - r.y) ** 2));
        expect(rmse(p, y, w)).toBeCloseTo(Math.sqrt(squared), 8);
        expect(mae(p, y, w)).toBeCloseTo(mean(all.map((r) => Math.abs(r.p - r.y))), 8);
        const cost = (r: { p: number; y: number }): number =>
          Math.max(quantile * (r.y - r.p), (quantile - 1) * (r.y - r.p));
        expect(pinball(p, y, quantile)).toBeCloseTo(mean(rows.map(cost)), 8);
        const center = mean(all.map((r) => r.y));
        const variance = mean(all.map((r) => (r.y - center) ** 2));
        if (variance > 1e-6) expect(r2(p, y, w)! * variance).toBeCloseTo(variance - squared, 4);
      }),
    );
  });

  it('is 0 for the mean of the targets, 1 for the targets themselves, and undefined for constant targets', () => {
    expect(r2([2, 2, 2], [1, 2, 3])).toBe(0);
    expect(r2([1, 2, 3], [1, 2, 3])).toBe(1);
    expect(r2([3, 2, 1], [1, 2, 3])).toBe(-3);
    expect(r2([1, 2], [5, 5])).toBeNull();
  });

  it('is lowest at the quantile', () => {
    const targets = Array.from({ length: 100 }, (_, i) => i + 1);
    const costs = targets.map((t) => pinball(new Array<number>(100).fill(t), targets, 0.9));
    expect(costs.indexOf(Math.min(...costs)) + 1).toBeCloseTo(90, -1);
    expect(() => pinball([1], [1], 1)).toThrow(/quantile is 1/);
    expect(() => pinball([1], [1], 0)).toThrow(new RangeError('quantile is 0, expected a number in (0, 1)'));
    expect(() => rmse([1], [])).toThrow(/lengths/);
  });
});
