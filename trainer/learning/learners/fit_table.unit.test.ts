import { describe, expect, it, vi } from 'vitest';
import { encodeOnnx } from '../../../shared/bundle/onnx/onnx.ts';
import { randomEnsemble, randomRows } from '../../../shared/bundle/tree_kernel/random_ensemble.fixture.ts';
import { createRng } from '../../../shared/rng.ts';
import { answersOf, fitTable, tableMetrics, type FittedTable } from './fit_table.ts';
import { gbdt } from './trees/gbdt.ts';
import { LEARNER_DEFAULTS, type TreeLearner, type LearnRequest } from './trees/learner.ts';

const ensemble = randomEnsemble({ trees: 10, leaves: 8, columns: 4, seed: 'fit table' });
const x = { rows: 200, columns: 4, values: randomRows(createRng('rows'), 200, 4) };

/** A learner that always returns the same trees. */
const fixed: TreeLearner = {
  engine: 'gbdt',
  learn: () => Promise.resolve({ link: 'sigmoid', ensembles: [ensemble] }),
};
const request: LearnRequest = {
  task: { kind: 'binary' },
  table: { x, y: new Float64Array(200), weights: null },
  params: LEARNER_DEFAULTS,
  stopping: null,
  threads: 1,
  onRound: () => undefined,
};
const facts = { task: 'binary', quantile: null, columns: ['a', 'b', 'c', 'd'], classes: [0, 1] } as const;

describe('fitTable', () => {
  it('exports the trained model, with its facts and the engine', async () => {
    const fitted = await fitTable(fixed, request, facts);
    expect(fitted.rounds).toBe(10);
    const metadata = { task: 'binary', columns: '["a","b","c","d"]', classes: '[0,1]', engine: 'gbdt' };
    expect(fitted.bytes).toEqual(encodeOnnx(ensemble, { metadata }));
  });

  it('learns a small table on the calling thread, with the same bytes as on threads, and a large one on threads', async () => {
    const y = Float64Array.from({ length: 200 }, (_, row) => (x.values[4 * row]! > 0 ? 1 : 0));
    const small = {
      ...request,
      threads: 2,
      table: { x, y, weights: null },
      params: { ...LEARNER_DEFAULTS, rounds: 20 },
    };
    const onThreads = await fitTable({ engine: 'gbdt', learn: (asked) => gbdt.learn(asked) }, small, facts);
    const learn = vi.fn(fixed.learn);
    const fitted = await fitTable({ ...gbdt, learn }, small, facts);
    expect(learn).not.toHaveBeenCalled();
    expect(fitted.bytes).toEqual(onThreads.bytes);
    await fitTable({ ...gbdt, learn }, { ...small, params: { ...LEARNER_DEFAULTS, rounds: 8000 } }, facts);
    expect(learn).toHaveBeenCalledTimes(1);
  });

  it('refuses fewer rows than a split needs', async () => {
    const few = { ...request, table: { x: { ...x, rows: 39 }, y: new Float64Array(39), weights: null } };
    await expect(fitTable(fixed, few, facts)).rejects.toMatchObject({ code: 'DATA_TOO_SHORT' });
  });
});

describe('answersOf', () => {
  it('refuses a file whose answers differ from those of the trained trees', async () => {
    const other = randomEnsemble({ trees: 10, leaves: 8, columns: 4, seed: 'other' });
    const fitted: FittedTable = {
      task: { kind: 'binary' },
      model: { link: 'sigmoid', ensembles: [ensemble] },
      preparation: null,
      bytes: encodeOnnx(other),
      rounds: 10,
      seconds: 0,
    };
    await expect(answersOf(fitted, x)).rejects.toMatchObject({ code: 'MODEL_EXPORT' });
    expect((await answersOf({ ...fitted, bytes: encodeOnnx(ensemble) }, x)).values).toHaveLength(200);
  });
});

describe('tableMetrics', () => {
  const answers = (width: number, ...values: number[]) => ({ width, values: Float32Array.from(values) });

  it('has the measures of each task', () => {
    expect(tableMetrics({ kind: 'binary' }, answers(1, 0.25, 0.75), Float64Array.of(0, 1))).toEqual({
      auc: 1,
      log_loss: expect.closeTo(-Math.log(0.75), 12) as number,
      accuracy: 1,
    });
    expect(tableMetrics({ kind: 'binary' }, answers(1, 0.25, 0.75), Float64Array.of(1, 1)).auc).toBeNull();
    const classes = answers(3, 0.5, 0.25, 0.25, 0.25, 0.5, 0.25);
    expect(tableMetrics({ kind: 'multiclass', classes: 3 }, classes, Float64Array.of(0, 2))).toEqual({
      log_loss: expect.closeTo((Math.log(2) + Math.log(4)) / 2, 12) as number,
      accuracy: 0.5,
    });
    expect(tableMetrics({ kind: 'regression' }, answers(1, 1, 3), Float64Array.of(1, 5))).toEqual({
      rmse: Math.sqrt(2),
      mae: 1,
      r2: 0.5,
    });
    expect(tableMetrics({ kind: 'quantile', quantile: 0.9 }, answers(1, 1, 3), Float64Array.of(2, 2))).toEqual({
      pinball: expect.closeTo(0.5, 12) as number,
      mae: 1,
    });
  });
});
