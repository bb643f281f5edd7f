import { MinutehandError, type ErrorCode, ERRORS } from '../../../shared/errors.ts';
import type { Blobs } from '../../../shared/blob/blobs.ts';
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
  const arrays: KnownArrays = new WeakMap();
  const closing = new AbortController();
  let known = 0;
  let done = 0;
  return {
    async fit(task, onTree, { isUrgent = false, signal } = {}) {
      const either = signal === undefined ? closing.signal : AbortSignal.any([closing.signal, signal]);
      either.throwIfAborted();
      const identity = await identityOf(task, blobs, arrays);
      const key = keyOf(identity);
      const kept = usesKnown ? await blobs.result(key) : null;
      if (kept !== null && (await blobs.has(kept.hash))) {
        known++;
        onTree(1, 1);
        return unpackModel(await blobs.get(kept.hash));
      }
      if (!usesKnown) await queue.remove(key);
      await queue.enqueue({
        key,
        needs: { learner: task.engine },
        isUrgent,
        payload: JSON.stringify(identity),
      });
      try {
        const outcome = await queue.settled(key, either);
        if (outcome.state === 'failed') throw errorOf(outcome.error);
      } catch (error) {
        // Nobody waits for it any more.
        if (either.aborted) await queue.remove(key).catch(() => undefined);
        throw error;
      }
      done++;
      onTree(1, 1);
      const result = await blobs.result(key);
      if (result === null) throw new MinutehandError('BLOB_MISSING', { seen: `the result of task ${key}` });
      return unpackModel(await blobs.get(result.hash));
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
