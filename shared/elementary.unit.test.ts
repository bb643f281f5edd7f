import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exp, ln, sigmoid, softmax, softmaxAt, softmaxRows } from './elementary.ts';

describe('exp', () => {
  it('is Math.exp within a few units in the last place', () => {
    fc.assert(
      fc.property(fc.double({ min: -708, max: 709, noNaN: true }), (x) => {
        expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(1e-15);
      }),
      { numRuns: 20_000 },
    );
  });

  it('is exact at zero and flushes its extremes', () => {
    expect(exp(0)).toBe(1);
    expect(exp(-0)).toBe(1);
    expect(exp(-1000)).toBe(0);
    expect(exp(-Infinity)).toBe(0);
    expect(exp(1000)).toBe(Infinity);
    expect(exp(Infinity)).toBe(Infinity);
    expect(exp(NaN)).toBeNaN();
  });
});

describe('ln', () => {
  it('is Math.log within a few units in the last place, from the smallest number to the largest', () => {
    fc.assert(
      fc.property(fc.double({ min: 5e-324, noNaN: true, noDefaultInfinity: true }), (x) => {
        const exact = Math.log(x);
        expect(Math.abs(ln(x) - exact)).toBeLessThanOrEqual(1e-15 * Math.abs(exact));
      }),
      { numRuns: 20_000 },
    );
  });

  it('keeps its relative precision around 1', () => {
    for (let k = 1; k < 50; k++) {
      for (const x of [1 + 2 ** -k, 1 - 2 ** -k]) {
        expect(Math.abs(ln(x) / Math.log(x) - 1)).toBeLessThan(1e-15);
      }
    }
  });

  it('has its special values', () => {
    expect(ln(1)).toBe(0);
    expect(ln(0)).toBe(-Infinity);
    expect(ln(-1)).toBeNaN();
    expect(ln(NaN)).toBeNaN();
    expect(ln(Infinity)).toBe(Infinity);
  });
});

describe('sigmoid', () => {
  it('is symmetric, monotone and ends at 0 and 1', () => {
    expect(sigmoid(0)).toBe(0.5);
    expect(sigmoid(-Infinity)).toBe(0);
    expect(sigmoid(Infinity)).toBe(1);
    fc.assert(
      fc.property(fc.double({ min: -20, max: 20, noNaN: true }), (x) => {
        expect(sigmoid(x) + sigmoid(-x)).toBeCloseTo(1, 14);
        expect(sigmoid(x + 1e-3)).toBeGreaterThan(sigmoid(x));
      }),
    );
  });
});

describe('softmax', () => {
  /** By Math.exp, without subtracting the greatest. */
  const oracle = (logits: readonly number[]): number[] => {
    const sum = logits.reduce((all, logit) => all + Math.exp(logit), 0);
    return logits.map((logit) => Math.exp(logit) / sum);
  };
  const logits = fc.array(fc.double({ min: -300, max: 300, noNaN: true }), { minLength: 1, maxLength: 6 });

  it('makes shares of one that are in proportion to e^logit', () => {
    fc.assert(
      fc.property(logits, (given) => {
        const shares = Float64Array.from(given);
        softmax(shares);
        oracle(given).forEach((own, k) => expect(shares[k]!).toBeCloseTo(own, 14));
      }),
    );
  });

  it('changes the logits from an offset on alone, to the same bits', () => {
    fc.assert(
      fc.property(logits, (given) => {
        const alone = Float64Array.from(given);
        softmax(alone);
        const surrounded = Float64Array.of(500, 1, ...given, 700);
        softmaxAt(surrounded, 2, given.length);
        expect([...surrounded]).toEqual([500, 1, ...alone, 700]);
        const rows = softmaxRows(Float64Array.of(...given, ...given), given.length);
        expect([...rows]).toEqual([...alone, ...alone]);
      }),
    );
  });

  it('does not overflow', () => {
    const shares = Float64Array.of(5000, 5000, -5000);
    softmax(shares);
    expect([...shares]).toEqual([0.5, 0.5, 0]);
  });
});
