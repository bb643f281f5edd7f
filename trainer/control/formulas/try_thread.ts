import { openTaskThreads } from '../../learning/threads/thread_tasks.ts';
import { tryFormula, type FormulaTask, type TriedFormula } from './try_formula.ts';

const PROGRAM = new URL('./try_worker.js', import.meta.url);

/**
 * Runs `tryFormula` on a low-priority thread for each trial, one after the other: other requests do not wait for a
 * trial, trials do not compete for memory, and what a trial used is freed with its thread.
 */
export class FormulaTrials {
  #last: Promise<unknown> = Promise.resolve();

  /** @throws MinutehandError as `tryFormula` */
  run(task: FormulaTask): Promise<TriedFormula | null> {
    const own = this.#last.then(() => tryOnThread(task));
    this.#last = own.catch(() => undefined);
    return own;
  }
}

async function tryOnThread(task: FormulaTask): Promise<TriedFormula | null> {
  const thread = openTaskThreads(1, PROGRAM, tryFormula);
  try {
    return await thread.run(() => task);
  } finally {
    // The answer does not wait for it.
    void thread.close();
  }
}
