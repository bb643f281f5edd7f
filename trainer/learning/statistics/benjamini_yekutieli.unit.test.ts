import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { benjaminiYekutieli } from './benjamini_yekutieli.ts';

describe('benjaminiYekutieli', () => {
  it('has the values of statsmodels', () => {
    // statsmodels.stats.multitest.multipletests(p, 0.05, 'fdr_by')
    const p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216];
    expect(benjaminiYekutieli(p, 0.05)).toEqual([true, false, false, false, false, false, false, false, false, false]);
    expect(benjaminiYekutieli(p, 0.13)).toEqual([true, true, false, false, false, false, false, false, false, false]);
  });

  it('rejects all that are at most the greatest rejected one, in any order, and fewer at a lower level', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }), (p) => {
        const rejected = benjaminiYekutieli(p, 0.1);
        const most = Math.max(-1, ...p.filter((_, index) => rejected[index]));
        expect(p.map((value) => value <= most)).toEqual(rejected);
        const reversed = benjaminiYekutieli([...p].reverse(), 0.1).reverse();
        expect(reversed).toEqual(rejected);
        const strict = benjaminiYekutieli(p, 0.05);
        expect(strict.every((is, index) => !is || rejected[index])).toBe(true);
      }),
    );
  });

  it('rejects any of a hundred true hypotheses in at most 5 % of 2,000 studies, dependent or not', () => {
    for (const shared of [0, 0.9]) {
      const rng = createRng(`by ${shared}`);
      let wrong = 0;
      for (let study = 0; study < 2000; study++) {
        const common = rng.normal();
        const p = Array.from({ length: 100 }, () => {
          const z = Math.sqrt(shared) * common + Math.sqrt(1 - shared) * rng.normal();
          return upperTail(z);
        });
        if (benjaminiYekutieli(p, 0.05).some(Boolean)) wrong++;
      }
      // Three standard errors of a share of 5 % in 2,000 studies.
      expect(wrong / 2000).toBeLessThan(0.05 + 3 * Math.sqrt((0.05 * 0.95) / 2000));
    }
  });
});

/** P(Z > z) of a standard normal value, by the midpoint rule. */
function upperTail(z: number): number {
  const steps = 400;
  const width = (9 - Math.max(-9, z)) / steps;
  let sum = 0;
  for (let i = 0; i < steps; i++) sum += Math.exp(-((Math.max(-9, z) + (i + 0.5) * width) ** 2) / 2);
  return (sum * width) / Math.sqrt(2 * Math.PI);
}
