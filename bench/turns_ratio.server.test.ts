import { expect, it } from 'vitest';
import { createRng } from '../shared/rng.ts';
import { percentiles } from './percentiles.ts';
import { percentileRatio, type Turns } from './turns_ratio.ts';

const rng = createRng('ratio');
const turns = (count: number): Turns[] =>
  Array.from({ length: count }, () => ({
    one: Array.from({ length: 24 }, () => 100 + 10 * rng.uniform()),
    both: Array.from({ length: 24 }, () => 1.2 * (100 + 10 * rng.uniform())),
  }));

it('the interval of a p99 ratio contains the true one, and narrows with more turns', () => {
  const few = percentileRatio(turns(4), 0.99);
  const many = percentileRatio(turns(40), 0.99);
  for (const { ratio, interval } of [few, many]) {
    expect(interval[0]).toBeLessThanOrEqual(ratio);
    expect(interval[1]).toBeGreaterThanOrEqual(ratio);
  }
  expect(many.interval[0]).toBeLessThan(1.2);
  expect(many.interval[1]).toBeGreaterThan(1.19);
  const width = ({ interval: [low, high] }: typeof few): number => high - low;
  expect(width(many)).toBeLessThan(width(few));
});

it.each([
  [0.99, 'p99'],
  [0.999, 'p999'],
] as const)('a resample of turns has the percentile %d of its values', (share, name) => {
  const uneven = turns(30).map(({ one, both }, i) => ({ one: one.slice(i % 5), both: i === 7 ? [] : both }));
  const ratioOf = (chosen: readonly Turns[]): number =>
    percentiles(chosen.flatMap(({ both }) => both))[name] / percentiles(chosen.flatMap(({ one }) => one))[name];
  const draws = createRng('oracle');
  const ratios = Array.from({ length: 400 }, () => ratioOf(uneven.map(() => uneven[draws.integer(30)]!)));
  ratios.sort((a, b) => a - b);
  const { ratio, interval } = percentileRatio(uneven, share, 'oracle');
  expect(ratio).toBe(ratioOf(uneven));
  expect(interval).toEqual([ratios[9], ratios[389]]);
});
