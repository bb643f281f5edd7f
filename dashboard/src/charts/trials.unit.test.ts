import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawingOrder, importanceOf, trialsOf } from './trials.ts';

type History = Parameters<typeof trialsOf>[0];

function historyOf(rows: readonly { x: number; c: string | null; value: number | null }[]): History {
  return {
    search_id: 'ai1_0',
    direction: 'minimize',
    space: {
      x: { kind: 'float', low: 1, high: 100, log: true },
      c: { kind: 'categorical', choices: ['a', 'b', 'c'] },
      noise: { kind: 'float', low: 0, high: 1 },
    },
    state: rows.map(({ value }) => (value === null ? 'pruned' : 'complete')),
    value: rows.map(({ value }) => value),
    params: {
      x: rows.map(({ x }) => x),
      c: rows.map(({ c }) => c),
      noise: rows.map((_, i) => (i * 0.618) % 1),
    },
  };
}

describe('trials of a search', () => {
  it('are placed on their axes by the parameter’s scale, without pruned ones, ranked from the best', () => {
    const trials = trialsOf(
      historyOf([
        { x: 10, c: 'b', value: 3 },
        { x: 50, c: 'a', value: null },
        { x: 100, c: null, value: 1 },
        { x: 1, c: 'c', value: 2 },
      ]),
    );
    expect([...trials.number]).toEqual([0, 2, 3]);
    expect([...trials.rank]).toEqual([1, 0, 0.5]);
    expect([...trials.places[0]!]).toEqual([0.5, 1, 0]);
    expect([...trials.places[1]!]).toEqual([0.5, NaN, 1]);
    expect(trials.axes.map(({ name }) => name)).toEqual(['x', 'c', 'noise']);
  });

  it('attribute the result to the parameter that it depends on', () => {
    const rows = Array.from({ length: 2000 }, (_, i) => {
      const x = Math.exp(((i * 0.7548776662466927) % 1) * Math.log(100));
      return { x, c: 'abc'[Math.floor(((i * 0.5698402909980532) % 1) * 3)]!, value: (Math.log(x) - 2) ** 2 };
    });
    const [first, ...others] = importanceOf(trialsOf(historyOf(rows)));
    expect(first!.name).toBe('x');
    expect(first!.share).toBeGreaterThan(0.9);
    for (const { name, share } of others) expect(share, name).toBeLessThan(0.02);
  });

  it('are each drawn once, and the first ones span the whole range', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 4, max: 500 }), (count, first) => {
        const rank = Float32Array.from(
          { length: count },
          (_, i) => ((i * 7919) % Math.max(1, count)) / Math.max(1, count),
        );
        const order = drawingOrder({ rank, count }, first);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
        const sample = order.slice(0, first);
        if (count > 10 * first) expect(Math.max(...sample) - Math.min(...sample)).toBeGreaterThan(0.6 * count);
      }),
    );
  });
});
