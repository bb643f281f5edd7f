import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../shared/rng.ts';
import { binMatrix, findEdges, float32Between, MISSING_BIN } from './binning.ts';

const anyFloat = fc.float({ noNaN: true });
/** Few distinct values, many of them frequent, some special. */
const tiedFloat = fc.oneof(
  fc.constantFrom(-0, 0, 1, -1, Infinity, -Infinity, 0.1).map(Math.fround),
  fc.integer({ min: -40, max: 40 }).map((k) => Math.fround(k / 10)),
  anyFloat,
);

describe('float32Between', () => {
  it('lies at or above the lower number and below the upper one, in float32', () => {
    fc.assert(
      fc.property(anyFloat, anyFloat, (a, b) => {
        fc.pre(a !== b);
        const [lower, upper] = [Math.min(a, b), Math.max(a, b)];
        const threshold = float32Between(lower, upper);
        expect(Math.fround(threshold)).toBe(threshold);
        expect(lower <= threshold && threshold < upper).toBe(true);
        if (Number.isFinite(lower) && Number.isFinite(upper)) expect(threshold <= lower / 2 + upper / 2).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it('is the midpoint where float32 has one, and the lower number between neighbours', () => {
    expect(float32Between(1, 2)).toBe(1.5);
    expect(float32Between(1, 1 + 3 * 2 ** -23)).toBe(1 + 2 ** -23); // Down, where nearest would go up.
    const next = 1 + 2 ** -23;
    expect(float32Between(1, next)).toBe(1);
    expect(float32Between(next, 1 + 2 ** -22)).toBe(next); // Nearest rounding would give the upper number.
    expect(float32Between(-1.401298464324817e-45, 0)).toBe(-1.401298464324817e-45);
    expect(float32Between(5, Infinity)).toBe(5);
    expect(float32Between(-Infinity, Infinity)).toBe(-Infinity);
  });
});

describe('findEdges', () => {
  it('separates every distinct value while there are bins for all', () => {
    expect([...findEdges(Float32Array.of(1, 1, 2, 4, 4, 4), 3)]).toEqual([1.5, 3]);
    expect(findEdges(Float32Array.of(3, 3, 3), 255).length).toBe(0);
    expect(findEdges(new Float32Array(0), 255).length).toBe(0);
  });

  it('fills bins evenly when values are all different', () => {
    const sorted = Float32Array.from({ length: 10_000 }, (_, i) => i);
    const edges = findEdges(sorted, 100);
    expect(edges.length).toBe(99);
    edges.forEach((edge, i) => expect(Math.abs(edge - (i + 1) * 100)).toBeLessThanOrEqual(1));
  });

  it('gives values that are too frequent to share a bin of their own', () => {
    const sorted = Float32Array.from([...Array(500).keys(), ...Array<number>(4000).fill(250.5)]).sort();
    const edges = findEdges(sorted, 50);
    expect(edges.length).toBeGreaterThan(35);
    expect([...edges].filter((edge) => edge >= 250 && edge < 251)).toEqual([250.25, 250.75]);
  });
});

describe('binMatrix', () => {
  it('puts a value in the bin that `x <= threshold` says, for each threshold, with at most maxBins bins', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(tiedFloat, { nil: NaN }), { minLength: 1, maxLength: 400 }),
        fc.integer({ min: 2, max: 255 }),
        (numbers, maxBins) => {
          const values = Float32Array.from(numbers);
          const { bins, edges } = binMatrix(
            { rows: values.length, columns: 1, values },
            Int32Array.of(0),
            maxBins,
            null,
          );
          const found = edges[0]!;
          expect(found.length).toBeLessThan(maxBins);
          for (let e = 1; e < found.length; e++) expect(found[e]! > found[e - 1]!).toBe(true);
          values.forEach((x, row) => {
            const slow = Number.isNaN(x) ? MISSING_BIN : found.filter((edge) => !(x <= edge)).length;
            expect(bins[row]).toBe(slow);
          });
        },
      ),
      { numRuns: 500 },
    );
  });

  it('looks only at the given rows for its edges, and bins all rows', () => {
    const values = Float32Array.of(1, 2, 300, 400);
    const { edges, bins } = binMatrix({ rows: 4, columns: 1, values }, Int32Array.of(0), 255, Int32Array.of(0, 1));
    expect([...edges[0]!]).toEqual([1.5]);
    expect([...bins]).toEqual([0, 1, 1, 1]);
  });

  it('uses all 255 bins of a continuous column', () => {
    const rng = createRng('continuous');
    const values = Float32Array.from({ length: 20_000 }, () => rng.normal());
    const { edges, bins } = binMatrix({ rows: 20_000, columns: 1, values }, Int32Array.of(0), 255, null);
    expect(edges[0]!.length).toBe(254);
    expect(Math.max(...bins)).toBe(254);
  });
});
