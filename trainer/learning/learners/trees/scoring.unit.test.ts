import { describe, expect, it } from 'vitest';
import { predictLogits, predictModel, type TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { randomEnsemble, randomRows } from '../../../../shared/bundle/tree_kernel/random_ensemble.fixture.ts';
import { softmaxScorer } from '../../../../shared/bundle/direction/direction_scoring.ts';
import { encodeTreeModel } from '../../../../shared/bundle/onnx/onnx.ts';
import { openOwnModel, readOwnModel } from '../../../../shared/bundle/own_model.ts';
import { createRng } from '../../../../shared/rng.ts';
import { answersInGraph, openRawScorer, scoreLogits, treeAnswers } from './scoring.ts';

const COLUMNS = 6;
/** More than one call of the kernel takes, and no multiple of it. */
const ROWS = 9001;
const x = { rows: ROWS, columns: COLUMNS, values: randomRows(createRng('scoring'), ROWS, COLUMNS) };
const ensembleOf = (seed: string) => randomEnsemble({ trees: 40, leaves: 20, columns: COLUMNS, seed });
const sigmoidModel: TreeModel = { link: 'sigmoid', ensembles: [ensembleOf('a')] };

function worstDistance(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let worst = found.length === expected.length ? 0 : Infinity;
  for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(found[i]! - expected[i]!));
  return worst;
}

describe('treeAnswers', () => {
  it('is the probability of the float64 reference to the precision of a float32', () => {
    expect(worstDistance(treeAnswers(sigmoidModel, x), predictModel(sigmoidModel, x))).toBeLessThan(1e-6);
  });

  it('is the float64 sum itself without a sigmoid', () => {
    const forest: TreeModel = { ...sigmoidModel, link: 'identity' };
    expect(treeAnswers(forest, x)).toEqual(predictModel(forest, x));
  });

  it('is by row, of classes the softmax of the raw scores, of a forest of classes a float32 for each share', () => {
    const ensembles = [ensembleOf('a'), ensembleOf('b'), ensembleOf('c')];
    const model: TreeModel = { link: 'softmax', ensembles };
    const answers = treeAnswers(model, x);
    expect(worstDistance(answers, predictModel(model, x))).toBeLessThan(1e-5);
    expect([...answers.subarray(0, 3 * 20)]).toEqual([...softmaxScorer(model, 20)(x.values, 20).subarray(0, 3 * 20)]);
    const forest: TreeModel = { link: 'identity', ensembles };
    expect([...treeAnswers(forest, x)]).toEqual([...predictModel(forest, x).map(Math.fround)]);
  });
});

describe('answersInGraph', () => {
  it.each(['softmax', 'identity'] as const)('are those of our own graph, bit by bit (%s)', (link) => {
    const ensembles = [ensembleOf('a'), ensembleOf('b'), ensembleOf('c')];
    const { model } = readOwnModel(encodeTreeModel({ link, ensembles }));
    const own = openOwnModel(model, ROWS)(x.values, ROWS);
    expect(answersInGraph({ link, ensembles }, x)).toEqual(Float64Array.from(own));
  });
});

describe('raw scores', () => {
  it('are the sums of the trees, ensemble by ensemble', () => {
    const ensembles = [ensembleOf('a'), ensembleOf('b'), ensembleOf('c')];
    const raw = openRawScorer({ link: 'softmax', ensembles })(x);
    ensembles.forEach((ensemble, i) => expect(worstDistance(raw[i]!, predictLogits(ensemble, x))).toBeLessThan(1e-4));
    expect([...scoreLogits(sigmoidModel, x)]).toEqual([...raw[0]!]);
  });
});
