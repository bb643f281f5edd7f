import { describe, expect, it, vi } from 'vitest';
import type { Bar, OpenTime } from '../../bar.ts';
import { parsePair } from '../../pair.ts';
import { DEFAULT, randomPair } from './features.fixture.ts';

const PAIRS = ['A_B', 'A_C', 'C_B'].map(parsePair);
/** One boxed double per step would be 9,000 × 16 bytes. */
const NOTHING_BYTES = 5000;
const isNothing = (bytes: number): boolean => bytes >= 0 && bytes < NOTHING_BYTES;

/** Bytes that each round of 3,000 minutes allocates, until one allocates nothing. */
async function bytesPerRound(): Promise<number[]> {
  vi.resetModules();
  const { FeatureEngine } = await import('./features.ts');
  const { a, b } = randomPair('memory', 3000);
  // Whole minutes that fit a small integer, as those of this century do: V8 stores larger and fractional numbers on
  // the heap.
  const roundSeconds = a.at(-1)!.time - a[0]!.time + 60;
  const engine = new FeatureEngine(PAIRS, DEFAULT);
  const grown: number[] = [];
  // The first rounds run code that is not compiled yet, and a collection may fall into any: one clean round is proof.
  for (let round = 0; round < 60 && !grown.some(isNothing); round++) {
    const batches = a.map((_, t) => {
      const at = (bar: Bar): Bar => ({ ...bar, time: (bar.time + round * roundSeconds) as OpenTime });
      const barA = at(a[t]!);
      const barB = at(b[t]!);
      return PAIRS.map((_, pairIndex) => ({ pairIndex, a: pairIndex === 2 ? barB : barA, b: barB }));
    });
    const before = process.memoryUsage().heapUsed;
    // By index: what `for of` allocates in newer versions of Node would be measured too.
    for (let i = 0; i < batches.length; i++) engine.step(batches[i]!);
    grown.push(process.memoryUsage().heapUsed - before);
  }
  return grown;
}

// In a file and so in a process of its own: bars of many shapes, as other tests have, make the compiler box doubles.
describe('FeatureEngine', () => {
  it('allocates nothing per step, once it is warm', async () => {
    // Inlining by V8 depends on the moment at which it compiles, most of all in Node 22: new copies of the code are
    // compiled again.
    const copies: number[][] = [];
    for (let copy = 0; copy < 4 && !copies.some((grown) => grown.some(isNothing)); copy++)
      copies.push(await bytesPerRound());
    expect(copies.at(-1)!.some(isNothing), `bytes per round: ${copies.map(String).join('; ')}`).toBe(true);
  });
});
