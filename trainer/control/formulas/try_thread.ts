import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { MinutehandError } from '../../../shared/errors.ts';
import { tryFormula, type FormulaTask, type TriedFormula } from './try_formula.ts';

/** The compiled thread program; where it is absent (tests run the sources), the caller computes. */
const PROGRAM = new URL('./try_worker.js', import.meta.url);

/** What a thread can send of an error. */
type Refusal = Pick<MinutehandError, 'code' | 'seen' | 'expected' | 'next'>;

/** What the thread sends. */
export type TrialMessage = { readonly tried: TriedFormula | null } | { readonly refused: Refusal };

/**
 * Runs `tryFormula` on low-priority threads, one after the other, so that neither other requests wait for a trial nor
 * trials for each other's memory.
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

function tryOnThread(task: FormulaTask): Promise<TriedFormula | null> {
  if (!existsSync(PROGRAM)) return tryFormula(task);
  return new Promise((resolve, reject) => {
    const thread = new Worker(PROGRAM, { workerData: task });
    thread.on('message', (message: TrialMessage) => {
      if ('tried' in message) resolve(message.tried);
      else reject(refusal(message.refused));
    });
    // A listener of messages would keep the process.
    thread.unref();
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the trial ended without a result: exit ${code}`)));
  });
}

function refusal({ code, seen, expected, next }: Refusal): MinutehandError {
  return new MinutehandError(code, {
    ...(seen !== undefined && { seen }),
    ...(expected !== undefined && { expected }),
    next,
  });
}
