import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { FitWatch } from './fit_cost.ts';

it('has the seconds of the fits with the first seed, and the most memory of all fits', async () => {
  const before = process.memoryUsage().rss / 2 ** 20;
  const watch = new FitWatch();
  await sleep(60);
  watch.firstSeedDone();
  const { seconds } = watch.cost;
  expect(seconds).toBeGreaterThan(0.055);
  // What other seeds take adds memory alone.
  const held = Buffer.alloc(96 * 2 ** 20, 1);
  watch.step();
  await sleep(20);
  expect(watch.cost.seconds).toBe(seconds);
  expect(watch.cost.memory_mb).toBeGreaterThan(before + 60);
  expect(held[0]).toBe(1);
});

it('memory that is given back stays counted', () => {
  const watch = new FitWatch();
  const first = watch.cost.memory_mb;
  watch.step();
  expect(watch.cost.memory_mb).toBeGreaterThanOrEqual(first);
});
