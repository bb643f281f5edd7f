import { MinutehandError, type ErrorCode, ERRORS } from '../../../shared/errors.ts';
import type { Blobs } from '../../../shared/blob/blobs.ts';
import type { TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { FitPool } from '../../learning/learners/trees/fit_pool.ts';
import { identityOf, keyOf, unpackModel, type KnownArrays } from './fit_identity.ts';
import type { TaskQueue } from './task_queue.ts';

/** What a training did not have to do itself. */
export interface FleetUse {
  /** Fits whose result was there. */
  readonly known: number;
  /** Fits that a worker did for it. */
  readonly done: number;
}

/** A pool whose fits are tasks of a queue: whoever has a free thread does them, this process too if it has a worker. */
export interface FleetPool extends FitPool {
  use(): FleetUse;
}

/**
 * @param usesKnown whether a result that is there is taken; false: every fit is done again, and compared with it
 */
export function fleetPool(queue: TaskQueue, blobs: Blobs, usesKnown: boolean): FleetPool {
  let arrays: KnownArrays = new WeakMap();
  const closing = new AbortController();
  let known = 0;
  let done = 0;

  /** null: there is none, or its bytes are gone. */
  async function keptModel(key: string): Promise<TreeModel | null> {
    const kept = await blobs.result(key);
    return kept !== null && (await blobs.has(kept.hash)) ? unpackModel(await blobs.get(kept.hash)) : null;
  }

  /** @returns null when it is done, and its result is not there @throws what the worker met */
  async function settledModel(key: string, signal: AbortSignal): Promise<TreeModel | null> {
    try {
      const outcome = await queue.settled(key, signal);
      if (outcome.state === 'failed') throw errorOf(outcome.error);
    } catch (error) {
      // Nobody waits for it any more.
      if (signal.aborted) await queue.remove(key).catch(() => undefined);
      throw error;
    }
    return await keptModel(key);
  }

  return {
    async fit(task, onTree, { isUrgent = false, signal } = {}) {
      const either = signal === undefined ? closing.signal : AbortSignal.any([closing.signal, signal]);
      either.throwIfAborted();
      const identity = await identityOf(task, blobs, arrays);
      const key = keyOf(identity);
      const kept = usesKnown ? await keptModel(key) : null;
      if (kept !== null) {
        known++;
        onTree(1, 1);
        return kept;
      }
      const queued = { key, needs: { learner: task.engine }, isUrgent, payload: JSON.stringify(identity) };
      // Its data may have been removed since, or its result: then it is not done, whatever the queue remembers.
      for (let isAgain = !usesKnown; ; isAgain = true) {
        if (isAgain) {
          await queue.remove(key);
          for (const hash of Object.values(identity.inputs)) if (!(await blobs.has(hash))) arrays = new WeakMap();
          await identityOf(task, blobs, arrays);
        }
        await queue.enqueue(queued);
        const made = await settledModel(key, either);
        if (made === null && !isAgain) continue;
        if (made === null) throw new MinutehandError('BLOB_MISSING', { seen: `the result of task ${key}` });
        done++;
        onTree(1, 1);
        return made;
      }
    },
    close() {
      closing.abort(new Error('the pool was closed'));
      return Promise.resolve();
    },
    use: () => ({ known, done }),
  };
}

/** The error of a worker, with the advice that this program has for it. */
function errorOf({ code, message }: { readonly code: string; readonly message: string }): MinutehandError {
  return new MinutehandError(code in ERRORS ? (code as ErrorCode) : 'LEARNER_THREAD', { seen: message });
}
