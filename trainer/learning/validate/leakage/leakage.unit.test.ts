import { describe, expect, it } from 'vitest';
import { encodeTreeModel } from '../../../../shared/bundle/onnx/onnx.ts';
import { predictModel, type TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { type GateResult, keyOf } from '../../../../shared/bundle/gates/gate_result.ts';
import { testedScores, validateSplits } from '../../learners/cross_validation.ts';
import { fittedTrees } from '../../learners/trees/fitted_trees.ts';
import { IMPORTANCE_DEFAULTS, permutationImportance } from '../importance.ts';
import { modelMetrics } from '../../measures/model_metrics.ts';
import { rateThreshold } from '../../measures/confusion.ts';
import { rowUniqueness } from '../../dataset/noise.ts';
import { checkQuality } from '../quality_gate.ts';
import { validationReport } from '../report.ts';
import { pick, type ValidationRows } from '../../dataset/rows.ts';
import { smallTrees, walkRows } from '../../dataset/rows.fixture.ts';
import { finalSplit, kFoldSplits, walkForwardSplits } from '../../splits/splits.ts';
import { checkLearning } from './model_leakage.ts';
import type { ShuffledAnswers } from './shuffled_labels.ts';

const EMBARGO = 2400;
const fit = smallTrees();

/**
 * The whole validation of a model as in training: 5 folds, walk-forward, the last fifth as holdout, gate and leakage
 * tests.
 */
async function validate(rows: ValidationRows) {
  const times = Float64Array.from(rows.time).sort();
  const lastFrom = times[Math.floor(times.length * 0.8)]!;
  const final = finalSplit(rows, lastFrom, EMBARGO);
  const training: ValidationRows = {
    x: { ...rows.x, rows: final.train.length, values: rowsOf(rows, final.train) },
    y: pick(rows.y, final.train),
    time: pick(rows.time, final.train),
    labelEnd: pick(rows.labelEnd, final.train),
    pair: final.train.map((row) => rows.pair[row]!),
  };
  const folds = await validateSplits(training, kFoldSplits(training, 5, EMBARGO), fit, predictModel);
  const forward = await validateSplits(
    training,
    walkForwardSplits(training, { blocks: 3, firstShare: 0.4, embargo: EMBARGO, window: null }),
    fit,
    predictModel,
  );
  const { scores, split } = testedScores(folds, training.y.length);
  const rate = training.y.reduce((sum, label) => sum + label, 0) / training.y.length;
  const threshold = rateThreshold(
    scores.filter((score) => !Number.isNaN(score)),
    rate,
  );
  const uniqueness = rowUniqueness(rows);
  const gate = (answers: ShuffledAnswers): GateResult[] =>
    checkQuality({ samples: training.y.length, rate, ...answers }, { min_samples: 2000, f1_floor: null });
  const [last] = await validateSplits(rows, [final], fit, predictModel);
  const labels = pick(rows.y, final.test);
  return {
    report: validationReport({ ...training, scores, split, pairs: ['AAA_BBB', 'CCC_DDD', 'EEE_FFF'], threshold }),
    forward: forward.map(({ metrics }) => metrics),
    final: modelMetrics(last!.scores, labels),
    gate: gate({
      scores: last!.scores,
      labels,
      uniqueness: pick(uniqueness, final.test),
      time: pick(rows.time, final.test),
      labelEnd: pick(rows.labelEnd, final.test),
    }),
    leakage: await checkLearning({
      role: 'ai1',
      rows: training,
      task: { kind: 'binary' },
      folds,
      embargo: EMBARGO,
      fit,
      fitFromNothing: fit,
      answer: predictModel,
      bytes: (model: TreeModel) => encodeTreeModel(model),
      gate,
      seed: 'leakage',
    }),
    importance: permutationImportance(
      training,
      folds.map(({ model, test }) => ({ model: fittedTrees('gbdt', model), test })),
      {
        ...IMPORTANCE_DEFAULTS,
        task: { kind: 'binary' },
        names: ['a', 'b', 'c', 'd', 'e', 'f'],
        seed: 'importance',
        resamples: 50,
        top: 1,
      },
    ),
  };
}

function rowsOf({ x }: ValidationRows, rows: Int32Array): Float32Array {
  const values = new Float32Array(rows.length * x.columns);
  rows.forEach((row, i) => values.set(x.values.subarray(row * x.columns, (row + 1) * x.columns), i * x.columns));
  return values;
}

describe('validation as a whole', () => {
  it('finds no skill on a random walk with columns of noise, and the gate refuses', async () => {
    const { report, forward, final, gate, leakage, importance } = await validate(
      walkRows({ seed: 'columns of noise', rows: 1200 }),
    );
    // About 450 independent rows: a standard error of 0.03.
    expect(Math.abs(report.pooled.auc! - 0.5)).toBeLessThan(0.08);
    expect(Math.abs(final.auc! - 0.5)).toBeLessThan(0.15);
    for (const { auc } of forward) expect(Math.abs(auc! - 0.5)).toBeLessThan(0.15);
    for (const part of Object.values(report.by_pair)) expect(Math.abs(part.auc! - 0.5)).toBeLessThan(0.12);
    expect(report.pooled.brier!).toBeGreaterThan(report.pooled.brier_baseline!);
    expect(gate.some(({ passed }) => !passed)).toBe(true);
    expect(gate.find(({ code }) => code === 'auc_above_noise')!.passed).toBe(false);
    expect(leakage.map((result) => [keyOf(result), result.passed])).toEqual([
      ['ai1.fold_borders', true],
      ['ai1.fitted_on_training_rows_only', true],
      ['ai1.shuffled_labels', true],
      ['ai1.shuffled_labels_refused', true],
    ]);
    for (const { drop, std } of importance.features) expect(Math.abs(drop)).toBeLessThan(0.02 + 4 * std);
  });

  it('finds skill with predictive columns, and the gate accepts the model', async () => {
    const { report, forward, final, gate, leakage, importance } = await validate(
      walkRows({ seed: 'signal', rows: 1200, signal: 1 }),
    );
    expect(report.pooled.auc!).toBeGreaterThan(0.75);
    expect(final.auc!).toBeGreaterThan(0.75);
    expect(report.spread['auc']!.min).toBeGreaterThan(0.7);
    for (const { auc } of forward) expect(auc!).toBeGreaterThan(0.7);
    expect(gate.filter(({ passed }) => !passed)).toEqual([]);
    expect(leakage.filter(({ passed }) => !passed)).toEqual([]);
    expect(importance.features[0]).toMatchObject({ feature: 'a', top_share: 1 });
  });
});
