import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../rng.ts';
import { encodeOnnx } from '../onnx/onnx.ts';
import { decodeModel, encodeModel } from '../onnx/schema.ts';
import { findLeaf, predict, type TreeEnsemble } from '../onnx/tree_ensemble.ts';
import { loadScorer } from '../scorer.ts';
import { checkRows } from './cross_check.ts';
import { PASS_ROWS, packTrees } from './pack.ts';
import { randomEnsemble, randomRows } from './random_ensemble.fixture.ts';
import { openTreeKernel } from './tree_kernel.ts';

/** Edge values of float32. */
const EDGES = [0, -0, Infinity, -Infinity, 1.401298464324817e-45, -1.1754943508222875e-38, 3.4028234663852886e38, 1];

/** A threshold that is an edge one time in three. */
const edgy = (rng: ReturnType<typeof createRng>): number =>
  rng.uniform() < 0.3 ? EDGES[rng.integer(EDGES.length)]! : Math.fround(rng.normal());

/** Leaves summed in float32 in the order of the trees, the base last: what the kernel promises to the bit. */
function float32Logits(ensemble: TreeEnsemble, features: Float32Array): Float32Array {
  const rows = features.length / ensemble.columns;
  return Float32Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (const tree of ensemble.trees)
      sum = Math.fround(sum + tree.value[findLeaf(tree, features, row * ensemble.columns)]!);
    return sum + ensemble.baseScore;
  });
}

/** The same graph without its Sigmoid. */
function logitsOnnx(ensemble: TreeEnsemble): Uint8Array {
  const model = decodeModel(encodeOnnx(ensemble));
  model.graph.nodes.pop();
  model.graph.nodes[0]!.outputs = ['score'];
  return encodeModel(model);
}

/** Leaves summed in float64, the base last, and the sum rounded once. */
function float64Logits(ensemble: TreeEnsemble, features: Float32Array): Float32Array {
  const rows = features.length / ensemble.columns;
  return Float32Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (const tree of ensemble.trees) sum += tree.value[findLeaf(tree, features, row * ensemble.columns)]!;
    return sum + ensemble.baseScore;
  });
}

function scoreByKernel(
  ensemble: TreeEnsemble,
  link: 'none' | 'sigmoid',
  features: Float32Array,
  sums: 'float32' | 'float64' = 'float32',
): Float32Array {
  const rows = features.length / ensemble.columns;
  const kernel = openTreeKernel([packTrees(ensemble, link, sums)], rows);
  kernel.score(features, rows);
  return kernel.answers[0]!.slice(0, rows);
}

/** −0 and 0 are the same answer. */
const plain = (values: ArrayLike<number>): number[] => Array.from(values, (value) => value + 0);

describe('the tree kernel', () => {
  it('gives the float32 and the float64 sum of the leaves to the bit, for trees of 1 to 100 leaves and rows at the limits of the nodes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 60 }),
        fc.string(),
        (trees, leaves, columns, rows, seed) => {
          const ensemble = randomEnsemble({ trees, leaves, columns, seed, threshold: edgy });
          const features = checkRows(ensemble, seed).slice(0, rows * columns);
          expect(plain(scoreByKernel(ensemble, 'none', features))).toEqual(plain(float32Logits(ensemble, features)));
          expect(plain(scoreByKernel(ensemble, 'none', features, 'float64'))).toEqual(
            plain(float64Logits(ensemble, features)),
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it('gives a row the same answer alone, among others and whatever follows the last one', () => {
    const ensemble = randomEnsemble({ trees: 40, leaves: 33, columns: 9, seed: 'alone', threshold: edgy });
    const features = checkRows(ensemble, 'alone');
    const rows = features.length / 9;
    const kernel = openTreeKernel([packTrees(ensemble, 'sigmoid')], rows);
    kernel.score(features, rows);
    const all = kernel.answers[0]!.slice();
    for (let count = 1; count <= 3 * PASS_ROWS + 1; count++) {
      for (const from of [0, 17, 101]) {
        // The lanes of rows that are not there hold what the call before left.
        kernel.score(features.subarray(from * 9), count);
        expect(kernel.answers[0]!.slice(0, count)).toEqual(all.slice(from, from + count));
      }
    }
  });

  it('reads each node once and in order, for a single row too', () => {
    const trees = 300;
    const leaves = 31;
    const { bytes } = packTrees(randomEnsemble({ trees, leaves, columns: 9, seed: 'bytes' }), 'sigmoid');
    expect(bytes.length).toBe(trees * (8 + 12 * (leaves - 1) + 4 * leaves));
  });

  it('equals onnxruntime to the bit before the sigmoid, and is within 1e-6 of it after', async () => {
    for (const [trees, leaves] of [
      [1, 1],
      [1, 2],
      [7, 4],
      [8, 16],
      [300, 31],
      [50, 32],
      [9, 33],
      [30, 64],
      [5, 300],
    ] as const) {
      const ensemble = randomEnsemble({ trees, leaves, columns: 11, seed: `${trees}x${leaves}`, threshold: edgy });
      const hard = checkRows(ensemble, 'onnxruntime');
      const features = Float32Array.from([...hard, ...randomRows(createRng(leaves), 700, 11)]);
      const rows = features.length / 11;
      const logits = await loadScorer(logitsOnnx(ensemble), { columns: 11, bars: 1 }, 'logits');
      const expected = await logits.score(features, rows);
      expect(plain(scoreByKernel(ensemble, 'none', features))).toEqual(plain(expected));
      await logits.release();

      const probabilities = await loadScorer(encodeOnnx(ensemble), { columns: 11, bars: 1 }, 'probabilities');
      const answers = await probabilities.score(features, rows);
      const reference = predict(ensemble, { rows, columns: 11, values: features });
      scoreByKernel(ensemble, 'sigmoid', features).forEach((own, row) => {
        expect(Math.abs(own - answers[row]!)).toBeLessThanOrEqual(1e-6);
        expect(Math.abs(own - reference[row]!)).toBeLessThanOrEqual(1e-6);
      });
      await probabilities.release();
    }
  });

  it('keeps the answers of several ensembles in one memory separate', () => {
    const ensembles = [3, 40, 300].map((trees) =>
      randomEnsemble({ trees, leaves: 2 + (trees % 50), columns: 6, seed: `${trees}` }),
    );
    const kernel = openTreeKernel(
      ensembles.map((ensemble) => packTrees(ensemble, 'sigmoid')),
      100,
    );
    const features = randomRows(createRng('together'), 100, 6, 0.2);
    kernel.score(features, 100);
    ensembles.forEach((ensemble, i) =>
      expect(kernel.answers[i]!.slice(0, 100)).toEqual(scoreByKernel(ensemble, 'sigmoid', features)),
    );
  });

  it('has a sigmoid that stays in [0, 1], keeps NaN, and is within 1e-7 of the true one', () => {
    const logits = [
      -Infinity,
      -1e30,
      -88,
      -20,
      -18,
      -17.99,
      -5,
      -1e-3,
      0,
      1e-10,
      0.3,
      4,
      17.99,
      18,
      19,
      1e38,
      Infinity,
    ];
    for (const logit of logits) {
      const ensemble: TreeEnsemble = { columns: 1, baseScore: logit, trees: [] };
      for (const rows of [1, 4]) {
        const [answer] = scoreByKernel(ensemble, 'sigmoid', new Float32Array(rows));
        expect(answer).toBeGreaterThanOrEqual(0);
        expect(answer).toBeLessThanOrEqual(1);
        expect(Math.abs(answer! - 1 / (1 + Math.exp(-Math.fround(logit))))).toBeLessThan(1e-7);
      }
    }
    expect(scoreByKernel({ columns: 1, baseScore: NaN, trees: [] }, 'sigmoid', new Float32Array(3))).toEqual(
      new Float32Array(3).fill(NaN),
    );
  });

  it('refuses more rows than its capacity, and ensembles of several widths', () => {
    const ensembles = [3, 4].map((columns) => randomEnsemble({ trees: 1, leaves: 2, columns, seed: 'width' }));
    const kernel = openTreeKernel([packTrees(ensembles[0]!, 'none')], 2);
    expect(() => kernel.score(new Float32Array(9), 3)).toThrow(RangeError);
    expect(() =>
      openTreeKernel(
        ensembles.map((ensemble) => packTrees(ensemble, 'none')),
        2,
      ),
    ).toThrow(RangeError);
  });
});
