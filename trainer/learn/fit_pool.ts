import { Worker } from 'node:worker_threads';
import { MinutehandError, type describeError } from '../../shared/errors.ts';
import type { LabelledRows } from '../dataset/dataset.ts';
import { runFit, type OnTree } from './fit.ts';
import type { GbdtParams, TreeEnsemble } from './gbdt.ts';

/** One ensemble to learn from `subset` of `rows`. */
export interface FitTask {
  readonly rows: LabelledRows;
  readonly subset: Int32Array;
  readonly params: GbdtParams;
  /** Whether boosting ends when it stops helping, or after `params.rounds`. */
  readonly stopsEarly: boolean;
}

export type WorkerAnswer =
  | { readonly done: number; readonly total: number }
  | { readonly ensemble: TreeEnsemble }
  | { readonly error: ReturnType<typeof describeError> };

/** Learns ensembles. Each one is the same whatever learns it, so the number of workers changes nothing but the time. */
export interface FitPool {
  fit(task: FitTask, onTree: OnTree): Promise<TreeEnsemble>;
  close(): Promise<void>;
}

interface Job {
  readonly task: FitTask;
  readonly onTree: OnTree;
  resolve(ensemble: TreeEnsemble): void;
  reject(error: unknown): void;
}

/** @param workers threads to learn on; 0 = on the calling one */
export function openFitPool(workers: number): FitPool {
  if (workers === 0) {
    return {
      fit: (task, onTree) => Promise.resolve().then(() => runFit(task, onTree)),
      close: () => Promise.resolve(),
    };
  }
  const waiting: Job[] = [];
  const threads = Array.from({ length: workers }, () => new Worker(new URL('./fit_worker.js', import.meta.url)));
  const jobs = new Map<Worker, Job | null>(threads.map((thread) => [thread, null]));

  function next(thread: Worker): void {
    const job = waiting.shift() ?? null;
    jobs.set(thread, job);
    // The rows are copied to the thread only when it is their turn, so that they are not in memory once per task.
    if (job !== null) thread.postMessage(job.task);
  }

  for (const thread of threads) {
    thread.on('message', (answer: WorkerAnswer) => {
      const job = jobs.get(thread)!;
      if ('done' in answer) return job.onTree(answer.done, answer.total);
      if ('ensemble' in answer) job.resolve(answer.ensemble);
      else job.reject(new MinutehandError(answer.error.code, { seen: answer.error.message, next: answer.error.next }));
      next(thread);
    });
    // A thread that dies takes its job along; the others go on, and the training ends with this error.
    thread.on('error', (error) => {
      jobs.get(thread)?.reject(error);
      jobs.delete(thread);
      if (jobs.size === 0) for (const job of waiting.splice(0)) job.reject(error);
    });
  }
  return {
    fit: (task, onTree) =>
      new Promise((resolve, reject) => {
        waiting.push({ task, onTree, resolve, reject });
        const idle = [...jobs].find(([, job]) => job === null);
        if (idle !== undefined) next(idle[0]);
      }),
    async close() {
      await Promise.all(threads.map((thread) => thread.terminate()));
    },
  };
}
