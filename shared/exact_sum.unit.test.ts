import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactSumOracle } from './exact_sum.oracle.ts';
import { exactSum } from './exact_sum.ts';

describe('an exact sum', () => {
  const money = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 });

  it('is the exact sum rounded once, in any order', () => {
    fc.assert(
      fc.property(fc.array(money, { maxLength: 60 }), (values) => {
        const expected = exactSumOracle(values);
        expect(exactSum(values)).toBe(expected);
        expect(exactSum([...values].reverse())).toBe(expected);
      }),
    );
  });

  it.each([
    [[], 0],
    [[-0], 0],
    [[0.1, 0.2, 0.3], 0.6],
    [[1e16, 1, -1e16], 1],
    [[1e16, 1, 1e-16], 10000000000000002],
    [Array.from({ length: 10 }, () => 0.1), 1],
  ])('of %j is %d', (values, sum) => expect(exactSum(values)).toBe(sum));
});
