import { expect, it } from 'vitest';
import { createRng } from '../shared/rng.ts';
import { p99Ratio } from './turns_ratio.ts';

it('the interval of a p99 ratio contains the true one, and narrows with more turns', () => {
  const rng = createRng('ratio');
  const turns = (count: number) =>
    Array.from({ length: count }, () => ({
      one: Array.from({ length: 24 }, () => 100 + 10 * rng.uniform()),
      both: Array.from({ length: 24 }, () => 1.2 * (100 + 10 * rng.uniform())),
    }));
  const [few, many] = [p99Ratio(turns(4)), p99Ratio(turns(40))];
  for (const { ratio, interval } of [few, many]) {
    expect(interval[0]).toBeLessThanOrEqual(ratio);
    expect(interval[1]).toBeGreaterThanOrEqual(ratio);
  }
  expect(many.interval[0]).toBeLessThan(1.2);
  expect(many.interval[1]).toBeGreaterThan(1.19);
  const width = ({ interval: [low, high] }: typeof few): number => high - low;
  expect(width(many)).toBeLessThan(width(few));
});
