import { runOnThreads } from '../../../threads/thread_tasks.ts';
import { buildPair, type PairBuild, type PairTask } from './pair_build.ts';

const PROGRAM = new URL('./pair_worker.js', import.meta.url);

/**
 * Builds pairs on `workers` threads, or with 0 on the calling one; `onBuilt` receives each with the index of its task.
 * A build is a pure function of its task, so the number of threads affects speed only. A task is copied to its thread
 * when it starts, and a build is transferred back: apart from the builds, the legs of at most `workers` pairs are in
 * memory twice.
 * @throws the error of a build, after canceling the others
 */
export function buildPairs(
  tasks: readonly PairTask[],
  workers: number,
  onBuilt: (build: PairBuild, task: number) => void,
): Promise<void> {
  return runOnThreads(tasks, workers, PROGRAM, buildPair, onBuilt);
}
