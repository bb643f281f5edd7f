import { expect, it } from 'vitest';
import { solve } from './linear_solve.ts';

const rows = (...all: number[][]): Float64Array[] => all.map((row) => Float64Array.from(row));
const solved = (a: readonly Float64Array[], ...b: number[]): number[] => [...solve(a, Float64Array.from(b))];

it('a linear system is solved with the largest pivot of each column, and left as it is', () => {
  const a = rows([1, 2, 3], [4, 5, 6], [7, 8, 10]);
  solved(a, 14, 32, 53).forEach((x, i) => expect(x).toBeCloseTo(i + 1, 12));
  expect(a).toEqual(rows([1, 2, 3], [4, 5, 6], [7, 8, 10]));
  expect(solved(rows([0, 1], [2, 0]), 3, 4)).toEqual([2, 3]);
  expect(solved(rows([1e-20, 1], [1, 1]), 1, 2)).toEqual([1, 1]);
  expect(solved(rows([1e-20, 1], [-1, 1]), 1, 0)).toEqual([1, 1]);
  expect(solved(rows([-4, 0], [2, 1]), 4, 1)).toEqual([-1, 3]);
});

it('a singular system is refused', () => {
  expect(() => solved(rows([1, 2], [2, 4]), 1, 2)).toThrow(new RangeError('column 1 of 2 is singular'));
  expect(() => solved(rows([0, 2], [0, 4]), 1, 2)).toThrow(new RangeError('column 0 of 2 is singular'));
  expect(() => solved(rows([NaN]), 1)).toThrow(new RangeError('column 0 of 1 is singular'));
});
