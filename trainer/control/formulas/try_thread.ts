import { InTurn } from '../../../shared/in_turn.ts';
import { openTaskThreads, type TaskThreads } from '../../learning/threads/thread_tasks.ts';
import { tryFormula, type FormulaTask, type TriedFormula } from './try_formula.ts';

const PROGRAM = new URL('./try_worker.js', import.meta.url);
/** A trial takes seconds. */
const MOST = 8;

type TrialThread = TaskThreads<FormulaTask, TriedFormula | null>;

/**
 * Runs `tryFormula` on a low-priority thread for each trial, one after the other: other requests do not wait for a
 * trial, trials do not compete for memory, and what a trial used is freed with its thread.
 */
export class FormulaTrials {
  readonly #turns = new InTurn({ most: MOST, what: 'trials' });
  readonly #open: () => TrialThread;

  constructor(open: () => TrialThread = () => openTaskThreads(1, PROGRAM, tryFormula)) {
    this.#open = open;
  }

  /**
   * @param left aborted when nobody waits for it: it does not begin then, or ends
   * @throws MinutehandError REQUESTS_TOO_MANY; as `tryFormula`; the reason of `left`
   */
  run(task: FormulaTask, left: AbortSignal): Promise<TriedFormula | null> {
    return this.#turns.run(() => this.#tryOnThread(task, left), left);
  }

  async #tryOnThread(task: FormulaTask, left: AbortSignal): Promise<TriedFormula | null> {
    const thread = this.#open();
    const end = (): void => void thread.close();
    left.addEventListener('abort', end, { once: true });
    try {
      return await thread.run(() => task);
    } catch (error) {
      left.throwIfAborted();
      throw error;
    } finally {
      left.removeEventListener('abort', end);
      // The answer does not wait for it.
      end();
    }
  }
}
