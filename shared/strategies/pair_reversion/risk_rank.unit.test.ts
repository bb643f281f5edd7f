import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { riskQuantiles, riskRank } from './risk_rank.ts';

const quantilesList = fc
  .uniqueArray(fc.integer({ min: 0, max: 1 << 20 }), { minLength: 2, maxLength: 30 })
  .map((list) => list.sort((a, b) => a - b).map((k) => k / (1 << 20)));

describe('riskRank between two quantiles', () => {
  it('is linear: a quarter of the way between two values is a quarter of the way between their ranks', () => {
    expect(riskRank([0, 1], 0.25)).toBe(0.25);
    expect(riskRank([0.1, 0.2, 0.6], 0.3)).toBeCloseTo((1 + 0.25) / 2, 12);
    expect(riskRank([0.1, 0.2, 0.6], 0.59)).toBeCloseTo((1 + 0.975) / 2, 12);
    expect(riskRank([0, 0.5, 0.5, 0.5, 1], 0.6)).toBeCloseTo((3 + 0.2) / 4, 12);
  });

  it('is that share of the interval for any quantiles and any share', () => {
    fc.assert(
      fc.property(
        quantilesList,
        fc.nat(),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (quantiles, any, share) => {
          const at = any % (quantiles.length - 1);
          const from = quantiles[at]!;
          const to = quantiles[at + 1]!;
          expect(riskRank(quantiles, from + share * (to - from))).toBeCloseTo((at + share) / (quantiles.length - 1), 8);
        },
      ),
    );
  });
});

describe('riskQuantiles', () => {
  it('are equally spaced quantiles, linear between two values, rounded to float32', () => {
    expect(riskQuantiles([0.75, 0, 0.25], 4)).toEqual([0, 0.125, 0.25, 0.5, 0.75]);
    expect(riskQuantiles([0.1], 2)).toEqual([0.1, 0.1, 0.1].map(Math.fround));
    expect(riskQuantiles([], 4)).toEqual([]);
    const quantiles = riskQuantiles([0.9, 0.1, 0.2, 0.4], 10);
    const expected = [0.1, 0.13, 0.16, 0.19, 0.24, 0.3, 0.36, 0.45, 0.6, 0.75, 0.9];
    expect(quantiles.map((quantile) => Math.round(quantile * 1000) / 1000)).toEqual(expected);
    expect(quantiles).toEqual(quantiles.map(Math.fround));
  });
});
