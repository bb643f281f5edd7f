import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allPositiveF1,
  balancedWeights,
  bestF1Threshold,
  confusion,
  confusionMetrics,
  rateThreshold,
} from './confusion.ts';

const row = fc.record({
  p: fc.oneof(
    fc.integer({ min: 0, max: 6 }).map((k) => k / 6),
    fc.double({ min: 0, max: 1, noNaN: true }),
  ),
  y: fc.constantFrom(0, 1),
  copies: fc.integer({ min: 0, max: 3 }),
});
const table = fc.array(row, { minLength: 1, maxLength: 50 });
const threshold = fc.oneof(fc.constantFrom(0, 1 / 6, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true }));

/** Rows repeated by their weight, every measure by its textbook definition. */
function obvious(rows: readonly { p: number; y: number; copies: number }[], limit: number) {
  const all = rows.flatMap(({ p, y, copies }) => new Array(copies).fill({ yes: p > limit, so: y === 1 })) as {
    yes: boolean;
    so: boolean;
  }[];
  const count = (is: (r: { yes: boolean; so: boolean }) => boolean): number => all.filter(is).length;
  const ratio = (a: number, b: number): number | null => (b === 0 ? null : a / b);
  const precision = ratio(
    count((r) => r.yes && r.so),
    count((r) => r.yes),
  );
  const recall = ratio(
    count((r) => r.yes && r.so),
    count((r) => r.so),
  );
  const specificity = ratio(
    count((r) => !r.yes && !r.so),
    count((r) => !r.so),
  );
  const negativePrecision = ratio(
    count((r) => !r.yes && !r.so),
    count((r) => !r.yes),
  );
  const f1Of = (side: boolean): number | null =>
    ratio(
      2 * count((r) => r.yes === side && r.so === side),
      count((r) => r.yes === side) + count((r) => r.so === side),
    );
  const both = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : (a + b) / 2);
  const bothNull = precision === null && recall === null;
  const harmonic =
    precision === null || recall === null
      ? 0
      : precision + recall === 0
        ? 0
        : (2 * precision * recall) / (precision + recall);
  // Matthews is Pearson's correlation of two columns of 0 and 1.
  const predicted = all.map((r) => (r.yes ? 1 : 0) as number);
  const so = all.map((r) => (r.so ? 1 : 0) as number);
  const mean = (list: number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
  const covariance = (a: number[], b: number[]): number => mean(a.map((v, i) => (v - mean(a)) * (b[i]! - mean(b))));
  const spread = Math.sqrt(covariance(predicted, predicted) * covariance(so, so));
  return {
    accuracy: ratio(
      count((r) => r.yes === r.so),
      all.length,
    ),
    precision,
    recall,
    f1: bothNull ? null : harmonic,
    balanced_accuracy: recall === null || specificity === null ? null : (recall + specificity) / 2,
    macro_precision: both(precision, negativePrecision),
    macro_f1: both(f1Of(true), f1Of(false)),
    matthews: recall === null || specificity === null ? null : spread < 1e-12 ? 0 : covariance(predicted, so) / spread,
  };
}

const columns = (rows: readonly { p: number; y: number; copies: number }[]) =>
  [rows.map(({ p }) => p), rows.map(({ y }) => y), rows.map(({ copies }) => copies)] as const;

describe('confusion', () => {
  it('has the textbook measures, a row of weight n counting n times', () => {
    fc.assert(
      fc.property(table, threshold, (rows, limit) => {
        const [p, y, weights] = columns(rows);
        const found = confusionMetrics(confusion(p, y, limit, weights));
        for (const [name, expected] of Object.entries(obvious(rows, limit))) {
          const value = found[name as keyof typeof found];
          if (expected === null) expect(value, name).toBeNull();
          else expect(value, name).toBeCloseTo(expected, 10);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('predicts positive above the threshold only, 0.5 by default', () => {
    expect(confusion([0.5, 0.51, 0.9, 0.2], [1, 1, 0, 0])).toEqual({
      true_positive: 1,
      false_positive: 1,
      false_negative: 1,
      true_negative: 1,
    });
    expect(confusion([0.5, 0.51], [1, 1], 0.49)).toMatchObject({ true_positive: 2, false_negative: 0 });
  });

  it('refuses invalid input', () => {
    expect(() => confusion([NaN], [1])).toThrow(/NaN/);
    expect(() => confusion([0.5], [0.5])).toThrow(/0\.5/);
    expect(() => confusion([0.5, 0.5], [1])).toThrow(/lengths/);
  });
});

describe('balancedWeights', () => {
  it('give both classes half of all weight, in proportion to the rows’ own', () => {
    fc.assert(
      fc.property(table, (rows) => {
        const [, y, weights] = columns(rows);
        const balanced = balancedWeights(y, weights);
        const sum = (of: (i: number) => boolean, list: ArrayLike<number>): number =>
          Array.from(list).reduce((total, value, i) => total + (of(i) ? value : 0), 0);
        const isClass = (k: number) => (i: number) => y[i] === k;
        const total = sum(() => true, weights);
        for (const k of [0, 1]) {
          const own = sum(isClass(k), weights);
          if (own > 0) expect(sum(isClass(k), balanced)).toBeCloseTo(total / 2, 10);
          y.forEach((label, i) => {
            if (label === k && own > 0) expect(balanced[i]! * own).toBeCloseTo((weights[i]! * total) / 2, 10);
          });
        }
      }),
    );
  });

  it('are 0 where no row of the class has weight', () => {
    expect([...balancedWeights([1, 1, 0], [0, 0, 2])]).toEqual([0, 0, 1]);
  });

  it('make the F1 of all positive two thirds', () => {
    const labels = [1, 0, 0, 0, 0, 0];
    expect(allPositiveF1(labels)).toBeCloseTo(2 / 7, 15);
    expect(allPositiveF1(labels, balancedWeights(labels))).toBeCloseTo(2 / 3, 15);
    expect(allPositiveF1([0, 0])).toBe(0);
    expect(allPositiveF1([])).toBeNull();
  });
});

describe('bestF1Threshold', () => {
  it('is the highest of the best thresholds that separate rows', () => {
    fc.assert(
      fc.property(table, (rows) => {
        const [p, y, weights] = columns(rows);
        const f1At = (limit: number): number => confusionMetrics(confusion(p, y, limit, weights)).f1 ?? 0;
        const distinct = [...new Set(p)].sort((a, b) => a - b);
        const tried = distinct.slice(0, -1);
        const best = bestF1Threshold(p, y, weights);
        const bestF1 = Math.max(0, ...tried.map(f1At));
        if (bestF1 === 0) {
          expect(best).toBeNull();
          return;
        }
        expect(f1At(best!)).toBeCloseTo(bestF1, 12);
        for (const limit of tried) if (limit > best!) expect(f1At(limit)).toBeLessThan(bestF1 + 1e-12);
      }),
      { numRuns: 500 },
    );
  });

  it('is the lower one of two adjacent doubles, which have no midpoint', () => {
    const below = 1 - 2 ** -53;
    expect(bestF1Threshold([1, below], [1, 0])).toBe(below);
  });

  it('lies halfway between two probabilities', () => {
    expect(bestF1Threshold([0.9, 0.6, 0.2, 0.1], [1, 1, 0, 0])).toBeCloseTo(0.4, 15);
    expect(bestF1Threshold([0.3, 0.3], [1, 0])).toBeNull();
    expect(bestF1Threshold([0.3, 0.4], [0, 0])).toBeNull();
  });
});

describe('rateThreshold', () => {
  it('lies below the share of rows that is nearest to the rate, ties on one side', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (scores, rate) => {
          const threshold = rateThreshold(scores, rate);
          const above = (limit: number): number => scores.filter((score) => score > limit).length;
          const wanted = Math.round(rate * scores.length);
          const nearest = Math.min(...[-1, ...scores].map((limit) => Math.abs(above(limit) - wanted)));
          expect(Math.abs(above(threshold) - wanted)).toBe(nearest);
        },
      ),
    );
    expect(rateThreshold([0.9, 0.5, 0.1], 1 / 3)).toBeCloseTo(0.7, 12);
    expect(rateThreshold([], 0.5)).toBe(Infinity);
  });
});
