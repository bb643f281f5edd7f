import { describe, expect, it } from 'vitest';
import { SUMS } from './aggregate/sums.ts';
import { Graph } from '../graph.ts';
import { folded, type Aggregate } from './fold.ts';

/** Sums that count their merges: those of `merge`, and three of each bar. */
function countingSums(): { readonly aggregate: Aggregate; merges: number } {
  const counted = {
    merges: 0,
    aggregate: {
      ...SUMS,
      merge: (...places: Parameters<Aggregate['merge']>) => {
        counted.merges++;
        SUMS.merge(...places);
      },
    },
  };
  return counted;
}

/** The sums of the last `window` of 1, 2, 4, 8 … modulo a prime, and the most merges of whole blocks in one bar. */
function foldAll(window: number, numbers: readonly number[]): { sums: number[]; most: number; mean: number } {
  const counted = countingSums();
  const graph = new Graph(1);
  const input = graph.input('x');
  const [out] = folded(graph, counted.aggregate, [input], window);
  const { all, windows, layout } = graph.steps();
  const state = { bars: 0, memory: layout.createMemories(1)[0]! };
  windows[0]!.begin(state.memory);
  const sums: number[] = [];
  let most = 0;
  let total = 0;
  numbers.forEach((number, index) => {
    graph.numbers[0] = number;
    input.values[0] = valueOf(index);
    counted.merges = 0;
    all[0]!.run(state, 1);
    state.bars++;
    most = Math.max(most, counted.merges);
    total += counted.merges;
    sums.push(out!.values[0]!);
  });
  return { sums, most, mean: total / numbers.length };
}

const valueOf = (index: number): number => (index * 7919) % 10_007;

describe('a fold', () => {
  it.each([
    ['consecutive bars', 1440, (i: number) => i],
    ['a bar every 800 minutes', 1440, (i: number) => 800 * i],
    [
      'a bar every 700 minutes, now and then none for weeks',
      1440,
      (i: number) => 700 * i + 40_000 * Math.floor(i / 100),
    ],
    ['bars of which every block has one', 300, (i: number) => 150 * i],
    ['bars beside powers of two', 64, (i: number) => 31 * i + 5],
  ])('joins whole blocks in logarithmic time, with %s', (_, window, numberOf) => {
    const numbers = Array.from({ length: 4 * window }, (__, i) => 20_000_000 + numberOf(i));
    const { sums, most, mean } = foldAll(window, numbers);
    // Integers: any order of additions gives the same.
    let expected = 0;
    sums.forEach((sum, i) => {
      expected += valueOf(i) - (i >= window ? valueOf(i - window) : 0);
      expect(sum).toBe(i + 1 < window ? NaN : expected);
    });
    // A path down and up a tree of as many blocks as the window spans, and the nodes that the new bar finishes.
    expect(most).toBeLessThanOrEqual(3 * Math.ceil(Math.log2(2 * window)) + 3);
    expect(mean).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(2 * window)));
  });
});
