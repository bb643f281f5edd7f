import { runOnThreads } from '../thread_tasks.ts';
import { buildPair, type PairBuild, type PairTask } from './pair_build.ts';

const PROGRAM = new URL('./pair_worker.js', import.meta.url);

/**
 * Builds pairs on `workers` threads, or with 0 on the calling one; `onBuilt` receives each as it arrives, with the
 * index of its task. A build is a pure function of its task, so the number of threads changes nothing but the time. A
 * task is copied to its thread when its turn comes and a build is returned without a copy: beside the builds, the legs
 * of at most `workers` pairs are in memory twice.
 * @throws the error of a build; the others are canceled then
 */
export function buildPairs(
  tasks: readonly PairTask[],
  workers: number,
  onBuilt: (build: PairBuild, task: number) => void,
): Promise<void> {
  return runOnThreads(tasks, workers, PROGRAM, buildPair, onBuilt);
}
