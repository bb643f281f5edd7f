import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { tradeResults } from './simulated_results.ts';
import { unseenLossTest } from './unseen_loss.ts';

/** Σ over x > 0 of Π x / (x − other): P(Σ xᵢ Eᵢ > 0) of different values, by partial fractions. */
function pByFractions(values: readonly number[]): number {
  const above = values
    .filter((x) => x > 0)
    .reduce((sum, x) => sum + values.reduce((product, y) => (y === x ? product : (product * x) / (x - y)), 1), 0);
  return 1 - above;
}

/** P(at most k of n), each with probability q. */
function binomial(k: number, n: number, q: number): number {
  let term = (1 - q) ** n;
  let sum = term;
  for (let i = 1; i <= k; i++) {
    term *= ((n - i + 1) / i) * (q / (1 - q));
    sum += term;
  }
  return sum;
}

describe('the test with an unseen loss', () => {
  it('is the exact binomial test where there are two results', () => {
    for (const n of [5, 20, 100, 1000]) {
      for (const loss of [0.5, 1, 9, 30]) {
        for (const seen of [0, 1, 3]) {
          const values = Array.from({ length: n }, (_, i) => (i < seen ? -loss : 1));
          const expected = binomial(seen, n, 1 / (1 + loss));
          const { p } = unseenLossTest(values, loss);
          expect(Math.abs(p - expected)).toBeLessThan(1e-9 + 1e-7 * expected);
        }
      }
    }
  });

  it('is the sum of partial fractions where all values differ', () => {
    const rng = createRng('fractions');
    for (let world = 0; world < 50; world++) {
      // Spread out, or the fractions cancel each other.
      const values = Array.from({ length: 6 }, (_, i) => (i - 1.5 + 0.5 * rng.uniform()) * (1 + rng.uniform()));
      expect(unseenLossTest(values, 3.3).p).toBeCloseTo(pByFractions([...values, -3.3]), 8);
    }
  });

  it('allows for the loss that was seen where that is larger, and is 0 or 1 where nothing can be lost or gained', () => {
    expect(unseenLossTest([1, 1, -5], 2)).toMatchObject({ loss: 5 });
    expect(unseenLossTest([1, 1, -5], 2).p).toBe(unseenLossTest([1, 1, -5], 5).p);
    expect(unseenLossTest([0, -1], 2).p).toBe(1);
    expect(unseenLossTest([0, 1], 0).p).toBe(0);
  });

  it('has a bound above 0 where p is below its level, at which shifted values have just that p', () => {
    const rng = createRng('bounds');
    for (let world = 0; world < 20; world++) {
      const values = [...tradeResults('normal', 20 + rng.integer(200), 0, rng)].map((x) => x + 0.5 * rng.uniform());
      const test = unseenLossTest(values, 3);
      for (const level of [0.2, 0.05, 0.005]) {
        const bound = test.lowerBound(level, 10);
        expect(bound > 0).toBe(test.p < level);
        expect(
          unseenLossTest(
            values.map((x) => x - bound),
            test.loss + bound,
          ).p,
        ).toBeCloseTo(level, 4);
      }
    }
  });
});
