import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { buildPair, type PairBuild, type PairTask } from './pair_build.ts';

/** The thread's program, compiled; where there is none (tests run the sources), the caller builds. */
const PROGRAM = new URL('./pair_worker.js', import.meta.url);

/**
 * Builds pairs on `workers` threads, or with 0 on the calling one; `onBuilt` receives each as it arrives, with the
 * index of its task. A build is a pure function of its task, so the number of threads changes nothing but the time. A
 * task is copied to its thread when its turn comes and a build is returned without a copy: beside the builds, the legs
 * of at most `workers` pairs are in memory twice.
 * @throws the error of a build; the others are canceled then
 */
export async function buildPairs(
  tasks: readonly PairTask[],
  workers: number,
  onBuilt: (build: PairBuild, task: number) => void,
): Promise<void> {
  const threads = Math.min(workers, tasks.length);
  if (threads === 0 || !existsSync(PROGRAM)) {
    tasks.forEach((task, i) => onBuilt(buildPair(task), i));
    return;
  }
  let next = 0;
  const pool = Array.from({ length: threads }, () => new Worker(PROGRAM));
  try {
    await Promise.all(
      pool.map(async (thread) => {
        while (next < tasks.length) {
          const own = next++;
          onBuilt(await answerOf(thread, tasks[own]!), own);
        }
      }),
    );
  } finally {
    await Promise.all(pool.map((thread) => thread.terminate()));
  }
}

function answerOf(thread: Worker, task: PairTask): Promise<PairBuild> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      thread.off('message', onMessage).off('error', onError).off('exit', onExit);
      act();
    };
    const onMessage = (build: PairBuild): void => settle(() => resolve(build));
    const onError = (error: Error): void => settle(() => reject(error));
    const onExit = (code: number): void =>
      settle(() => reject(new Error(`a thread of the dataset ended with ${code}`)));
    thread.on('message', onMessage).on('error', onError).on('exit', onExit);
    thread.postMessage(task);
  });
}
