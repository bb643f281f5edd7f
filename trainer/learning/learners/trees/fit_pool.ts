import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { MinutehandError, type ErrorParts } from '../../../../shared/errors.ts';
import { packageRoot } from '../../../../shared/root.ts';
import { endThreads } from '../../../../shared/thread_end.ts';
import type { TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { runFit, untilAborted, type FitTask, type OnTree } from './fit.ts';
import type { FitRows } from '../contract/fit_rows.ts';

/** The compiled program, so that sources and built code start the same threads. */
const THREAD_FILE = 'dist/trainer/learning/learners/trees/fit_worker.js';

export type WorkerAnswer =
  | { readonly done: number; readonly total: number }
  | { readonly model: TreeModel }
  | { readonly error: ErrorParts };

/** Trains models on threads. The number of workers affects speed only, not results. */
export interface FitPool {
  /**
   * The rows are read at their first use and must not change while the pool is open.
   * @throws the reason of the signal as soon as that is aborted; `gbdt` then stops after its next tree, other engines
   * keep their thread to the end of the fit
   */
  fit(task: FitTask, onTree: OnTree, options?: FitOptions): Promise<TreeModel>;
  close(): Promise<void>;
}

/** Opens a pool of so many threads, or one whose fits are done elsewhere. */
export type OpenFitPool = (workers: number) => FitPool;

export interface FitOptions {
  /** An urgent task precedes all waiting tasks that are not urgent. */
  readonly isUrgent?: boolean;
  readonly signal?: AbortSignal;
}

/** What a thread gets. */
export interface WorkerTask extends FitTask {
  /** In memory of all threads: 1 once the fit is not wanted any more. */
  readonly stop: Int32Array;
}

interface Job {
  readonly task: FitTask;
  readonly stop: Int32Array;
  readonly onTree: OnTree;
  resolve(model: TreeModel): void;
  reject(error: unknown): void;
}

/** @param workers threads to learn on; 0 = on the calling one */
export function openFitPool(workers: number): FitPool {
  if (workers === 0) {
    return {
      fit: runFit,
      close: () => Promise.resolve(),
    };
  }
  const waiting: Job[] = [];
  const urgent: Job[] = [];
  const program = join(packageRoot(), THREAD_FILE);
  const threads = Array.from({ length: workers }, () => new Worker(program, { execArgv: [] }));
  const jobs = new Map<Worker, Job | null>(threads.map((thread) => [thread, null]));
  const share = createSharing();
  let isClosed = false;
  /** The error that ended the last thread. */
  let lastError: unknown;

  function next(thread: Worker): void {
    const job = urgent.shift() ?? waiting.shift() ?? null;
    jobs.set(thread, job);
    if (job !== null)
      thread.postMessage({ ...job.task, rows: shareRows(job.task.rows, share), stop: job.stop } satisfies WorkerTask);
  }

  for (const thread of threads) {
    thread.on('message', (answer: WorkerAnswer) => {
      const job = jobs.get(thread)!;
      if ('done' in answer) return job.onTree(answer.done, answer.total);
      if ('model' in answer) job.resolve(answer.model);
      else job.reject(new MinutehandError(answer.error.code, answer.error.detail));
      next(thread);
    });
    // The job of a thread that ends is lost; the others continue, and the training fails with this error.
    const end = (error: unknown): void => {
      jobs.get(thread)?.reject(error);
      jobs.delete(thread);
      if (jobs.size > 0) return;
      lastError = error;
      for (const job of [...urgent.splice(0), ...waiting.splice(0)]) job.reject(error);
    };
    thread.on('error', end);
    thread.on('exit', (code) => {
      if (!isClosed && jobs.has(thread))
        end(new MinutehandError('LEARNER_THREAD', { seen: `a thread of the pool ended with ${code}` }));
    });
  }
  return {
    fit(task, onTree, { isUrgent = false, signal } = {}) {
      const stop = new Int32Array(new SharedArrayBuffer(4));
      const answer = new Promise<TreeModel>((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason as Error);
        if (jobs.size === 0) return reject(lastError);
        const queue = isUrgent ? urgent : waiting;
        const job = { task, stop, onTree, resolve, reject };
        queue.push(job);
        signal?.addEventListener('abort', () => {
          Atomics.store(stop, 0, 1);
          const place = queue.indexOf(job);
          if (place >= 0) queue.splice(place, 1);
        });
        const idle = [...jobs].find(([, own]) => own === null);
        if (idle !== undefined) next(idle[0]);
      });
      return untilAborted(answer, signal);
    },
    async close() {
      isClosed = true;
      await endThreads(threads);
    },
  };
}

type Share = <T extends Float32Array | Float64Array>(values: T) => T;

/**
 * Copies an array once into memory readable by all threads, unless it is in such memory: fifty fits share the same few
 * arrays, also across models and labels. A copy is freed when its original is no longer referenced.
 */
function createSharing(): Share {
  const shared = new WeakMap<object, Float32Array | Float64Array>();
  return <T extends Float32Array | Float64Array>(values: T): T => {
    if (values.buffer instanceof SharedArrayBuffer) return values;
    const known = shared.get(values);
    if (known !== undefined) return known as T;
    const buffer = new SharedArrayBuffer(values.byteLength);
    const copy = values instanceof Float32Array ? new Float32Array(buffer) : new Float64Array(buffer);
    copy.set(values);
    shared.set(values, copy);
    return copy as T;
  };
}

/** The part of the rows that a fit needs. */
function shareRows({ x, y, time, labelEnd, weights }: FitRows, share: Share): FitRows {
  return {
    // Trees read no past rows.
    x: { rows: x.rows, columns: x.columns, values: share(x.values) },
    y: share(y),
    time: share(time),
    labelEnd: share(labelEnd),
    weights: share(weights),
  };
}
