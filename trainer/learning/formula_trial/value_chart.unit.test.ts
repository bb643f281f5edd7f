import { expect, it } from 'vitest';
import { countValues } from './distribution.ts';
import { valueChart } from './value_chart.ts';

it('joins bars to columns from the least to the greatest value, and leaves out what is missing', () => {
  const time = Float64Array.from({ length: 7 }, (_, i) => 60 * i);
  const values = Float64Array.of(3, 1, NaN, NaN, 2, 9, -4);
  expect(valueChart(time, values, 3)).toEqual({
    time: [60, 180, 360],
    least: [1, null, -4],
    greatest: [3, null, 9],
  });
  expect(valueChart(time, values, 100).time).toEqual([...time]);
  expect(valueChart(new Float64Array(), new Float64Array(), 5)).toEqual({ time: [], least: [], greatest: [] });
});

it('counts values by parts, and what is beyond in the outer ones', () => {
  expect(countValues(Float64Array.of(-9, 0, 0.9, 1, 3.9, 99, NaN), 0, 4, 4)).toEqual([3, 1, 0, 2]);
  expect(countValues(Float64Array.of(5, 5), 5, 5, 2)).toEqual([2, 0]);
});
