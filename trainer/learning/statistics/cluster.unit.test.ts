import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { clusteredMean, errorsOfChance, meanOverBlocks } from './cluster.ts';

const values = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 2, maxLength: 40 });

describe('clusteredMean', () => {
  it('has the textbook standard error where every block is one value', () => {
    fc.assert(
      fc.property(values, (own) => {
        const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
        const variance = own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (own.length - 1);
        const told = clusteredMean(
          own,
          own.map(() => 1),
        );
        expect(told.mean).toBeCloseTo(mean, 9);
        expect(told.standardError).toBeCloseTo(Math.sqrt(variance / own.length), 9);
      }),
    );
  });

  it('has the same error for values repeated five times as for those values alone', () => {
    const rng = createRng('cluster/five');
    const own = Array.from({ length: 50 }, () => rng.normal());
    const alone = clusteredMean(
      own,
      own.map(() => 1),
    );
    const often = meanOverBlocks(
      own.flatMap((value) => Array<number>(5).fill(value)),
      own.flatMap((_, block) => Array<number>(5).fill(block)),
      50,
    );
    expect(often.standardError).toBeCloseTo(alone.standardError, 12);
    expect(often.mean).toBeCloseTo(alone.mean!, 12);
  });

  it('estimates how far means of correlated values really scatter', () => {
    const rng = createRng('cluster/scatter');
    const means: number[] = [];
    let told = 0;
    for (let run = 0; run < 300; run++) {
      // Blocks of 20 values with a part of their own.
      const own: number[] = [];
      const block: number[] = [];
      for (let b = 0; b < 25; b++) {
        const common = rng.normal();
        for (let i = 0; i < 20; i++) {
          own.push(common + rng.normal());
          block.push(b);
        }
      }
      const { mean, standardError } = meanOverBlocks(own, block, 25);
      means.push(mean!);
      told += standardError / 300;
    }
    const scatter = Math.sqrt(means.reduce((sum, mean) => sum + mean * mean, 0) / means.length);
    expect(told / scatter).toBeGreaterThan(0.85);
    expect(told / scatter).toBeLessThan(1.15);
  });

  it('is null without values, and has no error with a single block', () => {
    expect(clusteredMean([0, 0], [0, 0])).toEqual({ mean: null, standardError: Infinity, blocks: 0 });
    expect(clusteredMean([0, 6], [0, 3])).toEqual({ mean: 2, standardError: Infinity, blocks: 1 });
  });
});

describe('errorsOfChance', () => {
  it('is Student’s t as tabled for three standard deviations, and nothing can be inferred from fewer than five blocks', () => {
    // JCGM 100:2008, table G.2, 99.73 %.
    for (const [freedom, t] of [
      [4, 6.62],
      [5, 5.51],
      [9, 4.09],
      [20, 3.42],
      [50, 3.16],
      [100, 3.077],
    ] as const)
      expect(Math.abs(errorsOfChance(3, freedom + 1) / t - 1)).toBeLessThan(0.15 / freedom);
    expect(errorsOfChance(3, 1e9)).toBeCloseTo(3, 6);
    expect(errorsOfChance(3, 4)).toBe(Infinity);
  });
});
