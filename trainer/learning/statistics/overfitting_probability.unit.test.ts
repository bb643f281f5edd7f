import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { overfittingByDefinition } from './overfitting_probability.oracle.ts';
import { overfittingProbability } from './overfitting_probability.ts';

const BLOCK_OF = Int32Array.from({ length: 320 }, (_, i) => Math.floor(i / 20));

function noise(seed: string, trials: number, mean: (trial: number) => number): Float64Array[] {
  const rng = createRng(seed);
  return Array.from({ length: trials }, (_, k) => Float64Array.from(BLOCK_OF, () => mean(k) + rng.normal()));
}

describe('the probability of backtest overfitting', () => {
  it('is 0 where one trial is the best in every half, over all 12,870 halves', () => {
    const { probability, splits, trials } = overfittingProbability(
      noise('skill', 20, (k) => (k === 7 ? 1 : 0)),
      BLOCK_OF,
    );
    expect([probability, splits, trials]).toEqual([0, 12_870, 20]);
  });

  it('is 1 where whatever is best in one half is worst in the other', () => {
    // Trial k earns in block k alone, and loses as much in all others.
    const trials = Array.from({ length: 2 }, (_, k) =>
      Float64Array.from([0, 0, 1, 1], (block, i) => (block === k ? 1 : -1) + (i % 2) * 0.1),
    );
    expect(overfittingProbability(trials, [0, 0, 1, 1], 2)).toEqual({ probability: 1, splits: 2, trials: 2 });
  });

  it('of trials without skill is one half on average', () => {
    const probabilities = Array.from(
      { length: 24 },
      (_, seed) =>
        overfittingProbability(
          noise(`none ${seed}`, 12, () => 0),
          BLOCK_OF.map((block) => block >> 1),
          8,
        ).probability,
    );
    const mean = probabilities.reduce((sum, own) => sum + own, 0) / probabilities.length;
    expect(mean).toBeGreaterThan(0.35);
    expect(mean).toBeLessThan(0.65);
  });

  it('ranks equal trials in the middle, and needs two of them', () => {
    const same = Float64Array.from(BLOCK_OF, (_, i) => Math.sin(i));
    expect(overfittingProbability([same, same, same], BLOCK_OF).probability).toBe(1);
    expect(() => overfittingProbability([same], BLOCK_OF)).toThrow(RangeError);
  });

  it('is that of every half on its own, for any trials and blocks of any size', () => {
    const value = fc.oneof(fc.constantFrom(0, 0, 0, -0.01), fc.double({ min: -0.1, max: 0.1, noNaN: true }));
    const cases = fc.record({
      blocks: fc.constantFrom(2, 4, 6, 8),
      rows: fc.array(fc.array(value, { minLength: 24, maxLength: 24 }), { minLength: 2, maxLength: 12 }),
    });
    fc.assert(
      fc.property(cases, ({ blocks, rows }) => {
        // Equal trials tie.
        const trials = [...rows, rows[0]!];
        const blockOf = rows[0]!.map((_, i) => Math.floor((i * blocks) / 24));
        expect(overfittingProbability(trials, blockOf, blocks)).toEqual(
          overfittingByDefinition(trials, blockOf, blocks),
        );
      }),
    );
    const trials = noise('oracle', 30, () => 0);
    expect(overfittingProbability(trials, BLOCK_OF)).toEqual(overfittingByDefinition(trials, BLOCK_OF));
  });
});
