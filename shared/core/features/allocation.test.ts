import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../../bar.ts';
import { parsePair } from '../../pair.ts';
import { DEFAULT, randomPair } from './features.fixture.ts';
import { FeatureEngine } from './features.ts';

// In a file and so in a process of its own: bars of many shapes, as other tests have, make the compiler box doubles.
describe('FeatureEngine', () => {
  it('allocates nothing per step, once it is warm', () => {
    const pairs = ['A_B', 'A_C', 'C_B'].map(parsePair);
    const { a, b } = randomPair('memory', 3000);
    // Whole minutes that fit a small integer, as those of this century do: V8 stores larger and fractional numbers on
    // the heap.
    const roundSeconds = a.at(-1)!.time - a[0]!.time + 60;
    const engine = new FeatureEngine(pairs, DEFAULT);
    const grown: number[] = [];
    // The first rounds run code that is not compiled yet, and a collection may fall into any: one clean round is proof.
    for (let round = 0; round < 60 && !grown.some((bytes) => bytes >= 0 && bytes < 5000); round++) {
      const batches = a.map((_, t) => {
        const at = (bar: Bar): Bar => ({ ...bar, time: (bar.time + round * roundSeconds) as OpenTime });
        const [barA, barB] = [at(a[t]!), at(b[t]!)];
        return pairs.map((_, pairIndex) => ({ pairIndex, a: pairIndex === 2 ? barB : barA, b: barB }));
      });
      const before = process.memoryUsage().heapUsed;
      // By index: what `for of` allocates in newer versions of Node would be measured too.
      for (let i = 0; i < batches.length; i++) engine.step(batches[i]!);
      grown.push(process.memoryUsage().heapUsed - before);
    }
    // One boxed double per step would be 9,000 × 16 bytes.
    expect(
      grown.some((bytes) => bytes >= 0 && bytes < 5000),
      `bytes per round: ${grown.join(', ')}`,
    ).toBe(true);
  });
});
