import { Worker } from 'node:worker_threads';
import { MinutehandError, type describeError } from '../../shared/errors.ts';
import type { TreeModel } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { runFit, type FitTask, type OnTree } from './fit.ts';

export type WorkerAnswer =
  | { readonly done: number; readonly total: number }
  | { readonly model: TreeModel }
  | { readonly error: ReturnType<typeof describeError> };

/** Learns models. Each one is the same whatever learns it, so the number of workers changes nothing but the time. */
export interface FitPool {
  fit(task: FitTask, onTree: OnTree): Promise<TreeModel>;
  close(): Promise<void>;
}

interface Job {
  readonly task: FitTask;
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
      if ('model' in answer) job.resolve(answer.model);
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
