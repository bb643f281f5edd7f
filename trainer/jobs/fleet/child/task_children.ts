import type { TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { GenerationStep } from '../../../learning/evolve/evolution.ts';
import type { SearchThreads } from '../../../learning/evolve/search_threads.ts';
import type { FitPool } from '../../../learning/learners/trees/fit_pool.ts';
import { openMemoryGroups } from './memory_group.ts';
import { TaskProcess, type TaskLimits, type TaskWatch } from './task_process.ts';
import type { ChildTask } from './task_child.ts';

/** Child processes that do fits and generations, each within limits. */
export interface TaskChildren {
  readonly pool: FitPool;
  readonly searches: SearchThreads;
  /** Kills all. */
  close(): Promise<void>;
}

/**
 * Children start with their first task and stay for the next ones; one that has met a limit, or has ended, is replaced.
 * @param most children at the same time; further tasks wait
 */
export function openTaskChildren(most: number, limits: TaskLimits): TaskChildren {
  const groups = openMemoryGroups();
  const all = new Set<TaskProcess>();
  /** The one that was used last is last, and has the data of the next task most likely. */
  const idle: TaskProcess[] = [];
  const waiting: ((child: TaskProcess) => void)[] = [];
  let isClosed = false;

  function free(): TaskProcess | null {
    for (let child = idle.pop(); child !== undefined; child = idle.pop()) {
      if (child.isFit) return child;
      remove(child);
    }
    if (all.size >= most) return null;
    const child = new TaskProcess(limits, groups);
    all.add(child);
    return child;
  }

  function remove(child: TaskProcess): void {
    child.kill();
    all.delete(child);
  }

  function take(): Promise<TaskProcess> {
    const child = free();
    return child === null ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(child);
  }

  /** Gives the place of a child to the next task. */
  function giveBack(child: TaskProcess): void {
    if (isClosed) return remove(child);
    idle.push(child);
    const next = waiting.shift();
    if (next !== undefined) next(free()!);
  }

  async function run<Result>(task: () => ChildTask, watch: TaskWatch): Promise<Result> {
    const child = await take();
    try {
      watch.signal?.throwIfAborted();
      return await child.run<Result>(task(), watch);
    } finally {
      giveBack(child);
    }
  }

  const close = (): Promise<void> => {
    isClosed = true;
    for (const child of all) remove(child);
    return Promise.resolve();
  };
  return {
    pool: {
      fit: (task, onTree, { signal } = {}) => run<TreeModel>(() => ({ kind: 'fit', task }), { onTree, signal }),
      close,
    },
    searches: {
      run: (task) =>
        run<GenerationStep>(() => ({ kind: 'generation', task: task() }), {
          onTree: () => undefined,
          signal: undefined,
        }),
      close,
    },
    close,
  };
}
