import { writtenGate } from '../../../../test/written_gate.ts';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeTreeModel } from '../../../../shared/bundle/onnx/onnx.ts';
import { predict, predictModel, type TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { GateResult } from '../../../../shared/bundle/gates/gate_result.ts';
import type { Task } from '../../learners/contract/task.ts';
import { validateSplits } from '../../learners/cross_validation.ts';
import { balancedWeights, bestF1Threshold } from '../../measures/confusion.ts';
import { pick, type Fit, type ValidationRows } from '../../dataset/rows.ts';
import { smallTrees, walkRows } from '../../dataset/rows.fixture.ts';
import { kFoldSplits } from '../../splits/splits.ts';
import { checkTrainingOnly } from './training_only.ts';

const BINARY: Task = { kind: 'binary' };
const rows = walkRows({ seed: 'training only', rows: 300, signal: 0.5 });
const splits = kFoldSplits(rows, 3, 600);
const bytes = (model: TreeModel): Uint8Array => encodeTreeModel(model);

async function resultOf(fit: Fit<ValidationRows, TreeModel>): Promise<GateResult> {
  const [, middle] = await validateSplits(rows, splits, fit, predictModel);
  return checkTrainingOnly(rows, middle!, fit, bytes, BINARY, 'seed');
}

async function verdictOn(fit: Fit<ValidationRows, TreeModel>): Promise<boolean> {
  return (await resultOf(fit)).passed;
}

/** Shifts every logit, as a calibrator would. */
function shifted({ link, ensembles }: TreeModel, by: number): TreeModel {
  return { link, ensembles: ensembles.map((own) => ({ ...own, baseScore: Math.fround(own.baseScore + by) })) };
}

async function digestsOf(...models: Promise<TreeModel>[]): Promise<string[]> {
  const all = await Promise.all(models);
  return all.map((model) => createHash('sha256').update(bytes(model)).digest('hex').slice(0, 12));
}

describe('checkTrainingOnly', () => {
  const honest = smallTrees();

  it('has the rows in memory once more for one model at a time, also after one that failed', async () => {
    const [, middle] = await validateSplits(rows, splits, honest, predictModel);
    let running = 0;
    let most = 0;
    const memories = new Set<ArrayBufferLike>();
    const fit: Fit<ValidationRows, TreeModel> = async (of, subset) => {
      expect(of.x.values.buffer).toBeInstanceOf(SharedArrayBuffer);
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      if (most === running + 1 && failures-- > 0) throw new RangeError('a fit');
      memories.add(of.x.values.buffer);
      return honest(of, subset);
    };
    let failures = 1;
    const checks = Array.from({ length: 3 }, () => checkTrainingOnly(rows, middle!, fit, bytes, BINARY, 'seed'));
    const done = await Promise.allSettled(checks);
    expect(done.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(most).toBe(1);
    // That of a fit which failed may still be read: it is not used again.
    expect(memories.size).toBe(1);
  });

  it('passes a learner that uses only its training rows', async () => {
    const { train } = splits[1]!;
    const [digest] = await digestsOf(honest(rows, train));
    expect(writtenGate(await resultOf(honest))).toEqual({
      name: 'fitted on training rows only',
      passed: true,
      seen: `model ${digest} of kfold 2 whatever its other ${rows.y.length - train.length} rows hold`,
      limit: 'the same bytes',
    });
  });

  it('states both models when they differ', async () => {
    let calls = 0;
    const { train } = splits[1]!;
    const unstable = async (all: ValidationRows, subset: Int32Array): Promise<TreeModel> =>
      shifted(await honest(all, subset), subset === train ? calls++ : 0);
    const model = honest(rows, train);
    const [first, second] = await digestsOf(
      model.then((own) => shifted(own, 0)),
      model.then((own) => shifted(own, 1)),
    );
    expect(writtenGate(await resultOf(unstable)).seen).toBe(
      `model ${first} of kfold 2 became ${second} when its other ${rows.y.length - train.length} rows changed`,
    );
  });

  it('replaces the values of the other rows by present and missing ones, and those of training rows by none', async () => {
    const seen: ValidationRows[] = [];
    const fold = { ...splits[1]!, model: await honest(rows, splits[1]!.train) };
    await checkTrainingOnly(rows, fold, async (all, train) => (seen.push(all), honest(all, train)), bytes, BINARY, 's');
    const { columns, values } = rows.x;
    const training = new Set(fold.train);
    const other = [...values.keys()].filter((at) => !training.has(Math.floor(at / columns)));
    const replaced = other.map((at) => seen[0]!.x.values[at]!);
    const missing = replaced.filter((value) => Number.isNaN(value)).length / replaced.length;
    expect(missing).toBeGreaterThan(0.05);
    expect(missing).toBeLessThan(0.2);
    expect(Math.max(...replaced.filter((value) => !Number.isNaN(value)).map(Math.abs))).toBeGreaterThan(100);
    const kept = [...values.keys()].filter((at) => training.has(Math.floor(at / columns)));
    expect(kept.map((at) => seen[0]!.x.values[at])).toEqual(kept.map((at) => values[at]));
  });

  it('passes a calibrator and a threshold fitted on training rows', async () => {
    expect(
      await verdictOn(async (all, train) => {
        const model = await honest(all, train);
        const labels = pick(all.y, train);
        const scores = pick(predict(model.ensembles[0]!, all.x), train);
        return shifted(model, bestF1Threshold(scores, labels, balancedWeights(labels))!);
      }),
    ).toBe(true);
  });

  it('fails a calibrator fitted on all rows', async () => {
    expect(
      await verdictOn(async (all, train) => {
        const model = await honest(all, train);
        const scores = predict(model.ensembles[0]!, all.x);
        const error = all.y.reduce((sum, label, row) => sum + label - scores[row]!, 0) / all.y.length;
        return shifted(model, error);
      }),
    ).toBe(false);
  });

  it('fails a threshold chosen on all rows', async () => {
    expect(
      await verdictOn(async (all, train) => {
        const model = await honest(all, train);
        return shifted(model, bestF1Threshold(predict(model.ensembles[0]!, all.x), all.y)!);
      }),
    ).toBe(false);
  });

  it('fails a scaler fitted on all rows: values divided by a deviation that includes the test rows', async () => {
    expect(
      await verdictOn((all, train) => {
        const known = all.x.values.filter((value) => !Number.isNaN(value));
        const spread = Math.sqrt(known.reduce((sum, value) => sum + value * value, 0) / known.length);
        return honest({ ...all, x: { ...all.x, values: all.x.values.map((value) => value / spread) } }, train);
      }),
    ).toBe(false);
  });

  it('fails trees that learn from the test rows', async () => {
    expect(await verdictOn((all) => honest(all, Int32Array.from(all.y.keys())))).toBe(false);
  });

  it('fails a learner that does not give the same model twice', async () => {
    let calls = 0;
    expect(await verdictOn(async (all, train) => shifted(await honest(all, train), calls++))).toBe(false);
  });

  it('does not change its input rows', async () => {
    const kept = structuredClone(rows);
    await verdictOn(honest);
    expect(rows).toEqual(kept);
  });

  it('changes the labels of every task', async () => {
    const tasks: Task[] = [
      BINARY,
      { kind: 'multiclass', classes: 2 },
      { kind: 'regression' },
      { kind: 'quantile', quantile: 0.5 },
    ];
    for (const task of tasks) {
      const seen: ValidationRows[] = [];
      const fold = { ...splits[1]!, model: await honest(rows, splits[1]!.train) };
      await checkTrainingOnly(rows, fold, async (all, train) => (seen.push(all), honest(all, train)), bytes, task, 's');
      const training = new Set(fold.train);
      rows.y.forEach((label, row) => {
        if (training.has(row)) expect(seen[0]!.y[row]).toBe(label);
        else expect(seen[0]!.y[row]).not.toBe(label);
      });
    }
  });
});
