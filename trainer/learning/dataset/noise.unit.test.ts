import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { auc } from '../measures/metrics.ts';
import { aucStandardError, rowUniqueness } from './noise.ts';

describe('aucStandardError', () => {
  it('is that of the rank-sum test at ½, and infinite without a class', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 500 }), (p, n) => {
        expect(aucStandardError(0.5, p, n)).toBeCloseTo(Math.sqrt((p + n + 1) / (12 * p * n)), 12);
      }),
    );
    for (const auc of [0.5, 1]) {
      expect(aucStandardError(auc, 0, 10)).toBe(Infinity);
      expect(aucStandardError(auc, 10, 0)).toBe(Infinity);
    }
  });

  it('matches AUCs of independent exponential scores, the assumption of the formula', () => {
    const rng = createRng('exponential');
    for (const odds of [1, 3, 9]) {
      // The mean of positives is `odds` times that of negatives: AUC odds / (1 + odds).
      const found = Array.from({ length: 3000 }, () => {
        const labels = Float64Array.from({ length: 80 }, (_, i) => (i < 30 ? 1 : 0));
        const scores = labels.map((label) => -(label === 1 ? odds : 1) * Math.log(1 - rng.uniform()));
        return auc(scores, labels)!;
      });
      const truth = odds / (1 + odds);
      const spread = Math.sqrt(found.reduce((sum, value) => sum + (value - truth) ** 2, 0) / found.length);
      expect(spread / aucStandardError(truth, 30, 50)).toBeGreaterThan(0.95);
      expect(spread / aucStandardError(truth, 30, 50)).toBeLessThan(1.05);
    }
  });
});

describe('rowUniqueness', () => {
  it('is the mean share of each minute of a label, counted minute by minute, pair by pair', () => {
    const rows = fc.array(
      fc.record({
        start: fc.integer({ min: 0, max: 60 }),
        span: fc.integer({ min: 1, max: 15 }),
        pair: fc.integer({ min: 0, max: 2 }),
      }),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(rows, (list) => {
        const found = rowUniqueness({
          time: Float64Array.from(list, ({ start }) => start * 60),
          labelEnd: Float64Array.from(list, ({ start, span }) => (start + span) * 60),
          pair: Int32Array.from(list, ({ pair }) => pair),
        });
        list.forEach(({ start, span, pair }, row) => {
          let sum = 0;
          for (let minute = start + 1; minute <= start + span; minute++)
            sum += 1 / list.filter((o) => o.pair === pair && minute > o.start && minute <= o.start + o.span).length;
          expect(found[row]).toBeCloseTo(sum / span, 10);
        });
      }),
    );
  });

  it('is 1 for labels that share no minute, half for two that are the same, and counts a label known at once as a minute', () => {
    const pair = Int32Array.of(0, 0, 0);
    expect([
      ...rowUniqueness({ time: Float64Array.of(0, 60, 120), labelEnd: Float64Array.of(60, 120, 180), pair }),
    ]).toEqual([1, 1, 1]);
    expect([
      ...rowUniqueness({ time: Float64Array.of(0, 0, 600), labelEnd: Float64Array.of(300, 300, 660), pair }),
    ]).toEqual([0.5, 0.5, 1]);
    const atOnce = { time: Float64Array.of(0, 0, 60), labelEnd: Float64Array.of(0, 60, 120), pair };
    expect([...rowUniqueness(atOnce)]).toEqual([0.5, 0.5, 1]);
  });
});
