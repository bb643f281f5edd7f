import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { averageUniqueness, sampleWeights } from './uniqueness.ts';

/** Counts bar by bar how many labels overlap, and averages each label's share. */
function obviousUniqueness(from: readonly number[], end: readonly number[]): number[] {
  const makes = (label: number, bar: number): boolean => bar > from[label]! && bar <= end[label]!;
  return from.map((first, i) => {
    let sum = 0;
    for (let bar = first + 1; bar <= end[i]!; bar++) sum += 1 / from.filter((_, label) => makes(label, bar)).length;
    return sum / (end[i]! - first);
  });
}

const labels = fc.array(fc.record({ from: fc.integer({ min: 0, max: 80 }), bars: fc.integer({ min: 1, max: 19 }) }), {
  maxLength: 60,
});

describe('averageUniqueness', () => {
  it('equals each label’s mean share, counted bar by bar', () => {
    fc.assert(
      fc.property(labels, (list) => {
        const from = list.map((label) => label.from);
        const end = list.map((label) => label.from + label.bars);
        const found = averageUniqueness(Int32Array.from(from), Int32Array.from(end), 100);
        const obvious = obviousUniqueness(from, end);
        expect(found.length).toBe(list.length);
        found.forEach((share, i) => expect(share).toBeCloseTo(obvious[i]!, 12));
      }),
    );
  });

  it('is in (0, 1], 1 for labels that have no bar in common, and 1/n for n labels of the same bars', () => {
    fc.assert(
      fc.property(labels, (list) => {
        const from = Int32Array.from(list, (label) => label.from);
        const end = Int32Array.from(list, (label) => label.from + label.bars);
        for (const share of averageUniqueness(from, end, 100)) {
          expect(share).toBeGreaterThan(0);
          expect(share).toBeLessThanOrEqual(1 + 1e-12);
        }
      }),
    );
    // A row known at the close of bar 5 does not overlap with a label known at that close.
    expect([...averageUniqueness(Int32Array.of(0, 5, 8), Int32Array.of(5, 8, 9), 10)]).toEqual([1, 1, 1]);
    expect([...averageUniqueness(Int32Array.of(2, 2, 2, 2), Int32Array.of(6, 6, 6, 6), 10)]).toEqual([
      0.25, 0.25, 0.25, 0.25,
    ]);
  });

  it('adds up to at most the number of bars with labels', () => {
    fc.assert(
      fc.property(labels, (list) => {
        const from = Int32Array.from(list, (label) => label.from);
        const end = from.map((first, i) => first + list[i]!.bars);
        const sum = averageUniqueness(from, end, 100).reduce((total, share) => total + share, 0);
        expect(sum).toBeLessThanOrEqual(Math.min(list.length, 100) + 1e-9);
      }),
    );
  });

  it('is nothing for no labels', () => {
    expect(averageUniqueness(new Int32Array(), new Int32Array(), 0)).toEqual(new Float64Array());
  });
});

describe('sampleWeights', () => {
  it('are proportional to the root of the uniqueness, with mean 1', () => {
    expect([...sampleWeights(Float64Array.of(0.0625, 0.25, 0.5625))]).toEqual([0.5, 1, 1.5]);
    expect(sampleWeights(new Float64Array())).toEqual(new Float64Array());
  });
});
