import { describe, expect, it } from 'vitest';
import { predictModel, type TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { encodeTreeModel } from '../../../shared/bundle/onnx/onnx.ts';
import type { TreePolicy } from '../../../shared/policy/policy.ts';
import { createRng } from '../../../shared/rng.ts';
import { logLoss } from '../measures/metrics.ts';
import { warmStartModel } from './warm_start_fit.fixture.ts';
import { runFit } from './trees/fit.ts';
import { splitOffTheEnd } from './contract/stopping_rows.ts';
import type { FitTrees } from './trees/tree_learners.ts';
import { takeLabels, takeRows, type FitRows } from './contract/fit_rows.ts';
import { openFitPool } from './trees/fit_pool.ts';
import { learnHere } from './trees/gbdt.ts';
import { LEARNER_DEFAULTS, type LearnerParams } from './trees/learner.ts';
import { countTrees, scaledTrees } from './trees/fitted_trees.ts';

const TASK = { kind: 'binary' } as const;
const PARAMETERS: TreePolicy = {
  rounds: 30,
  learning_rate: 0.1,
  leaves: 8,
  min_data_in_leaf: 20,
  l2: 0,
  row_fraction: 0.5,
  column_fraction: 0.5,
};
const PARAMS: LearnerParams = {
  ...LEARNER_DEFAULTS,
  rounds: 30,
  learningRate: 0.1,
  leaves: 8,
  rowFraction: 0.5,
  columnFraction: 0.5,
  seed: 'continue',
};
const silent = (): void => undefined;
const all = ({ y }: FitRows): Int32Array => Int32Array.from(y.keys());

/** Rows whose label follows column 0 with probability `old`, column 1 with probability `young`, else a coin. */
function rowsOf(seed: string, count: number, old: number, young: number): FitRows {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: count * 4 }, () => rng.uniform());
  const time = Float64Array.from({ length: count }, (_, row) => row * 60);
  const labelOf = (row: number): number => {
    const draw = rng.uniform();
    if (draw < old) return values[row * 4]! > 0.5 ? 1 : 0;
    return draw < old + young ? (values[row * 4 + 1]! > 0.5 ? 1 : 0) : rng.integer(2);
  };
  return {
    x: { rows: count, columns: 4, values },
    y: Float64Array.from({ length: count }, (_, row) => labelOf(row)),
    time,
    labelEnd: time.map((from) => from + 3600),
    weights: new Float64Array(count).fill(1),
  };
}
const lossOf = (model: TreeModel, { x, y }: FitRows): number => logLoss(predictModel(model, x), y)!;

const before = rowsOf('before', 5000, 0.6, 0);
const learnBase = (): TreeModel =>
  learnHere({
    task: TASK,
    table: before,
    params: { ...PARAMS, rounds: 60 },
    stopping: null,
    threads: 1,
    onRound: silent,
  });

describe('warmStartModel', () => {
  const base = learnBase();
  const changed = rowsOf('changed', 3000, 0.3, 0.4);
  const request = { rows: changed, subset: all(changed), parameters: PARAMETERS, columns: null, seed: 'continue' };

  it('adds trees that learn what has changed, and keeps those of the base', async () => {
    const { model, added } = await warmStartModel(base, request, runFit);
    expect(added).toBeGreaterThan(5);
    expect(added).toBeLessThanOrEqual(30);
    expect(countTrees(model)).toBe(60 + added);
    expect(model.ensembles[0]!.trees.slice(0, 60)).toEqual(base.ensembles[0]!.trees);
    const later = rowsOf('later', 3000, 0.3, 0.4);
    expect(lossOf(model, later)).toBeLessThan(lossOf(base, later) - 0.02);
  });

  it('determines the number of trees on the last part of the new time, and then learns all new rows with so many', async () => {
    const { train, stopping } = splitOffTheEnd(changed, all(changed))!;
    const take = (own: Int32Array) => ({
      x: takeRows(changed.x, own),
      y: takeLabels(changed.y, own),
      weights: takeLabels(changed.weights, own),
    });
    const own = { task: TASK, threads: 1, onRound: silent, base };
    const params = { ...PARAMS, seed: 'continue/behind 60 trees' };
    const asked = learnHere({
      ...own,
      params,
      table: take(train),
      stopping: { table: take(stopping), patience: 20 },
    });
    const rounds = countTrees(asked) - 60;
    const expected = learnHere({
      ...own,
      params: { ...params, rounds },
      table: take(all(changed)),
      stopping: null,
    });
    expect(await warmStartModel(base, request, runFit)).toEqual({ model: expected, added: rounds });
  });

  it('returns the same model when no tree helps, as when it was trained on these rows before', async () => {
    const first = await warmStartModel(base, request, runFit);
    const second = await warmStartModel(first.model, request, runFit);
    expect(second.added).toBe(0);
    expect(second.model).toBe(first.model);
  });

  it('draws differently at each warm start, with the same seed', async () => {
    const seeds: string[] = [];
    const listen: FitTrees = (task, onTree) => {
      seeds.push(task.params.seed);
      return runFit(task, onTree);
    };
    const first = await warmStartModel(base, request, listen);
    await warmStartModel(first.model, request, listen);
    expect(new Set(seeds)).toEqual(new Set(['continue/behind 60 trees', `continue/behind ${60 + first.added} trees`]));
  });

  it('is the same bytes on the calling thread and on threads, for a calibrated base too', async () => {
    const pool = openFitPool(2);
    try {
      for (const own of [base, scaledTrees(base, { slope: [0.9], intercept: [0.1] })]) {
        const here = await warmStartModel(own, request, runFit);
        const there = await warmStartModel(own, request, pool.fit);
        expect(encodeTreeModel(there.model)).toEqual(encodeTreeModel(here.model));
      }
    } finally {
      await pool.close();
    }
  });
});
