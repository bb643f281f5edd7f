import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../../../shared/errors.ts';
import type { Blobs, ContentHash } from '../../../shared/blob/blobs.ts';
import { unpackArrays, type PackedArray } from '../../../shared/blob/packed_arrays.ts';
import type { FitPool } from '../../learning/learners/trees/fit_pool.ts';
import { isRefusedFit } from '../../learning/learners/trees/lost_fit.ts';
import { ownIdentity, packModel, taskOf, type FitIdentity } from './fit_identity.ts';
import { differenceLine } from './fleet_view.ts';
import { tallyIfPossible, type Claim, type TaskQueue, type WorkerFacts } from './task_queue.ts';

export interface WorkerOptions {
  readonly facts: WorkerFacts;
  readonly queue: TaskQueue;
  readonly blobs: Blobs;
  /** Has as many threads as the worker has slots. */
  readonly pool: FitPool;
  /** Of arrays that are kept in memory for later fits. */
  readonly memoryBytes: number;
  /** Of the queue. */
  readonly leaseMs: number;
  print(line: string): void;
}

const IDLE_MS = 100;
const GREET_MS = 10_000;
/** After an error of the queue or the blobs. */
const PAUSE_MS = 2000;

/**
 * Does tasks until `ending` is aborted; those that it has are finished first.
 * @returns how many it did
 */
export async function runWorker(options: WorkerOptions, ending: AbortSignal): Promise<number> {
  const { facts, queue, print } = options;
  const arrays = new ArrayCache(options.blobs, options.memoryBytes);
  let done = 0;
  const greet = (): Promise<void> => queue.greet(facts, ownIdentity(), done).catch(() => undefined);
  await greet();
  const greeting = setInterval(() => void greet(), GREET_MS);
  const slot = async (): Promise<void> => {
    while (!ending.aborted) {
      try {
        const claim = await queue.claim(facts);
        if (claim === null) await sleep(IDLE_MS, undefined, { signal: ending }).catch(() => undefined);
        else if (await work(claim, options, arrays)) done++;
      } catch (error) {
        const { code, message, next } = describeError(error);
        print(`${code}: ${message} ${next}`);
        await sleep(PAUSE_MS, undefined, { signal: ending }).catch(() => undefined);
      }
    }
  };
  await Promise.all(Array.from({ length: facts.slots }, slot));
  clearInterval(greeting);
  return done;
}

/** @returns whether this worker ended the task */
async function work(claim: Claim, options: WorkerOptions, arrays: ArrayCache): Promise<boolean> {
  const { blobs, pool, facts, leaseMs, queue } = options;
  const { key, payload, needs } = claim.task;
  const beganMs = performance.now();
  if (claim.attempt > 1) await tallyIfPossible(queue, needs.learner, { retried: 1 });
  const lost = new AbortController();
  const extending = setInterval(() => {
    // An error of the network is no answer: the claim may still be ours.
    claim.extend().then(
      (isHeld) => {
        if (!isHeld) lost.abort(new Error('the task is another worker’s, or was canceled'));
      },
      () => undefined,
    );
  }, leaseMs / 3);
  try {
    const task = await taskOf(JSON.parse(payload) as FitIdentity, (hash) => arrays.get(hash), blobs);
    const model = await pool.fit(task, () => undefined, { signal: lost.signal });
    const hash = await blobs.put(packModel(model));
    const kept = await blobs.keep(key, { hash, maker: facts.name });
    if (kept.hash !== hash) {
      const difference = { key, learner: needs.learner, kept, other: { hash, maker: facts.name } };
      options.print(differenceLine(difference));
      // Before the task is completed, so that the trainer that waits for it finds the report. If the report fails, the
      // task is done again.
      await queue.report(difference);
    }
    const isOwn = await claim.complete();
    const seconds = (performance.now() - beganMs) / 1000;
    if (isOwn) await tallyIfPossible(queue, needs.learner, { finished: 1, seconds });
    return isOwn;
  } catch (error) {
    if (lost.signal.aborted) return false;
    const { code, message } = describeError(error);
    // A refusal of the data or the parameters would come again; a lost thread or connection may not.
    await claim.fail({ code, message }, !isRefusedFit(error));
    return false;
  } finally {
    clearInterval(extending);
  }
}

/** Arrays by their hash, so that the data of a training travels once to each worker. The oldest are dropped. */
class ArrayCache {
  readonly #blobs: Blobs;
  readonly #most: number;
  readonly #arrays = new Map<ContentHash, Promise<PackedArray>>();
  readonly #sizes = new Map<ContentHash, number>();

  constructor(blobs: Blobs, most: number) {
    this.#blobs = blobs;
    this.#most = most;
  }

  get(hash: ContentHash): Promise<PackedArray> {
    const known = this.#arrays.get(hash);
    if (known !== undefined) {
      this.#arrays.delete(hash);
      this.#arrays.set(hash, known);
      return known;
    }
    const read = this.#blobs.get(hash).then((bytes) => {
      this.#sizes.set(hash, bytes.length);
      this.#shrink();
      return unpackArrays(bytes).arrays['array']!;
    });
    this.#arrays.set(hash, read);
    // An error is not kept.
    read.catch(() => this.#arrays.delete(hash));
    return read;
  }

  #shrink(): void {
    let total = [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    for (const hash of this.#arrays.keys()) {
      if (total <= this.#most || this.#sizes.size <= 1) return;
      const size = this.#sizes.get(hash);
      if (size === undefined) continue;
      total -= size;
      this.#sizes.delete(hash);
      this.#arrays.delete(hash);
    }
  }
}
