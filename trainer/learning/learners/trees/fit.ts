import type { TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { learnHere } from './gbdt.ts';
import type { Engine } from '../../../../shared/policy/engines.ts';
import { takeLabels, takeRows, type FitRows } from '../contract/fit_rows.ts';
import { splitOffTheEnd } from '../contract/stopping_rows.ts';
import type { Task } from '../contract/task.ts';
import type { LearnerParams, LearnRequest, TrainingTable } from './learner.ts';
import { openTreeLearner } from './learners.ts';

/** Rounds without an improvement before boosting ends, unless the parameters say otherwise. */
export const EARLY_STOPPING_ROUNDS = 20;
/** One model to train on `subset` of `rows`. */
export interface FitTask {
  readonly engine: Engine;
  readonly task: Task;
  readonly rows: FitRows;
  readonly subset: Int32Array;
  readonly params: LearnerParams;
  /** Whether boosting stops early, or after `params.rounds`. */
  readonly stopsEarly: boolean;
  /** A model to add trees to; absent or null: trained from scratch. */
  readonly base?: TreeModel | null;
  /** Early-stopping rows, replacing the last part of the subset's time; only used with `stopsEarly`. */
  readonly stopping?: Int32Array;
}

/** `done` trees of at most `total`. */
export type OnTree = (done: number, total: number) => void;

/**
 * Trains one model on one thread, by its task.
 * @throws the reason of the signal once that is aborted; between two trees where the trees are our own
 */
export async function runFit(
  { engine, task, rows, subset, params, stopsEarly, base, stopping }: FitTask,
  onTree: OnTree,
  { signal }: { readonly isUrgent?: boolean; readonly signal?: AbortSignal } = {},
): Promise<TreeModel> {
  signal?.throwIfAborted();
  const given = stopping === undefined ? null : { train: subset, stopping };
  const parts = stopsEarly ? (given ?? splitOffTheEnd(rows, subset)) : null;
  const requestOf = (tableOf: TableOf): LearnRequest => ({
    task,
    params,
    table: tableOf(rows, parts === null ? subset : parts.train),
    stopping:
      parts === null
        ? null
        : { table: tableOf(rows, parts.stopping), patience: params.patience ?? EARLY_STOPPING_ROUNDS },
    threads: 1,
    base: base ?? null,
    onRound(done, total) {
      onTree(done, total);
      // An error in a message of another thread would end the program.
      if (engine === 'gbdt') signal?.throwIfAborted();
    },
  });
  // A fit already runs on its own thread.
  if (engine === 'gbdt') return Promise.resolve().then(() => learnHere(requestOf(rowsWithin)));
  return untilAborted(openTreeLearner(engine).learn(requestOf(rowsAlone)), signal);
}

/** Rejects as soon as the signal is aborted. */
export function untilAborted<Value>(work: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

type TableOf = (of: FitRows, rows: Int32Array) => TrainingTable;

/** The rows as positions in the matrix, which is read where it is. */
function rowsWithin({ x, y, weights }: FitRows, rows: Int32Array): TrainingTable {
  return { x, rows, y: takeLabels(y, rows), weights: takeLabels(weights, rows) };
}

/** A matrix of these rows alone. */
function rowsAlone({ x, y, weights }: FitRows, rows: Int32Array): TrainingTable {
  return { x: takeRows(x, rows), y: takeLabels(y, rows), weights: takeLabels(weights, rows) };
}
