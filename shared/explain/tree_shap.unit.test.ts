import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeOnnx, encodeOnnx } from '../bundle/onnx/onnx.ts';
import { withCover } from '../bundle/onnx/tree_cover.ts';
import { predictLogits, type TreeEnsemble } from '../bundle/onnx/tree_ensemble.ts';
import { randomEnsemble, randomRows } from '../bundle/tree_kernel/random_ensemble.fixture.ts';
import { createRng } from '../rng.ts';
import { shapleyBySubsets } from './tree_shap.oracle.ts';
import { treeShap } from './tree_shap.ts';

function covered(seed: number, trees: number, leaves: number, columns: number): TreeEnsemble {
  const ensemble = randomEnsemble({ trees, leaves, columns, seed: `shap ${seed}` });
  const x = { rows: 300, columns, values: randomRows(createRng(`cover ${seed}`), 300, columns) };
  return withCover({ link: 'sigmoid', ensembles: [ensemble] }, x).ensembles[0]!;
}

const rowOf = (seed: number, columns: number): Float32Array => randomRows(createRng(`row ${seed}`), 1, columns, 0.2);

describe('tree SHAP', () => {
  it('equals the definition of Shapley values, also where a path splits on one feature several times', () => {
    const shape = fc.record({
      seed: fc.integer(),
      trees: fc.integer({ min: 1, max: 3 }),
      leaves: fc.integer({ min: 1, max: 12 }),
      columns: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(shape, ({ seed, trees, leaves, columns }) => {
        const ensemble = covered(seed, trees, leaves, columns);
        const row = rowOf(seed, columns);
        const fast = treeShap(ensemble, row);
        const slow = shapleyBySubsets(ensemble, row);
        expect(fast.expected).toBeCloseTo(slow.expected, 12);
        for (let c = 0; c < columns; c++) expect(fast.contributions[c]).toBeCloseTo(slow.contributions[c]!, 10);
      }),
      { numRuns: 150 },
    );
  });

  it('adds up to the score of trees as large as those of a bundle', () => {
    for (const seed of [1, 2, 3]) {
      const ensemble = covered(seed, 60, 31, 30);
      const row = rowOf(seed, 30);
      const { expected, contributions } = treeShap(ensemble, row);
      const score = predictLogits(ensemble, { rows: 1, columns: 30, values: row })[0]!;
      expect(contributions.reduce((sum, share) => sum + share, expected)).toBeCloseTo(score, 9);
    }
  });

  it('gives the same contributions after the ONNX file, which carries the cover', () => {
    const ensemble = covered(7, 5, 8, 4);
    const row = rowOf(7, 4);
    const { ensemble: read } = decodeOnnx(encodeOnnx(ensemble));
    expect(read.trees).toEqual(ensemble.trees);
    expect(treeShap(read, row)).toEqual(treeShap(ensemble, row));
  });

  it('is refused for trees without cover', () => {
    const ensemble = randomEnsemble({ trees: 1, leaves: 4, columns: 3, seed: 'bare' });
    expect(() => treeShap(ensemble, rowOf(1, 3))).toThrow(expect.objectContaining({ code: 'EXPLAIN_NO_COVER' }));
  });
});
