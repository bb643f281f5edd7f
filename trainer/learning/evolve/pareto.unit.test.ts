import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crowdingDistances, paretoFronts } from './pareto.ts';

const POINTS = fc.array(fc.tuple(fc.nat(4), fc.nat(4), fc.nat(4)), { minLength: 1, maxLength: 25 });

function dominates(a: readonly number[], b: readonly number[]): boolean {
  return a.every((value, i) => value >= b[i]!) && a.some((value, i) => value > b[i]!);
}

describe('fronts', () => {
  it('are those of taking away what nothing dominates, again and again', () => {
    fc.assert(
      fc.property(POINTS, (points) => {
        const expected = new Array<number>(points.length).fill(-1);
        for (let rank = 0; expected.includes(-1); rank++) {
          const left = [...points.keys()].filter((i) => expected[i] === -1);
          for (const i of left) if (!left.some((k) => dominates(points[k]!, points[i]!))) expected[i] = rank;
        }
        expect([...paretoFronts(points)]).toEqual(expected);
      }),
    );
  });

  it('prefer points at the ends, then those far from their neighbors', () => {
    const points = [
      [0, 10],
      [1, 9],
      [5, 5],
      [10, 0],
    ];
    const distance = crowdingDistances(points, paretoFronts(points));
    expect([...distance]).toEqual([Infinity, 1, 1.8, Infinity]);
  });
});
