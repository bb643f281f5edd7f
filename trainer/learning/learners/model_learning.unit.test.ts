import { beforeAll, describe, expect, it } from 'vitest';
import { predictLogits } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { createRng } from '../../../shared/rng.ts';
import { calibrateModel, type LearnedModel } from '../calibrate/calibrate_model.ts';
import { fitPlatt } from '../calibrate/platt.ts';
import type { DatasetRows } from '../strategies/pair_reversion/dataset/dataset.ts';
import { walkRows } from '../dataset/rows.fixture.ts';
import { takeLabels, takeRows } from './contract/fit_rows.ts';
import type { Fitted } from './contract/fitted.ts';
import type { Learner } from './contract/learner.ts';
import { fittedTrees, treesOf } from './trees/fitted_trees.ts';
import { learnHere } from './trees/gbdt.ts';
import { LEARNER_DEFAULTS } from './trees/learner.ts';
import type { FoldModel } from './cross_validation.ts';
import { fitOf, learnModel, type ModelFit } from './model_learning.ts';

const OPTIONS = { folds: 4, embargo: 1800, stopsEarly: true } as const;

/** Large steps on noisy labels: overconfident, so that calibration helps. */
const overconfident: ModelFit = ({ x, y, weights }, subset) =>
  Promise.resolve(
    fittedTrees(
      'gbdt',
      learnHere({
        task: { kind: 'binary' },
        table: { x: takeRows(x, subset), y: takeLabels(y, subset), weights: takeLabels(weights, subset) },
        params: { ...LEARNER_DEFAULTS, rounds: 30, learningRate: 0.5, leaves: 15, minDataInLeaf: 5, seed: 'sure' },
        stopping: null,
        threads: 1,
        onRound: () => undefined,
      }),
    ),
  );

let rows: DatasetRows;
let learned: LearnedModel;
beforeAll(async () => {
  const rng = createRng('weights');
  const walk = walkRows({ seed: 'calibrated folds', rows: 700, signal: 1 });
  const weights = walk.y.map(() => 0.5 + rng.uniform());
  rows = { ...walk, weights, effectiveRows: walk.y.length };
  learned = calibrateModel(rows, await learnModel(rows, OPTIONS, overconfident), true);
});

const logitsOf = (model: Fitted, at: Int32Array): Float64Array =>
  predictLogits(treesOf(model).ensembles[0]!, takeRows(rows.x, at));

/** Logit of every row, by the uncalibrated model of the fold that tests it. */
function logitsOutOfFold(): Float64Array {
  const logits = new Float64Array(rows.y.length).fill(NaN);
  for (const { model, test } of learned.rawFolds) {
    const own = logitsOf(model, test);
    test.forEach((row, i) => (logits[row] = own[i]!));
  }
  return logits;
}

describe('the calibration of a fold', () => {
  it('is fitted only on the training rows of that fold, not on its test rows', () => {
    expect(learned.platt).not.toBeNull();
    const logits = logitsOutOfFold();
    expect(learned.folds).toHaveLength(OPTIONS.folds);
    const everyRow = fitPlatt(logits, rows.y, rows.weights)!;
    learned.folds.forEach(({ model, train, test, scores, metrics }, fold) => {
      const of = (values: Float64Array): Float64Array => Float64Array.from(train, (row) => values[row]!);
      const { slope, intercept } = fitPlatt(of(logits), of(rows.y), of(rows.weights))!;
      // Fitting on all rows would give other values, so the comparison is meaningful.
      expect(Math.abs(slope - everyRow.slope) + Math.abs(intercept - everyRow.intercept)).toBeGreaterThan(1e-3);
      const raw = logitsOf(learned.rawFolds[fold]!.model, test);
      const own = logitsOf(model, test);
      own.forEach((logit, i) => expect(logit).toBeCloseTo(slope * raw[i]! + intercept, 5));
      scores.forEach((score, i) => expect(score).toBeCloseTo(1 / (1 + Math.exp(-(slope * raw[i]! + intercept))), 5));
      const squares = scores.reduce((sum, score, i) => sum + (score - rows.y[test[i]!]!) ** 2, 0);
      expect(metrics.brier).toBeCloseTo(squares / test.length, 10);
    });
  });

  it('of the published model is fitted on the answers of models that were not trained on the rows', () => {
    const { slope, intercept } = fitPlatt(logitsOutOfFold(), rows.y, rows.weights)!;
    expect(learned.platt!.slope).toBeCloseTo(slope, 5);
    expect(learned.platt!.intercept).toBeCloseTo(intercept, 5);
  });

  it('does not change folds and walk-forward blocks where it is not tried', async () => {
    const plain = calibrateModel(rows, await learnModel(rows, OPTIONS, overconfident), false);
    expect(plain.platt).toBeNull();
    expect(plain.folds).toEqual(plain.rawFolds);
    const values = (folds: readonly FoldModel[]) =>
      folds.map(({ model, ...own }) => ({ ...own, trees: treesOf(model) }));
    expect(values(plain.rawFolds)).toEqual(values(learned.rawFolds));
    expect(values(plain.walkForward)).toEqual(values(learned.walkForward));
    for (const { model, test, scores } of learned.walkForward)
      model.exactAnswers(takeRows(rows.x, test)).forEach((score, i) => expect(scores[i]).toBeCloseTo(score, 5));
  });
});

describe('a fit that no pool counts', () => {
  it('passes its progress on, and is done also where it stops early', async () => {
    const shares: number[][] = [];
    const learner: Learner = {
      name: 'slow',
      supports: { stopping: true, continuing: false, tasks: ['binary'] },
      fit({ onProgress }) {
        onProgress?.(0.25);
        return Promise.resolve(learned.model);
      },
    };
    const fit = fitOf(learner, { columns: null, seed: 'progress', continueFrom: null }, () => {
      const own: number[] = [];
      shares.push(own);
      return (share) => own.push(share);
    });
    const subset = Int32Array.from(rows.y.keys());
    await fit(rows, subset, null);
    await fit(rows, subset, null);
    expect(shares).toEqual([
      [0.25, 1],
      [0.25, 1],
    ]);
  });
});
