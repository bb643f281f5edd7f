import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextQuota, passing } from './trial_lines.ts';
import type { Trials } from './trials.ts';

const place = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(NaN));
const bounds = fc.tuple(place, place).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);

describe('parallel coordinates', () => {
  it('keep exactly the trials within all bounds, in drawing order', () => {
    const table = fc.integer({ min: 0, max: 40 }).chain((count) =>
      fc.record({
        places: fc.array(fc.array(place, { minLength: count, maxLength: count }), { minLength: 2, maxLength: 2 }),
        rank: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: count, maxLength: count }),
        filters: fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), bounds), { maxLength: 3 }),
      }),
    );
    fc.assert(
      fc.property(table, ({ places, rank, filters }) => {
        const count = rank.length;
        const axis = { name: 'x', kind: 'number' as const, labels: [] };
        const trials = {
          count,
          axes: [axis, axis],
          rank: Float32Array.from(rank),
          places: places.map((own) => Float32Array.from(own)),
        } as unknown as Trials;
        const order = Int32Array.from({ length: count }, (_, i) => count - 1 - i);
        const wanted = new Map(filters);
        const slow = [...order].filter((trial) =>
          [...wanted].every(([at, [from, to]]) => {
            const value = at < 2 ? trials.places[at]![trial]! : 1 - trials.rank[trial]!;
            return value >= from && value <= to;
          }),
        );
        expect([...passing(order, trials, wanted)]).toEqual(slow);
      }),
    );
  });

  it('draw fewer lines after a late frame and more after an on-time one, within limits', () => {
    expect(nextQuota(1000, 33)).toBe(600);
    expect(nextQuota(1000, 16)).toBeCloseTo(1100);
    expect(nextQuota(51, 100)).toBe(50);
    expect(nextQuota(9999, 10)).toBe(10_000);
  });
});
