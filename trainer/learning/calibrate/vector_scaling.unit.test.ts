import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { encodeTreeModel } from '../../../shared/bundle/onnx/onnx.ts';
import { onnxAnswers } from '../../../shared/bundle/onnx/answers.ts';
import { predictLogits, type TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { randomEnsemble, randomRows } from '../../../shared/bundle/tree_kernel/random_ensemble.fixture.ts';
import { multiclassLogLoss } from '../measures/multiclass.ts';
import { fitVectorScaling, scaledProbabilities, vectorScaled } from './vector_scaling.ts';

/** Rows with labels drawn from the softmax of slope · logit + intercept. */
function drawn(rows: number, slope: readonly number[], intercept: readonly number[], seed: string) {
  const rng = createRng(seed);
  const logits = slope.map(() => Float64Array.from({ length: rows }, () => rng.normal()));
  const p = scaledProbabilities(logits, { slope, intercept });
  const labels = Int32Array.from({ length: rows }, (_, row) => {
    let u = rng.uniform();
    for (let k = 0; k < slope.length; k++) if ((u -= p[row * slope.length + k]!) < 0) return k;
    return slope.length - 1;
  });
  return { classes: slope.length, logits, labels };
}

describe('fitVectorScaling', () => {
  it('recovers the slopes of the labels, and intercepts up to a common shift', () => {
    const slope = [0.5, 1.5, 1];
    const intercept = [0.4, -0.6, 0.2];
    const fitted = fitVectorScaling(drawn(20_000, slope, intercept, 'known'));
    expect(fitted.kind).toBe('per_class');
    slope.forEach((own, k) => expect(Math.abs(fitted.slope[k]! - own)).toBeLessThan(0.08));
    const [a, b, c] = fitted.intercept.map((own, k) => own - intercept[k]!);
    expect(Math.max(Math.abs(a! - b!), Math.abs(b! - c!))).toBeLessThan(0.08);
  });

  it('has mean probabilities equal to the base rates of its rows, and no neighbor of lower log loss', () => {
    const rows = drawn(2000, [1, 2, 0.7], [1, 0, -1], 'rates');
    const fitted = fitVectorScaling(rows);
    const p = scaledProbabilities(rows.logits, fitted);
    for (let k = 0; k < 3; k++) {
      const rate = rows.labels.filter((label) => label === k).length / 2000;
      const mean = rows.labels.reduce((sum, _, row) => sum + p[row * 3 + k]!, 0) / 2000;
      expect(mean).toBeCloseTo(rate, 6);
    }
    const loss = (slope: readonly number[], intercept: readonly number[]): number =>
      multiclassLogLoss({
        classes: 3,
        labels: rows.labels,
        probabilities: scaledProbabilities(rows.logits, { slope, intercept }),
      });
    const best = loss(fitted.slope, fitted.intercept);
    for (let k = 0; k < 3; k++)
      for (const by of [-0.01, 0.01]) {
        const moved = (of: readonly number[]): number[] => of.map((own, i) => (i === k ? own + by : own));
        expect(loss(moved(fitted.slope), fitted.intercept)).toBeGreaterThan(best);
        expect(loss(fitted.slope, moved(fitted.intercept))).toBeGreaterThan(best);
      }
  });

  it('gives classes of a group one slope and one intercept, also where higher logits are less often right', () => {
    for (const slopes of [
      [1.2, 0.8, 0.5],
      [-1, -1, -1],
    ]) {
      const rows = drawn(4000, slopes, [0.3, -0.2, 0.1], 'grouped');
      const { kind, slope, intercept } = fitVectorScaling({ ...rows, groups: [0, 0, 1] });
      expect(kind).toBe(slopes[0]! > 0 ? 'per_class' : 'constant');
      expect([slope[0], intercept[0]]).toEqual([slope[1], intercept[1]]);
      const p = scaledProbabilities(rows.logits, { slope, intercept });
      const rateOf = (k: number): number => rows.labels.filter((label) => label === k).length / 4000;
      const meanOf = (k: number): number => rows.labels.reduce((sum, _, row) => sum + p[row * 3 + k]!, 0) / 4000;
      expect(meanOf(0) + meanOf(1)).toBeCloseTo(rateOf(0) + rateOf(1), 6);
      expect(meanOf(2)).toBeCloseTo(rateOf(2), 6);
    }
  });

  it('has one slope for all classes if one of them alone had a negative one', () => {
    const rows = drawn(3000, [1.5, 1.2, -0.3], [0.5, 0, -0.5], 'shared');
    const { kind, slope, intercept } = fitVectorScaling(rows);
    expect([kind, new Set(slope).size]).toEqual(['shared', 1]);
    const loss = (by: number): number => {
      const probabilities = scaledProbabilities(rows.logits, { slope: slope.map((own) => own + by), intercept });
      return multiclassLogLoss({ classes: 3, labels: rows.labels, probabilities });
    };
    expect(Math.min(loss(-0.01), loss(0.01))).toBeGreaterThan(loss(0));
    const p = scaledProbabilities(rows.logits, { slope, intercept });
    for (let k = 0; k < 3; k++) {
      const rate = rows.labels.filter((label) => label === k).length / 3000;
      expect(rows.labels.reduce((sum, _, row) => sum + p[row * 3 + k]!, 0) / 3000).toBeCloseTo(rate, 6);
    }
  });

  it('gives the base rates if higher logits are less often right', () => {
    const rows = drawn(5000, [-1, -1, -1], [0, 0, 0], 'reversed');
    const fitted = fitVectorScaling(rows);
    expect(fitted).toMatchObject({ kind: 'constant', slope: [0, 0, 0] });
    const p = scaledProbabilities(rows.logits, fitted);
    const rate = rows.labels.filter((label) => label === 0).length / 5000;
    expect([p[0], Math.exp(fitted.intercept[0]!)]).toEqual([expect.closeTo(rate, 12), expect.closeTo(rate, 12)]);
  });

  it('refuses rows without a class', () => {
    expect(() => fitVectorScaling({ classes: 2, logits: [[1], [2]], labels: [0] })).toThrow(/no row of class 1/);
    expect(() => fitVectorScaling({ classes: 2, logits: [[1], [2]], labels: [1] })).toThrow(
      new RangeError('no row of class 0 among 1 to calibrate on'),
    );
  });
});

describe('scaledProbabilities', () => {
  it('is finite for any logits', () => {
    const [low, high] = scaledProbabilities([[1000], [2000]], { slope: [1, 0.5], intercept: [0, Math.log(3)] });
    expect([low, high]).toEqual([expect.closeTo(0.25, 12), expect.closeTo(0.75, 12)]);
  });
});

describe('vectorScaled', () => {
  it('is a softmax of trees whose result in onnxruntime equals the scaled logits', async () => {
    const ensembles = ['a', 'b', 'c'].map((seed) => randomEnsemble({ trees: 20, leaves: 9, columns: 5, seed }));
    const model: TreeModel = { link: 'softmax', ensembles };
    const x = { rows: 300, columns: 5, values: randomRows(createRng('rows'), 300, 5) };
    const scaling = { kind: 'per_class', slope: [0.4, 1.2, 0.9], intercept: [0.1, -0.3, 0] } as const;
    const expected = scaledProbabilities(
      ensembles.map((own) => predictLogits(own, x)),
      scaling,
    );
    const scaled = vectorScaled(model, scaling);
    expect(scaled.link).toBe('softmax');
    const { values } = await onnxAnswers(encodeTreeModel(scaled), x);
    expected.forEach((p, i) => expect(Math.abs(values[i]! - p)).toBeLessThan(1e-6));
    expect(() => vectorScaled({ ...model, link: 'identity' }, scaling)).toThrow(/3 × softmax/);
    const two = { ...model, ensembles: ensembles.slice(1) };
    expect(() => vectorScaled(two, scaling)).toThrow(new RangeError('2 × softmax, expected 3 × softmax'));
  });
});
