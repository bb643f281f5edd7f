import type { Matrix, TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { learnHere } from './gbdt.ts';
import type { Engine } from '../../../shared/policy/engines.ts';
import type { LearnerParams, LearnRequest, Task, TrainingTable } from './learner.ts';
import { openLearner } from './learners.ts';

/** The last part of the training time that decides how many trees there are. */
const STOPPING_SHARE = 0.15;
/** Trees without an improvement there before boosting ends. */
const PATIENCE = 20;
/** With fewer rows on either side, the number of trees is the configured one. */
export const MIN_ROWS = 200;

/** Labeled rows with their times. All arrays: [rows]. */
export interface FitRows {
  readonly x: Matrix;
  readonly y: Float64Array;
  /** Epoch seconds at which the features were known. */
  readonly time: Float64Array;
  /** Epoch seconds at which the label was known. */
  readonly labelEnd: Float64Array;
  readonly weights: Float64Array;
}

/** One model to learn from `subset` of `rows`. */
export interface FitTask {
  readonly engine: Engine;
  readonly task: Task;
  readonly rows: FitRows;
  readonly subset: Int32Array;
  readonly params: LearnerParams;
  /** Whether boosting ends when it stops helping, or after `params.rounds`. */
  readonly stopsEarly: boolean;
  /** A model to add trees to; absent or null: learned from nothing. */
  readonly base?: TreeModel | null;
  /** Rows that end boosting, in place of the last part of the subset's time; read with `stopsEarly` alone. */
  readonly stopping?: Int32Array;
}

/** `done` trees of at most `total`. */
export type OnTree = (done: number, total: number) => void;

/** Trains one model on one thread, by its task. */
export function runFit(
  { engine, task, rows, subset, params, stopsEarly, base, stopping }: FitTask,
  onTree: OnTree,
): Promise<TreeModel> {
  const given = stopping === undefined ? null : { train: subset, stopping };
  const parts = stopsEarly ? (given ?? splitOffTheEnd(rows, subset)) : null;
  const request: LearnRequest = {
    task,
    params,
    table: takeTable(rows, parts === null ? subset : parts.train),
    stopping: parts === null ? null : { table: takeTable(rows, parts.stopping), patience: PATIENCE },
    threads: 1,
    base: base ?? null,
    onRound: onTree,
  };
  // A fit has a thread of its own already.
  return engine === 'gbdt' ? Promise.resolve().then(() => learnHere(request)) : openLearner(engine).learn(request);
}

/**
 * The last part of the subset's own time, where it shows when boosting no longer helps. Rows whose label was not known
 * when that part began take no part in the training, so neighbors do not vouch for each other. null where either side
 * has too few rows.
 */
export function splitOffTheEnd(
  rows: Pick<FitRows, 'time' | 'labelEnd'>,
  subset: Int32Array,
): { readonly train: Int32Array; readonly stopping: Int32Array } | null {
  const times = Float64Array.from(subset, (row) => rows.time[row]!).sort();
  const from = times[Math.floor(times.length * (1 - STOPPING_SHARE))]!;
  const train = subset.filter((row) => rows.labelEnd[row]! < from);
  const stopping = subset.filter((row) => rows.time[row]! >= from);
  return Math.min(train.length, stopping.length) < MIN_ROWS ? null : { train, stopping };
}

function takeTable({ x, y, weights }: FitRows, rows: Int32Array): TrainingTable {
  return { x: takeRows(x, rows), y: takeLabels(y, rows), weights: takeLabels(weights, rows) };
}

/** These rows of a matrix, in this order. */
export function takeRows(x: Matrix, rows: ArrayLike<number>): Matrix {
  const values = new Float32Array(rows.length * x.columns);
  for (let i = 0; i < rows.length; i++) {
    const at = rows[i]! * x.columns;
    values.set(x.values.subarray(at, at + x.columns), i * x.columns);
  }
  return { rows: rows.length, columns: x.columns, values };
}

/** The labels of these rows, in this order. */
export function takeLabels(y: Float64Array, rows: ArrayLike<number>): Float64Array {
  return Float64Array.from(rows, (row) => y[row]!);
}
