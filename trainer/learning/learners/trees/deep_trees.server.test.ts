import { expect, it } from 'vitest';
import { predictLogits } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { packTrees } from '../../../../shared/bundle/tree_kernel/pack.ts';
import { openTreeKernel } from '../../../../shared/bundle/tree_kernel/tree_kernel.ts';
import { createRng } from '../../../../shared/rng.ts';
import { gbdt } from './gbdt.ts';
import { LEARNER_DEFAULTS, type TrainingTable } from './learner.ts';

const COLUMNS = 5;
const TRAINED_ROWS = 20_000;
const SCORED_ROWS = 500;

function noise(rows: number, seed: string): TrainingTable {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: rows * COLUMNS }, () => (rng.uniform() < 0.03 ? NaN : rng.normal()));
  return {
    x: { rows, columns: COLUMNS, values },
    y: Float64Array.from({ length: rows }, () => Number(rng.uniform() < 0.5)),
    weights: null,
  };
}

// Depths 10 and 12 of a request; a word of the tree kernel has 32 leaves, so that these trees have many words.
it.each([1024, 4096])('trees of %i leaves are learned, and scored as the reference scores them', async (leaves) => {
  const { ensembles } = await gbdt.learn({
    task: { kind: 'binary' },
    table: noise(TRAINED_ROWS, 'deep'),
    params: { ...LEARNER_DEFAULTS, rounds: 2, leaves, minDataInLeaf: 1, l2: 0 },
    stopping: null,
    threads: 1,
    onRound: () => undefined,
  });
  const [ensemble] = ensembles;
  expect(ensemble!.trees.map(({ feature }) => feature.filter((one) => one < 0).length)).toEqual([leaves, leaves]);
  const { x } = noise(SCORED_ROWS, 'scored');
  const kernel = openTreeKernel([packTrees(ensemble!, 'none')], SCORED_ROWS);
  kernel.score(x.values, SCORED_ROWS);
  const expected = predictLogits(ensemble!, x);
  kernel.answers[0]!.subarray(0, SCORED_ROWS).forEach((score, row) => expect(score).toBeCloseTo(expected[row]!, 5));
});
