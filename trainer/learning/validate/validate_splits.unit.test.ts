import { describe, expect, it } from 'vitest';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import { fittedTrees } from '../learners/trees/fitted_trees.ts';
import { crossValidate, outOfFold, splitOfTime, testedScores, validateSplits } from '../learners/cross_validation.ts';
import { modelMetrics } from '../measures/model_metrics.ts';
import type { ValidationRows } from '../dataset/rows.ts';
import { kFoldSplits, type Split } from '../splits/splits.ts';

/** Twelve rows a minute apart, whose value is their number; labels are known at once. */
const time = Float64Array.from({ length: 12 }, (_, row) => row * 60);
const rows: ValidationRows = {
  x: { rows: 12, columns: 1, values: Float32Array.from({ length: 12 }, (_, row) => row) },
  y: Float64Array.from({ length: 12 }, (_, row) => (row % 3 === 0 ? 1 : 0)),
  time,
  labelEnd: time,
  pair: new Int32Array(12),
};
const splitOf = (name: string, train: readonly number[], test: readonly number[]): Split => ({
  name,
  train: Int32Array.from(train),
  test: Int32Array.from(test),
  from: time[test[0]!]!,
  until: time[test.at(-1)!]! + 60,
});
/** A constant model: the sigmoid of `logit`. */
const constant = (logit: number): Fitted =>
  fittedTrees('gbdt', { link: 'sigmoid', ensembles: [{ columns: 1, baseScore: logit, trees: [] }] });
const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

describe('validateSplits', () => {
  it('gives each split the model of its training rows, its scores of the test rows and their metrics', async () => {
    const splits = [splitOf('first', [4, 5], [0, 1, 3]), splitOf('second', [0, 1, 2], [6, 7])];
    const answer = (model: number, x: Matrix): Float64Array =>
      Float64Array.from(x.values, (value) => (model + value) / 100);
    // A model is the number of its training rows; the second one is ready first.
    const fit = async (of: ValidationRows, train: Int32Array): Promise<number> => {
      expect(of).toBe(rows);
      for (let turn = train[0] === 4 ? 20 : 0; turn > 0; turn--) await Promise.resolve();
      return train.length;
    };
    const found = await validateSplits(rows, splits, fit, answer);
    expect(found.map(({ name, model, scores }) => [name, model, [...scores]])).toEqual([
      ['first', 2, [0.02, 0.03, 0.05]],
      ['second', 3, [0.09, 0.1]],
    ]);
    expect(found.map(({ train, test, from, until }) => ({ train, test, from, until }))).toEqual(
      splits.map(({ train, test, from, until }) => ({ train, test, from, until })),
    );
    expect(found[0]!.metrics).toEqual(modelMetrics(Float64Array.of(0.02, 0.03, 0.05), Float64Array.of(1, 0, 1)));
    expect(found[1]!.metrics).toEqual(modelMetrics(Float64Array.of(0.09, 0.1), Float64Array.of(1, 0)));
  });
});

describe('crossValidate', () => {
  it('has the splits of purged k-fold, with the embargo, and the answers of trees', async () => {
    const found = await crossValidate(rows, 3, 120, (_, train) => Promise.resolve(constant(train.length / 10)));
    const expected = kFoldSplits(rows, 3, 120);
    expect(found.map(({ name, train, test }) => ({ name, train, test }))).toEqual(
      expected.map(({ name, train, test }) => ({ name, train, test })),
    );
    expect(found.map(({ train }) => train.length)).toEqual([6, 6, 8]);
    found.forEach(({ scores, train }) => {
      for (const score of scores) expect(score).toBeCloseTo(sigmoid(train.length / 10), 6);
    });
  });
});

describe('testedScores', () => {
  it('has NaN and no split where no model answered', () => {
    const models = [
      { test: Int32Array.of(3, 1), scores: Float64Array.of(0.3, 0.1) },
      { test: Int32Array.of(0), scores: Float64Array.of(0.5) },
    ];
    const { scores, split } = testedScores(models, 5);
    expect([...scores]).toEqual([0.5, 0.1, NaN, 0.3, NaN]);
    expect([...split]).toEqual([1, 0, -1, 0, -1]);
  });
});

describe('outOfFold', () => {
  it('scores each row with the model of its time, start inclusive and end exclusive', () => {
    const models = [
      { model: constant(1), from: 120, until: 240 },
      { model: constant(-1), from: 240, until: 300 },
    ];
    expect([...splitOfTime(models, [119, 120, 239, 240, 299, 300])]).toEqual([-1, 0, 0, 1, 1, -1]);
    const scores = outOfFold(models, rows);
    const expected = [NaN, NaN, sigmoid(1), sigmoid(1), sigmoid(-1), ...Array<number>(7).fill(NaN)];
    expected.forEach((value, row) =>
      Number.isNaN(value) ? expect(scores[row]).toBeNaN() : expect(scores[row]).toBeCloseTo(value, 6),
    );
  });
});
