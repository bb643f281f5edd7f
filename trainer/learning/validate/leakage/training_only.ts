import { createHash } from 'node:crypto';
import { createRng } from '../../../../shared/rng.ts';
import type { Rng } from '../../../../shared/ports.ts';
import type { GateResult } from '../../../../shared/bundle/gates/gate_result.ts';
import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { InTurn } from '../../../../shared/in_turn.ts';
import { isSequence, usedRows } from '../../learners/contract/past_rows.ts';
import type { Task } from '../../learners/contract/task.ts';
import { createLoan } from '../../learners/contract/loan.ts';
import { sharedFloat32 } from '../../threads/shared_array.ts';
import type { FoldModel } from '../../learners/cross_validation.ts';
import type { Fit, ValidationRows } from '../../dataset/rows.ts';

/**
 * Checks that everything fitted (trees, bin edges, calibrator, threshold …) comes from training rows alone:
 * with every value and label of the other rows replaced, training again must give the same bytes.
 * @param fold a split with its model by `fit`
 * @param bytes everything fitted of a model
 */
export async function checkTrainingOnly<Rows extends ValidationRows, Model>(
  rows: Rows,
  fold: Pick<FoldModel<Model>, 'name' | 'train' | 'model'>,
  fit: Fit<Rows, Model>,
  bytes: (model: Model) => Uint8Array,
  task: Task,
  seed: string,
): Promise<GateResult> {
  const before = digest(bytes(fold.model));
  const again = await turns.own(() =>
    lendValues(rows.x.values.length, (values) => fit(replaceOthers(rows, fold.train, task, seed, values), fold.train)),
  );
  const after = digest(bytes(again));
  return {
    code: 'fitted_on_training_rows_only',
    role: null,
    passed: before === after,
    value: null,
    relation: null,
    limit: null,
    unit: 'count',
    evidence: {
      split: fold.name,
      other_rows: rows.y.length - fold.train.length,
      before: before.slice(0, 12),
      after: after.slice(0, 12),
    },
  };
}

/** One check after the other, of any model: each has all rows in memory once more. The fits of others go on. */
const turns = new InTurn(null);

/** Memory of a check for the next one: tens of megabytes, which garbage collection would leave there for a while. */
const spare = createLoan<Float32Array>();

async function lendValues<T>(length: number, work: (values: Float32Array) => Promise<T>): Promise<T> {
  const kept = spare.take();
  const lent = kept !== undefined && kept.length >= length ? kept : sharedFloat32(length);
  const result = await work(lent.subarray(0, length));
  // A thread may still read for a fit that failed or was canceled.
  spare.giveBack(lent);
  return result;
}

/**
 * The rows with all values and labels outside of `train` replaced: values of every size, missing ones, other labels.
 * @param values memory for all of their values, which threads share
 */
function replaceOthers<Rows extends ValidationRows>(
  rows: Rows,
  train: Int32Array,
  task: Task,
  seed: string,
  values: Float32Array,
): Rows {
  const rng = createRng(seed);
  const isTraining = new Uint8Array(rows.y.length);
  for (const row of train) isTraining[row] = 1;
  const { columns } = rows.x;
  values.set(rows.x.values);
  const y = rows.y.slice();
  for (let row = 0; row < y.length; row++) {
    if (isTraining[row] === 1) continue;
    y[row] = otherLabel(y[row]!, task, rng);
    for (let column = 0; column < columns; column++) {
      values[row * columns + column] = otherValue(rng);
    }
  }
  return { ...rows, x: { ...rows.x, values, ...withOtherPast(rows.x, train, rng) }, y };
}

/** The table with all rows replaced that no sequence of a training row has. */
function withOtherPast(x: Matrix, train: Int32Array, rng: Rng): Pick<Matrix, 'past'> {
  if (!isSequence(x)) return {};
  const { columns, past } = x;
  const isTraining = usedRows(x, train);
  const table = sharedFloat32(past.table.length);
  table.set(past.table);
  for (let row = 0; row < isTraining.length; row++) {
    if (isTraining[row] === 1) continue;
    for (let column = 0; column < columns; column++) table[row * columns + column] = otherValue(rng);
  }
  return { past: { ...past, table } };
}

function otherValue(rng: Rng): number {
  return rng.uniform() < 0.1 ? NaN : rng.normal() * 10 ** (rng.integer(9) - 4);
}

function otherLabel(label: number, task: Task, rng: Rng): number {
  switch (task.kind) {
    case 'binary':
      return label === 0.5 ? 1 : 1 - label;
    case 'multiclass':
      return (label + 1 + rng.integer(task.classes - 1)) % task.classes;
    case 'regression':
    case 'quantile':
      return 7 - 3 * label + rng.normal();
  }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
