import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { MinutehandError, type ErrorCode, type ErrorDetail } from '../../../shared/errors.ts';
import { endThreads } from '../../../shared/thread_end.ts';

/** Answer of a thread's program (`thread_program.ts`) to a task. */
export type TaskAnswer<Result> =
  | { readonly result: Result }
  | { readonly refusal: { readonly code: ErrorCode; readonly detail: Omit<ErrorDetail, 'cause'> } };

/** Threads that do tasks; without threads the caller does them, one after the other. */
export interface TaskThreads<Task, Result> {
  /**
   * @param task is called when a thread is free
   * @param order an urgent task precedes all waiting tasks that are not
   * @throws the error of the task, or of the thread
   */
  run(task: () => Task, order?: { readonly isUrgent: boolean }): Promise<Result>;
  /** Cancels what is not done. */
  close(): Promise<void>;
}

interface Job<Task, Result> {
  task(): Task;
  resolve(result: Result | Promise<Result>): void;
  reject(error: unknown): void;
}

/**
 * Where the compiled program is not there (tests run the sources), the caller works.
 * @param workers threads; 0 = none
 * @param program of a thread, which serves tasks by `serveTasks`
 * @param workerData of the program
 */
export function openTaskThreads<Task, Result>(
  workers: number,
  program: URL,
  work: (task: Task) => Result | Promise<Result>,
  workerData?: unknown,
): TaskThreads<Task, Result> {
  // Options of the process may be such that no thread starts with them (`--input-type`).
  const threads = existsSync(program)
    ? Array.from({ length: workers }, () => new Worker(program, { workerData, execArgv: [] }))
    : [];
  const workOf = threads.map((thread) => (task: Task) => answerOf<Result>(thread, task));
  const idle: ((task: Task) => Result | Promise<Result>)[] = workOf.length === 0 ? [work] : workOf;
  const urgent: Job<Task, Result>[] = [];
  const waiting: Job<Task, Result>[] = [];

  async function next(): Promise<void> {
    const worker = idle.shift();
    if (worker === undefined) return;
    for (let job = urgent.shift() ?? waiting.shift(); job !== undefined; job = urgent.shift() ?? waiting.shift()) {
      try {
        job.resolve(await worker(job.task()));
      } catch (error) {
        job.reject(error);
      }
    }
    idle.push(worker);
  }

  return {
    run: (task, { isUrgent } = { isUrgent: false }) =>
      new Promise((resolve, reject) => {
        (isUrgent ? urgent : waiting).push({ task, resolve, reject });
        void next();
      }),
    async close() {
      urgent.length = 0;
      waiting.length = 0;
      await endThreads(threads);
    },
  };
}

/**
 * Does tasks on `workers` threads, or with 0 on the calling one; `onDone` receives each result as it arrives, with the
 * index of its task.
 * @throws the error of a task; the others are canceled then
 */
export async function runOnThreads<Task, Result>(
  tasks: readonly Task[],
  workers: number,
  program: URL,
  work: (task: Task) => Result,
  onDone: (result: Result, task: number) => void,
): Promise<void> {
  const threads = openTaskThreads(Math.min(workers, tasks.length), program, work);
  try {
    await Promise.all(
      tasks.map(async (_, i) => {
        onDone(await threads.run(() => tasks[i]!), i);
      }),
    );
  } finally {
    await threads.close();
  }
}

function answerOf<Result>(thread: Worker, task: unknown): Promise<Result> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      thread.off('message', onMessage).off('error', onError).off('exit', onExit);
      act();
    };
    const onMessage = (answer: TaskAnswer<Result>): void =>
      settle(() => {
        if ('result' in answer) resolve(answer.result);
        else reject(new MinutehandError(answer.refusal.code, answer.refusal.detail));
      });
    const onError = (error: Error): void => settle(() => reject(error));
    const onExit = (code: number): void => settle(() => reject(new Error(`a thread ended with ${code}`)));
    thread.on('message', onMessage).on('error', onError).on('exit', onExit);
    thread.postMessage(task);
  });
}
