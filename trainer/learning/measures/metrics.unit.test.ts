import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auc, brier, expectedCalibrationError, logLoss, reliability } from './metrics.ts';

const row = fc.record({
  score: fc.oneof(
    fc.integer({ min: 0, max: 6 }).map((k) => k / 6),
    fc.double({ min: 0, max: 1, noNaN: true }),
  ),
  label: fc.constantFrom(0, 1),
  weight: fc.constantFrom(0, 0.5, 1, 2),
});
const rows = fc.array(row, { minLength: 1, maxLength: 60 });

function slowAuc(table: { score: number; label: number; weight: number }[]): number | null {
  let won = 0;
  let pairs = 0;
  for (const p of table) {
    for (const n of table) {
      if (p.label !== 1 || n.label !== 0) continue;
      pairs += p.weight * n.weight;
      won += p.weight * n.weight * (p.score > n.score ? 1 : p.score === n.score ? 0.5 : 0);
    }
  }
  return pairs > 0 ? won / pairs : null;
}

describe('auc', () => {
  it('is the share of positive-negative pairs in the right order, ties half', () => {
    fc.assert(
      fc.property(rows, (table) => {
        const weighted = auc(
          table.map((r) => r.score),
          table.map((r) => r.label),
          table.map((r) => r.weight),
        );
        const plain = auc(
          table.map((r) => r.score),
          table.map((r) => r.label),
        );
        for (const [found, slow] of [
          [weighted, slowAuc(table)],
          [plain, slowAuc(table.map((r) => ({ ...r, weight: 1 })))],
        ] as const) {
          if (slow === null) expect(found).toBeNull();
          else expect(found).toBeCloseTo(slow, 12);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is ½ for a constant score, 1 for a perfect one, and null with one class', () => {
    expect(auc([1, 1, 1], [0, 1, 0])).toBe(0.5);
    expect(auc([0, 1, 2, 3], [0, 0, 1, 1])).toBe(1);
    expect(auc([-Infinity, Infinity], [1, 0])).toBe(0);
    expect(auc([0, 1], [1, 1])).toBeNull();
    expect(auc([0, 1], [0, 1], [1, 0])).toBeNull();
    expect(auc([], [])).toBeNull();
  });

  it('refuses input that cannot be ranked', () => {
    expect(() => auc([NaN, 1], [0, 1])).toThrow(/NaN/);
    expect(() => auc([0, 1], [0, 0.5])).toThrow(/0\.5/);
    expect(() => auc([0, 1], [0])).toThrow(new RangeError('lengths differ: 2, 1'));
    expect(() => auc([0, 1], [0, 1], [1])).toThrow('lengths differ: 2, 2, 1');
    expect(() => auc([0, NaN], [0, 1])).toThrow('score of row 1 is NaN');
    expect(() => auc([0, 1], [0, 2])).toThrow('label 2 of row 1 is not 0 or 1');
  });
});

describe('brier and logLoss', () => {
  it('are the means of their definitions', () => {
    expect(brier([0.9, 0.2], [1, 0])).toBeCloseTo((0.01 + 0.04) / 2, 15);
    expect(logLoss([0.9, 0.2], [1, 0])).toBeCloseTo(-(Math.log(0.9) + Math.log(0.8)) / 2, 14);
    fc.assert(
      fc.property(rows, (table) => {
        const p = table.map((r) => r.score);
        const y = table.map((r) => r.label);
        const clipped = p.map((v) => Math.min(Math.max(v, 1e-15), 1 - 1e-15));
        const losses = clipped.map((v, i) => -Math.log(y[i] === 1 ? v : 1 - v));
        const mean = (list: number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
        expect(logLoss(p, y)).toBeCloseTo(mean(losses), 10);
        expect(brier(p, y)).toBeCloseTo(mean(p.map((v, i) => (v - y[i]!) ** 2)), 12);
      }),
    );
  });

  it('count a row of weight 2 twice', () => {
    expect(brier([0.1, 0.6], [0, 1], [1, 2])).toBeCloseTo(brier([0.1, 0.6, 0.6], [0, 1, 1]), 15);
    expect(logLoss([0.1, 0.6], [0, 1], [1, 2])).toBeCloseTo(logLoss([0.1, 0.6, 0.6], [0, 1, 1]), 15);
  });

  it('stay finite for a certain and wrong answer', () => {
    expect(logLoss([0], [1])).toBeCloseTo(-Math.log(1e-15), 6);
    expect(brier([], [])).toBeNaN();
  });
});

describe('expectedCalibrationError', () => {
  it('is the row-weighted mean gap of equal-width bins', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 20 }), (table, bins) => {
        let slow = 0;
        for (let bin = 0; bin < bins; bin++) {
          const inside = table.filter((r) => Math.min(Math.floor(r.score * bins), bins - 1) === bin);
          if (inside.length === 0) continue;
          const mean = (of: (r: (typeof table)[number]) => number): number =>
            inside.reduce((sum, r) => sum + of(r), 0) / inside.length;
          slow += (inside.length / table.length) * Math.abs(mean((r) => r.score) - mean((r) => r.label));
        }
        const fast = expectedCalibrationError(
          table.map((r) => r.score),
          table.map((r) => r.label),
          bins,
        );
        expect(fast).toBeCloseTo(slow, 12);
      }),
    );
  });

  it('is 0 for frequencies that equal their probabilities and takes 1 into the last bin', () => {
    expect(expectedCalibrationError([0.25, 0.25, 0.25, 0.25, 1], [1, 0, 0, 0, 1])).toBe(0);
    expect(reliability([1, 0.95], [1, 1])[9]).toEqual({ rows: 2, weight: 2, confidence: 0.975, frequency: 1 });
    expect(reliability([1], [1])[0]).toEqual({ rows: 0, weight: 0, confidence: NaN, frequency: NaN });
    expect(() => expectedCalibrationError([1.5], [1])).toThrow('probability 1.5 of row 0 is not in [0, 1]');
    expect(() => expectedCalibrationError([0, -0.1], [1, 1])).toThrow(RangeError);
    expect(() => reliability([0.5], [])).toThrow('lengths differ');
  });

  it('counts a row of weight 2 twice and one of weight 0 not at all', () => {
    const twice = expectedCalibrationError([0.1, 0.6, 0.6], [0, 1, 1]);
    expect(expectedCalibrationError([0.1, 0.6, 0.9], [0, 1, 0], 10, [1, 2, 0])).toBeCloseTo(twice, 15);
    expect(reliability([0.62, 0.68], [1, 0], 10, [3, 1])[6]).toEqual({
      rows: 2,
      weight: 4,
      confidence: (3 * 0.62 + 0.68) / 4,
      frequency: 0.75,
    });
  });
});
