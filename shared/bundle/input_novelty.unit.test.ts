import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectedNovelty } from './input_novelty.oracle.ts';
import { InputNovelty, inputDescriptionSchema, type InputDescription } from './input_novelty.ts';

const NAMES = ['unused', 'a', 'b', 'c'];

const INPUTS: InputDescription = {
  columns: ['a', 'c'],
  median: [10, 0],
  scale: [2, 1],
  missing: [0, 8],
  centers: [
    [0, 0],
    [4, 0],
  ],
  distances: [1, 2, 4],
  farther: [1, 0.5, 0],
};

const value = fc.oneof(fc.float(), fc.float({ min: -20, max: 20 }), fc.constantFrom(NaN, Infinity, -Infinity, 0));
const number = fc.double({ min: -9, max: 9, noNaN: true });

/** Any description of some of the columns. */
const descriptions = fc
  .tuple(fc.subarray(NAMES, { minLength: 1 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 2, max: 6 }))
  .chain(([columns, centers, knots]) => {
    const each = (arbitrary: fc.Arbitrary<number>): fc.Arbitrary<number[]> =>
      fc.array(arbitrary, { minLength: columns.length, maxLength: columns.length });
    const several = (arbitrary: fc.Arbitrary<number>): fc.Arbitrary<number[]> =>
      fc.uniqueArray(arbitrary, { minLength: knots, maxLength: knots });
    return fc.record({
      columns: fc.constant(columns),
      median: each(number),
      scale: each(fc.double({ min: 0.01, max: 5, noNaN: true })),
      missing: each(fc.constantFrom(0, 8)),
      centers: fc.array(each(number), { minLength: centers, maxLength: centers }),
      distances: several(fc.double({ min: 0, max: 8, noNaN: true })).map((all) => all.sort((a, b) => a - b)),
      farther: several(fc.double({ min: 0, max: 1, noNaN: true })).map((all) => all.sort((a, b) => b - a)),
    });
  });

describe('the novelty of an input', () => {
  it.each([
    [[10, 0], 1],
    // One robust standard deviation from a center in each column.
    [[12, 1], 1],
    [[10, 3 * Math.SQRT2], 0.25],
    [[10, 4 * Math.SQRT2], 0],
    // A center that is nearer.
    [[18, 0], 1],
    // Clipped at eight deviations.
    [[10, 1e30], 0],
  ])('of %s is %s', ([a, c], expected) => {
    const row = Float32Array.of(NaN, a!, NaN, c!);
    expect(new InputNovelty(INPUTS, NAMES).of(row, 0)).toBeCloseTo(expected, 6);
  });

  it('takes a missing value for the usual one where training rows lacked it, else for a far one', () => {
    const novelty = new InputNovelty(INPUTS, NAMES);
    expect(novelty.of(Float32Array.of(0, NaN, 0, 0), 0)).toBe(1);
    expect(novelty.of(Float32Array.of(0, 10, 0, NaN), 0)).toBe(0);
  });

  it('is bit for bit that of the slow reference, for any description and row', () => {
    fc.assert(
      fc.property(descriptions, fc.array(value, { minLength: 8, maxLength: 8 }), (inputs, values) => {
        const rows = Float32Array.from(values);
        const novelty = new InputNovelty(inputs, NAMES);
        for (const at of [0, 4]) {
          const row = Object.fromEntries(NAMES.map((name, i) => [name, rows[at + i]!]));
          expect(Object.is(novelty.of(rows, at), expectedNovelty(inputs, row))).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('is refused for a column that the rows do not have', () => {
    expect(() => new InputNovelty({ ...INPUTS, columns: ['a', 'x'] }, NAMES)).toThrow('inputs: the column x');
  });
});

describe('a description of inputs', () => {
  it.each([
    ['as many medians as columns', { median: [1] }],
    ['centers of as many columns', { centers: [[0]] }],
    ['a scale above 0', { scale: [0, 1] }],
    ['as many shares as distances', { farther: [1, 0] }],
    ['ascending distances', { distances: [1, 1, 2] }],
    ['descending shares', { farther: [0, 0.5, 1] }],
  ])('has %s', (_, change) => {
    expect(inputDescriptionSchema.safeParse(INPUTS).success).toBe(true);
    expect(inputDescriptionSchema.safeParse({ ...INPUTS, ...change }).success).toBe(false);
  });
});
