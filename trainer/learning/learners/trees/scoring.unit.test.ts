import { describe, expect, it } from 'vitest';
import { predictLogits, predictModel, type TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { randomEnsemble, randomRows } from '../../../../shared/bundle/tree_kernel/random_ensemble.fixture.ts';
import { createRng } from '../../../../shared/rng.ts';
import { openRawScorer, scoreLogits, treeAnswer } from './scoring.ts';

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

describe('treeAnswer', () => {
  it('is the probability of the float64 reference to the precision of a float32', () => {
    expect(worstDistance(treeAnswer(sigmoidModel, x), predictModel(sigmoidModel, x))).toBeLessThan(1e-6);
  });

  it('is the float64 sum itself without a sigmoid', () => {
    const forest: TreeModel = { ...sigmoidModel, link: 'identity' };
    expect(treeAnswer(forest, x)).toEqual(predictModel(forest, x));
  });

  it('refuses a model with several answers', () => {
    expect(() => treeAnswer({ link: 'softmax', ensembles: [ensembleOf('a'), ensembleOf('b')] }, x)).toThrow(RangeError);
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
