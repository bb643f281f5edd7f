import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meanOf, meanOrNull, upperMedianOf } from './statistics.ts';

const values = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 40 });

describe('means', () => {
  it('add the values in their order and divide once', () => {
    fc.assert(
      fc.property(values, (list) => {
        expect(meanOf(list)).toBe(list.reduce((sum, value) => sum + value, 0) / list.length);
        expect(meanOrNull(list)).toBe(meanOf(list));
        expect(meanOf(Float64Array.from(list))).toBe(meanOf(list));
      }),
    );
  });

  it('of nothing are NaN and null', () => {
    expect(meanOf([])).toBeNaN();
    expect(meanOrNull([])).toBeNull();
  });
});

describe('the upper median', () => {
  it('is one of the values, with no more than half of them on either side', () => {
    fc.assert(
      fc.property(values, (list) => {
        const before = [...list];
        const median = upperMedianOf(list);
        expect(list).toContain(median);
        expect(list.filter((value) => value < median).length * 2).toBeLessThanOrEqual(list.length);
        expect(list.filter((value) => value > median).length * 2).toBeLessThan(list.length);
        expect(list).toEqual(before);
      }),
    );
  });

  it('of an even number is the upper one in the middle, of nothing NaN', () => {
    expect(upperMedianOf([4, 1, 3, 2])).toBe(3);
    expect(upperMedianOf([])).toBeNaN();
  });
});
