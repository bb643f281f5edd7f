import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holm } from './holm.ts';

describe('Holm’s adjustment', () => {
  it('is the definition: each p times the number of those not smaller, ascending, at most 1', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }), (ps) => {
        const adjusted = holm(ps);
        ps.forEach((p, i) => {
          const smaller = ps.filter((other) => other <= p);
          const slow = Math.max(...smaller.map((q) => Math.min(1, q * ps.filter((other) => other >= q).length)));
          expect(adjusted[i]).toBe(slow);
        });
      }),
    );
  });
});
