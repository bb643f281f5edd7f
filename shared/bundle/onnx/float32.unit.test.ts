import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextAbove, nextBelow } from './float32.ts';

describe('nextBelow and nextAbove', () => {
  it('are neighbors: nothing is between, and each inverts the other', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (x) => {
        if (x !== -Infinity) {
          const below = nextBelow(x);
          expect(below).toBeLessThan(x);
          expect(nextAbove(below) + 0).toBe(x + 0);
          expect([below, x].map((y) => y + 0)).toContain(
            Math.fround((Math.max(below, -4e38) + Math.min(x, 4e38)) / 2) + 0,
          );
        }
        if (x !== Infinity) expect(nextBelow(nextAbove(x)) + 0).toBe(x + 0);
      }),
    );
  });

  it('cross zero and reach infinity', () => {
    for (const zero of [0, -0]) expect(nextBelow(zero)).toBe(-1.401298464324817e-45);
    expect(nextAbove(-1.401298464324817e-45)).toBe(-0);
    expect(nextBelow(-3.4028234663852886e38)).toBe(-Infinity);
    expect(nextBelow(Infinity)).toBe(3.4028234663852886e38);
    expect([nextBelow(-Infinity), nextAbove(Infinity), nextBelow(NaN)]).toEqual([NaN, NaN, NaN]);
  });
});
