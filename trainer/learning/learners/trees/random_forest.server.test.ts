import { describe, expect, it } from 'vitest';
import { createRng } from '../../../../shared/rng.ts';
import { predictLogits, type TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { LEARNER_DEFAULTS, type LearnerParams, type LearnRequest, type TrainingTable } from './learner.ts';
import type { Task } from '../contract/task.ts';
import { randomForest } from './random_forest.ts';

const COLUMNS = 6;
const PARAMS: LearnerParams = { ...LEARNER_DEFAULTS, rounds: 60, columnFraction: 0.6 };

/** Targets that follow the first three columns, with noise. */
function tableOf(rows: number, seed: string, target: (u: number, noise: number) => number): TrainingTable {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: rows * COLUMNS }, () => (rng.uniform() < 0.03 ? NaN : rng.normal()));
  const known = (row: number, c: number): number => {
    const value = values[row * COLUMNS + c]!;
    return Number.isNaN(value) ? 1 : value;
  };
  const y = Float64Array.from({ length: rows }, (_, row) =>
    target(known(row, 0) + (known(row, 1) > 0 ? 1 : -1) * known(row, 2), rng.normal()),
  );
  return { x: { rows, columns: COLUMNS, values }, y, weights: null };
}

const grow = (task: Task, table: TrainingTable, change: Partial<LearnRequest> = {}): Promise<TreeModel> =>
  randomForest.learn({ task, table, params: PARAMS, stopping: null, threads: 1, onRound: () => undefined, ...change });

const answersOf = ({ ensembles }: TreeModel, { x }: TrainingTable): Float64Array[] =>
  ensembles.map((ensemble) => predictLogits(ensemble, x));

describe('randomForest', () => {
  it('answers shares in [0, 1] that separate a binary target as far as possible', async () => {
    const target = (u: number, noise: number): number => (u + 0.3 * noise > 0 ? 1 : 0);
    const test = tableOf(4000, 'test', target);
    const model = await grow({ kind: 'binary' }, tableOf(4000, 'train', target));
    expect(model.link).toBe('identity');
    expect(model.ensembles[0]!.trees.length).toBe(60);
    const [shares] = answersOf(model, test);
    expect(Math.min(...shares!)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...shares!)).toBeLessThanOrEqual(1);
    const hits = shares!.filter((share, row) => share > 0.5 === test.y[row]! > 0.5).length;
    expect(hits / test.y.length).toBeGreaterThan(0.85);
  });

  it('never passes 1 in float32 where all leaves are pure', async () => {
    const x = { rows: 100, columns: 1, values: Float32Array.from({ length: 100 }, (_, i) => i % 2) };
    const y = Float64Array.from({ length: 100 }, (_, i) => i % 2);
    for (const rounds of [3, 200, 1000]) {
      const params = { ...LEARNER_DEFAULTS, rounds, minDataInLeaf: 1 };
      const { ensembles } = await grow({ kind: 'binary' }, { x, y, weights: null }, { params });
      const sum = ensembles[0]!.trees.reduce((total, tree) => Math.fround(total + Math.max(...tree.value)), 0);
      expect(sum).toBeLessThanOrEqual(1);
      expect(sum).toBeGreaterThan(0.9998);
    }
  });

  it('answers shares of classes that add up to 1, by trees that are the same but for their leaves', async () => {
    const target = (u: number, noise: number): number => Math.max(0, Math.min(3, Math.floor(u + 0.2 * noise + 2)));
    const train = tableOf(6000, 'train', target);
    const test = tableOf(2000, 'test', target);
    const model = await grow({ kind: 'multiclass', classes: 4 }, train);
    expect(model.ensembles.length).toBe(4);
    const shares = answersOf(model, test);
    let hits = 0;
    for (let row = 0; row < test.y.length; row++) {
      const own = shares.map((of) => of[row]!);
      expect(Math.abs(own.reduce((sum, share) => sum + share, 0) - 1)).toBeLessThan(1e-5);
      if (own.indexOf(Math.max(...own)) === test.y[row]) hits++;
    }
    expect(hits / test.y.length).toBeGreaterThan(0.6);
    model.ensembles[0]!.trees.forEach((tree, t) => {
      for (const { trees } of model.ensembles) expect(trees[t]!.threshold).toEqual(tree.threshold);
    });
  });

  it('answers means of values, far from 0 as well', async () => {
    for (const offset of [0, 1e6]) {
      const target = (u: number, noise: number): number => offset + u + 0.1 * noise;
      const test = tableOf(2000, 'test', target);
      const model = await grow({ kind: 'regression' }, tableOf(6000, 'train', target));
      const [answers] = answersOf(model, test);
      const mean = test.y.reduce((sum, y) => sum + y, 0) / test.y.length;
      const rest = test.y.reduce((sum, y, row) => sum + (y - answers![row]!) ** 2, 0);
      const all = test.y.reduce((sum, y) => sum + (y - mean) ** 2, 0);
      expect(1 - rest / all).toBeGreaterThan(0.6);
    }
  });

  it('has leaves that are the weighted means of the bootstrapped rows: without a split, about the mean', async () => {
    const x = { rows: 500, columns: 1, values: new Float32Array(500) };
    const y = Float64Array.from({ length: 500 }, (_, i) => i % 2);
    const weights = y.map((target) => (target === 1 ? 3 : 1));
    const { ensembles } = await grow({ kind: 'binary' }, { x, y, weights }, { params: { ...PARAMS, rounds: 200 } });
    expect(ensembles[0]!.trees.every((tree) => tree.feature.length === 1)).toBe(true);
    expect(predictLogits(ensembles[0]!, { ...x, rows: 1 })[0]).toBeCloseTo(0.75, 2);
    expect(new Set(ensembles[0]!.trees.map((tree) => tree.value[0])).size).toBeGreaterThan(50);
  });

  it('gives the same bytes with any number of threads, and others for another seed', async () => {
    const table = tableOf(20_000, 'threads', (u) => (u > 0 ? 1 : 0));
    const classes = tableOf(20_000, 'threads', (u) => Math.max(0, Math.min(2, Math.floor(u + 1))));
    for (const [task, own] of [
      [{ kind: 'binary' }, table],
      [{ kind: 'multiclass', classes: 3 }, classes],
      [{ kind: 'regression' }, table],
    ] as const) {
      for (const rowFraction of [1, 0.5]) {
        const params = { ...PARAMS, rounds: 5, rowFraction };
        const one = await grow(task, own, { params });
        expect(await grow(task, own, { params, threads: 2 })).toEqual(one);
        expect(await grow(task, own, { params, threads: 3 })).toEqual(one);
        expect(await grow(task, own, { params: { ...params, seed: 'other' } })).not.toEqual(one);
      }
    }
  });

  it('does not learn quantiles', async () => {
    const table = tableOf(100, 'quantile', (u) => u);
    await expect(grow({ kind: 'quantile', quantile: 0.5 }, table)).rejects.toMatchObject({ code: 'LEARNER_TASK' });
  });

  it('grows on tables of one row', async () => {
    const one = { x: { rows: 1, columns: 1, values: Float32Array.of(2) }, y: Float64Array.of(1), weights: null };
    const { ensembles } = await grow({ kind: 'binary' }, one);
    expect(predictLogits(ensembles[0]!, one.x)[0]).toBeCloseTo(1, 4);
  });
});
