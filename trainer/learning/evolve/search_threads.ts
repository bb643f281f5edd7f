import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../../shared/root.ts';
import { openTaskThreads, type TaskThreads } from '../threads/thread_tasks.ts';
import type { GenerationStep } from './evolution.ts';
import { makeGeneration, type GenerationTask } from './make_generation.ts';

/** The compiled program, so that sources and built code start the same threads. */
const PROGRAM = 'dist/trainer/learning/evolve/search_worker.js';

export type SearchThreads = TaskThreads<GenerationTask, GenerationStep>;

/**
 * Threads that make generations; they start with the first one.
 * @param workers 0 = on the calling thread
 */
export function openSearchThreads(workers: number): SearchThreads {
  let threads: SearchThreads | null = null;
  const open = (): SearchThreads =>
    openTaskThreads(workers, pathToFileURL(join(packageRoot(), PROGRAM)), makeGeneration);
  return {
    run(task, order) {
      threads ??= open();
      return threads.run(task, order);
    },
    async close() {
      await threads?.close();
    },
  };
}
