import { MinutehandError, type ErrorCode, ERRORS } from '../../../shared/errors.ts';
import { dropDamaged, type Blobs, type KeptResult } from '../../../shared/blob/blobs.ts';
import type { TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { untilAborted, type FitTask } from '../../learning/learners/trees/fit.ts';
import type { FitPool } from '../../learning/learners/trees/fit_pool.ts';
import { identityOf, keyOf, unpackFit, type FitIdentity, type KnownArrays } from './fit_identity.ts';
import type { TracedFit } from './fit_trace.ts';
import { lastAnswer } from './patient_queue.ts';
import { needsOfFit } from './task_needs.ts';
import { tallyIfPossible, type OnTaskProgress, type TaskDifference, type TaskQueue } from './task_queue.ts';

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
  /** Different results of the tasks that this pool has enqueued, by any worker. @throws errors of the queue */
  differences(): Promise<readonly TaskDifference[]>;
}

interface KeptFit {
  readonly model: TreeModel;
  readonly kept: KeptResult;
}

/**
 * @param usesKnown whether a result that is there is taken; false: every fit is done again, and compared with it
 * @param onFit called with each fit that this pool has got
 */
export function fleetPool(
  queue: TaskQueue,
  blobs: Blobs,
  usesKnown: boolean,
  onFit: (fit: TracedFit) => void = () => undefined,
): FleetPool {
  let arrays: KnownArrays = new WeakMap();
  const closing = new AbortController();
  let known = 0;
  let done = 0;
  const asked = new Set<string>();

  /**
   * A result that is cut, or that another task has made, is dropped.
   * @returns null: there is none, or its bytes are gone or were not of this task
   */
  async function keptFit(key: string, identity: FitIdentity, task: FitTask): Promise<KeptFit | null> {
    const kept = await blobs.result(key);
    if (kept === null || !(await blobs.has(kept.hash))) return null;
    try {
      return { kept, model: unpackFit(await blobs.get(kept.hash), identity, task) };
    } catch (error) {
      await dropDamaged(error, key, kept, blobs);
      return null;
    }
  }

  /** Makes the queue forget a task, and stores those of its arrays that were removed. */
  async function forget(key: string, { inputs }: FitIdentity, task: FitTask): Promise<void> {
    await queue.remove(key);
    const isThere = await Promise.all(Object.values(inputs).map((hash) => blobs.has(hash)));
    if (isThere.every(Boolean)) return;
    arrays = new WeakMap();
    await identityOf(task, blobs, arrays);
  }

  /** @returns null when it is done, and its result is not there @throws what the worker met */
  async function settledFit(
    key: string,
    { identity, task }: { readonly identity: FitIdentity; readonly task: FitTask },
    signal: AbortSignal,
    onProgress: OnTaskProgress,
  ): Promise<KeptFit | null> {
    const learner = task.engine;
    try {
      const outcome = await queue.settled(key, signal, onProgress);
      if (outcome.state === 'failed') {
        await tallyIfPossible(queue, learner, { given_up: 1 });
        throw taskError(outcome.error);
      }
    } catch (error) {
      // Nobody waits for it any more.
      if (signal.aborted) await lastAnswer(queue.remove(key), signal).catch(() => undefined);
      throw error;
    }
    return await keptFit(key, identity, task);
  }

  return {
    async fit(task, onTree, { isUrgent = false, signal } = {}) {
      const either = signal === undefined ? closing.signal : AbortSignal.any([closing.signal, signal]);
      either.throwIfAborted();
      const identity = await identityOf(task, blobs, arrays);
      const key = keyOf(identity);
      const askedMs = Date.now();
      const note = ({ kept: { maker, seconds } }: KeptFit, isKnown: boolean): void =>
        onFit({ key, learner: task.engine, isKnown, maker, seconds: seconds ?? null, askedMs, settledMs: Date.now() });
      const kept = usesKnown ? await keptFit(key, identity, task) : null;
      if (kept !== null) {
        known++;
        await tallyIfPossible(queue, task.engine, { known: 1 });
        note(kept, true);
        onTree(1, 1);
        return kept.model;
      }
      const queued = { key, needs: needsOfFit(task, identity.inputs), isUrgent, payload: JSON.stringify(identity) };
      let furthest = 0;
      // Another worker begins at the first round.
      const onProgress: OnTaskProgress = (rounds, all) => {
        if (rounds / all <= furthest) return;
        furthest = rounds / all;
        onTree(rounds, all);
      };
      const askForIt = async (): Promise<KeptFit | null> => {
        await untilAborted(queue.enqueue(queued), either);
        return await settledFit(key, { identity, task }, either, onProgress);
      };
      asked.add(key);
      if (!usesKnown) await forget(key, identity, task);
      let made = await askForIt();
      if (made === null) {
        // The queue remembers that it was done, but its result has been removed since, or was none of this task.
        await forget(key, identity, task);
        made = await askForIt();
      }
      if (made === null) throw new MinutehandError('BLOB_MISSING', { seen: `the result of task ${key}` });
      done++;
      note(made, false);
      onTree(1, 1);
      return made.model;
    },
    close() {
      closing.abort(new Error('the pool was closed'));
      return Promise.resolve();
    },
    use: () => ({ known, done }),
    async differences() {
      return asked.size === 0 ? [] : (await queue.differences()).filter(({ key }) => asked.has(key));
    },
  };
}

/** The error of a worker, with the advice that this program has for it. */
export function taskError({ code, message }: { readonly code: string; readonly message: string }): MinutehandError {
  if (!(code in ERRORS)) return new MinutehandError('LEARNER_THREAD', { seen: message });
  const known = code as ErrorCode;
  const { message: general } = ERRORS[known];
  // What is said of every such error is said once.
  const own = message.startsWith(general) ? message.slice(general.length).replace(/^ Seen: /, '') : message;
  const seen = own.replace(/\.$/, '');
  return new MinutehandError(known, seen === '' ? {} : { seen });
}
