import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../../../shared/rng.ts';
import { LEARNER_DEFAULTS } from '../learner.ts';
import { findEdges, float32Between } from './binning.oracle.ts';
import { learn } from './boost.ts';
import { prepareFit } from './fit.ts';
import * as at from './layout.ts';
import { wordsOf } from './memory.ts';
import { kernelModule } from './webassembly.ts';

const anyFloat = fc.float({ noNaN: true });
/** Few distinct values, many of them frequent, some special. */
const tiedFloat = fc.oneof(
  fc.constantFrom(-0, 0, 1, -1, Infinity, -Infinity, 0.1, 1.4e-45, -1.4e-45, 3.4e38).map(Math.fround),
  fc.integer({ min: -40, max: 40 }).map((k) => Math.fround(k / 10)),
  anyFloat,
);

/** Bins and edges of each column as the kernel makes them. */
function binned(
  values: Float32Array,
  columns: number,
  maxBins: number,
  weights: Float64Array | null = null,
  threads = 1,
): { bins: Uint8Array; groups: Uint8Array; rows: Uint8Array; edges: Float32Array }[] {
  const rows = values.length / columns;
  const fit = prepareFit({
    objective: { kind: 'regression' },
    table: { x: { rows, columns, values }, y: new Float64Array(rows), weights },
    params: { ...LEARNER_DEFAULTS, rounds: 0, maxBins },
    columns: Array.from({ length: columns }, (_, c) => c),
    stopping: null,
    threads,
  });
  learn(kernelModule(), fit, () => undefined);
  const words = wordsOf(fit.memory);
  const { buffer } = fit.memory;
  const kept = fit.plan.rows;
  const stride = words.get(at.ROW_STRIDE);
  const groups = Math.ceil(columns / at.GROUP);
  const bytes = new Uint8Array(buffer);
  return Array.from({ length: columns }, (_, c) => {
    const found = new Uint32Array(buffer, words.get(at.EDGE_COUNTS), columns)[c]!;
    const group = words.get(at.GROUP_BINS) + Math.floor(c / 8) * stride * 8 + (c % 8);
    const row = words.get(at.ROW_BINS) + c;
    return {
      bins: bytes.slice(words.get(at.COLUMN_BINS) + c * stride, words.get(at.COLUMN_BINS) + c * stride + kept),
      groups: Uint8Array.from({ length: kept }, (_, i) => bytes[group + i * 8]!),
      rows: Uint8Array.from({ length: kept }, (_, i) => bytes[row + i * groups * 8]!),
      edges: new Float32Array(buffer, words.get(at.EDGES) + c * 1024, 256).slice(0, found),
    };
  });
}

describe('float32Between', () => {
  it('is at or above the lower number and below the upper one, in float32', () => {
    fc.assert(
      fc.property(anyFloat, anyFloat, (a, b) => {
        fc.pre(a !== b);
        const lower = Math.min(a, b);
        const upper = Math.max(a, b);
        const threshold = float32Between(lower, upper);
        expect(Math.fround(threshold)).toBe(threshold);
        expect(lower <= threshold && threshold < upper).toBe(true);
        if (Number.isFinite(lower) && Number.isFinite(upper)) expect(threshold <= lower / 2 + upper / 2).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it('is the midpoint where float32 has one, and the lower number between neighbors', () => {
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

describe('binning in the kernel', () => {
  it('finds the edges of the obvious rule, and puts each value in the bin given by `x <= threshold`', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }).chain((columns) =>
          fc.record({
            columns: fc.constant(columns),
            cells: fc
              .array(fc.option(tiedFloat, { nil: NaN }), { minLength: columns, maxLength: 400 * columns })
              .map((cells) => cells.slice(0, cells.length - (cells.length % columns))),
            maxBins: fc.integer({ min: 2, max: 255 }),
          }),
        ),
        ({ columns, cells, maxBins }) => {
          const values = Float32Array.from(cells);
          binned(values, columns, maxBins).forEach(({ bins, groups, rows, edges }, c) => {
            const own = values.filter((_, i) => i % columns === c);
            const known = own.filter((x) => !Number.isNaN(x)).sort();
            // −0 and 0 are the same threshold.
            expect([...edges].map((edge) => edge + 0)).toEqual([...findEdges(known, maxBins)].map((edge) => edge + 0));
            expect(edges.length).toBeLessThan(maxBins);
            const slow = own.map((x) =>
              Number.isNaN(x) ? at.MISSING_BIN : edges.filter((edge) => !(x <= edge)).length,
            );
            expect([...bins]).toEqual([...slow]);
            expect(groups).toEqual(bins);
            expect(rows).toEqual(bins);
          });
        },
      ),
      { numRuns: 150 },
    );
  });

  it('uses only rows with weight', () => {
    const [column] = binned(Float32Array.of(1, 2, 300, 400), 1, 255, Float64Array.of(1, 2, 0, 0));
    expect([...column!.edges]).toEqual([1.5]);
    expect([...column!.bins]).toEqual([0, 1]);
  });

  it('uses all 255 bins of a continuous column', () => {
    const rng = createRng('continuous');
    const values = Float32Array.from({ length: 20_000 }, () => rng.normal());
    const [column] = binned(values, 1, 255);
    expect(column!.edges.length).toBe(254);
    expect(Math.max(...column!.bins)).toBe(254);
  });

  it('derives the edges of many rows from 200,000 of them, still evenly', () => {
    const rng = createRng('many');
    const rows = 500_000;
    const values = Float32Array.from({ length: rows }, () => rng.normal());
    const [column] = binned(values, 1, 100);
    const counts = new Float64Array(100);
    for (const bin of column!.bins) counts[bin]! += 1;
    counts.forEach((count) => expect(Math.abs(count / (rows / 100) - 1)).toBeLessThan(0.1));
  });
});
