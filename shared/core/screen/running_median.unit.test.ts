import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunningMedian } from './bar_screen.ts';

describe('RunningMedian', () => {
  it('is the lower middle of the sorted last values, after every value', () => {
    const value = fc.oneof(fc.constantFrom(0, 1, 1, 2, Infinity, -0), fc.double({ noNaN: true }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(value, { maxLength: 40 }), (size, values) => {
        const median = new RunningMedian(size);
        const seen = new Float64Array(1);
        median.writeMedian(seen, 0);
        expect([median.count, seen[0]]).toEqual([0, NaN]);
        values.forEach((value, i) => {
          median.push(Float64Array.of(value), 0);
          median.writeMedian(seen, 0);
          const last = values.slice(Math.max(0, i + 1 - size), i + 1).sort((x, y) => x - y);
          expect(median.count).toBe(last.length);
          // +0 and −0 are one number here.
          expect(seen[0]! + 0).toBe(last[Math.floor((last.length - 1) / 2)]! + 0);
        });
      }),
    );
  });
});
