import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

/**
 * Does tasks on `workers` threads, or with 0 on the calling one; `onDone` receives each result as it arrives, with the
 * index of its task. Where the compiled program is not there (tests run the sources), the caller works.
 * @param program of a thread, which answers each message with one result
 * @throws the error of a task; the others are canceled then
 */
export async function runOnThreads<Task, Result>(
  tasks: readonly Task[],
  workers: number,
  program: URL,
  work: (task: Task) => Result,
  onDone: (result: Result, task: number) => void,
): Promise<void> {
  const threads = Math.min(workers, tasks.length);
  if (threads === 0 || !existsSync(program)) {
    tasks.forEach((task, i) => onDone(work(task), i));
    return;
  }
  let next = 0;
  const pool = Array.from({ length: threads }, () => new Worker(program));
  try {
    await Promise.all(
      pool.map(async (thread) => {
        while (next < tasks.length) {
          const own = next++;
          onDone(await answerOf<Result>(thread, tasks[own]), own);
        }
      }),
    );
  } finally {
    await Promise.all(pool.map((thread) => thread.terminate()));
  }
}

function answerOf<Result>(thread: Worker, task: unknown): Promise<Result> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      thread.off('message', onMessage).off('error', onError).off('exit', onExit);
      act();
    };
    const onMessage = (result: Result): void => settle(() => resolve(result));
    const onError = (error: Error): void => settle(() => reject(error));
    const onExit = (code: number): void => settle(() => reject(new Error(`a thread ended with ${code}`)));
    thread.on('message', onMessage).on('error', onError).on('exit', onExit);
    thread.postMessage(task);
  });
}
