import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../shared/rng.ts';
import { comparePaired, compareUnpaired, type Difference } from './verdict.ts';

/** Rounds of a noisy machine: one in fifty is disturbed. */
function rounds(seed: string, count: number, factor: number): number[] {
  const rng = createRng(seed);
  return Array.from({ length: count }, () => {
    const disturbed = rng.uniform() < 0.02 ? 1.5 : 1;
    return 100 * factor * disturbed * Math.exp(0.04 * (rng.uniform() + rng.uniform() + rng.uniform() - 1.5));
  });
}

/** Share of each verdict over 400 comparisons. */
function shares(compare: typeof comparePaired, factor: number, count = 12): (verdict: Difference) => number {
  const verdicts = Array.from({ length: 400 }, (_, i) => {
    return compare(rounds(`before ${i}`, count, 1), rounds(`now ${i}`, count, factor)).verdict;
  });
  return (verdict) => verdicts.filter((one) => one === verdict).length / verdicts.length;
}

describe('the comparison of two builds', () => {
  for (const [name, compare] of [
    ['paired', comparePaired],
    ['unpaired', compareUnpaired],
  ] as const) {
    it(`shows no difference between ${name} rounds of one speed in 97 % of cases and more`, () => {
      expect(shares(compare, 1)('no difference shown')).toBeGreaterThan(0.97);
    });

    it(`detects a change of 10 % in nearly all ${name} comparisons of twelve rounds`, () => {
      expect(shares(compare, 1.1)('slower')).toBeGreaterThan(0.95);
      expect(shares(compare, 1.1)('faster')).toBe(0);
      expect(shares(compare, 1 / 1.1)('faster')).toBeGreaterThan(0.95);
    });

    it(`gives no verdict with too few rounds for its confidence, ${name}`, () => {
      const few = compare([100, 100, 100], [200, 200, 200]);
      expect(few).toEqual({ ratio: 2, low: 0, high: Infinity, verdict: 'no difference shown' });
    });
  }

  it('has the interval of the sign test: the least and the greatest of eight ratios', () => {
    const before = Array.from({ length: 8 }, () => 100);
    const { ratio, low, high } = comparePaired(before, [101, 102, 103, 104, 106, 107, 108, 109]);
    expect([ratio, low, high].map((value) => Math.round(1000 * value))).toEqual([1050, 1010, 1090]);
  });

  it('has the interval of the table of Mann and Whitney: P(U ≤ 3) is 0.4 % for six and seven rounds', () => {
    const before = [1, 2, 3, 4, 5, 6].map((step) => 2 ** (step * 8));
    const now = [1, 2, 3, 4, 5, 6, 7].map((step) => 2 ** step);
    const ratios = now.flatMap((a) => before.map((b) => a / b)).sort((a, b) => a - b);
    expect(compareUnpaired(before, now).low).toBeCloseTo(ratios[3]!, 12);
  });

  it('is the inverse of the comparison the other way round', () => {
    const times = fc.array(fc.double({ min: 1, max: 100, noNaN: true }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(times, times, (a, b) => {
        const there = compareUnpaired(a, b);
        const back = compareUnpaired(b, a);
        expect(there.ratio * back.ratio).toBeCloseTo(1, 9);
        expect(there.low * back.high).toBeCloseTo(1, 9);
      }),
      { numRuns: 100 },
    );
  });
});
