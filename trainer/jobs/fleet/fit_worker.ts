import { availableParallelism, freemem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, type ErrorCode } from '../../../shared/errors.ts';
import type { Blobs, ContentHash, KeptResult } from '../../../shared/blob/blobs.ts';
import { unpackArrays, type PackedArray } from '../../../shared/blob/packed_arrays.ts';
import type { SearchThreads } from '../../learning/evolve/search_threads.ts';
import type { OnTree } from '../../learning/learners/trees/fit.ts';
import type { FitPool } from '../../learning/learners/trees/fit_pool.ts';
import { isRefusedFit } from '../../learning/learners/trees/lost_fit.ts';
import { keyOf, ownIdentity, packModel, taskOf, type FitIdentity } from './fit_identity.ts';
import { differenceLine } from './fleet_view.ts';
import { readTask } from './read_task.ts';
import { doSearchTask } from './search_task.ts';
import { patientQueue, type WorkerQueue } from './patient_queue.ts';
import { tallyIfPossible, type Claim, type TaskTotals, type WorkerFacts } from './task_queue.ts';

export interface WorkerOptions {
  readonly facts: WorkerFacts;
  readonly queue: WorkerQueue;
  readonly blobs: Blobs;
  /** Have as many threads as the worker has slots. */
  readonly pool: FitPool;
  readonly searches: SearchThreads;
  /** Of data that are kept in memory for later fits. */
  readonly memoryBytes: number;
  /** Of the queue. */
  readonly leaseMs: number;
  /** Time between two messages that it lives. */
  readonly greetMs?: number;
  print(line: string): void;
}

const IDLE_MS = 100;
/** Between two messages of how far a task is. */
const PROGRESS_MS = 1000;
const GREET_MS = 5000;
const MIB = 2 ** 20;
/** After an error of the queue or the blobs. */
const PAUSE_MS = 2000;

/**
 * Does tasks until `stopping` is aborted or the queue says that this worker is to end; those that it has are finished
 * first. A queue that is away then is not waited for.
 * @returns how many it did
 */
export async function runWorker(options: WorkerOptions, stopping: AbortSignal): Promise<number> {
  const { facts, print } = options;
  const packets = new PacketCache(options.blobs, options.memoryBytes);
  const dismissed = new AbortController();
  const ending = AbortSignal.any([stopping, dismissed.signal]);
  const queue = patientQueue(options.queue, ending);
  const begun = new Map<Claim, Begun>();
  let done = 0;
  let isGreeting = false;
  let isSilent = false;
  async function greet(): Promise<void> {
    if (isGreeting) {
      if (!isSilent) print('The queue does not answer. This worker waits for it; what it has is finished meanwhile.');
      isSilent = true;
      return;
    }
    isGreeting = true;
    const running = [...begun].map(([{ task }, { atMs, share }]) => ({
      key: task.key,
      learner: task.needs.learner,
      runningMs: Math.round(performance.now() - atMs),
      share,
    }));
    const state = { identity: ownIdentity(), done, running, cores: availableParallelism(), freeMemoryMb: freeMb() };
    // A queue that is away hears of this worker later.
    const isToEnd = await queue.greet(facts, state).catch(() => false);
    isGreeting = false;
    if (isSilent && !ending.aborted) print('The queue answers again.');
    isSilent = false;
    if (!isToEnd || ending.aborted) return;
    print('Asked to end, by `minutehand fleet end` or the fleet page: the tasks that are running are finished first …');
    dismissed.abort();
  }
  const greeting = setInterval(() => void greet(), options.greetMs ?? GREET_MS);
  await greet();
  const slot = async (): Promise<void> => {
    while (!ending.aborted) {
      try {
        const claim = await queue.claim(facts, packets.hashes);
        if (claim === null) await sleep(IDLE_MS, undefined, { signal: ending }).catch(() => undefined);
        else {
          const own: Begun = { atMs: performance.now(), share: null };
          begun.set(claim, own);
          const onTree = tellProgress(claim, own);
          const isDone = await work(claim, { ...options, queue }, packets, onTree).finally(() => begun.delete(claim));
          if (isDone) done++;
        }
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

/** A task of this worker, since when and how far. */
interface Begun {
  readonly atMs: number;
  share: number | null;
}

/** Tells the queue at a low rate; one that is away hears of a later round. */
function tellProgress(claim: Claim, begun: Begun): OnTree {
  let toldMs = begun.atMs;
  return (done, total) => {
    begun.share = done / total;
    const nowMs = performance.now();
    if (nowMs - toldMs < PROGRESS_MS) return;
    toldMs = nowMs;
    claim.progress(done, total).catch(() => undefined);
  };
}

const freeMb = (): number => Math.floor(freemem() / MIB);

/** What is counted of attempts that ended with these errors. */
const ENDED: Partial<Record<ErrorCode, keyof TaskTotals>> = {
  TASK_MEMORY: 'over_memory',
  TASK_TIME: 'over_time',
  LEARNER_PROCESS: 'child_lost',
};

/** @returns whether this worker ended the task */
async function work(claim: Claim, options: WorkerOptions, packets: PacketCache, onTree: OnTree): Promise<boolean> {
  const { blobs, facts, leaseMs, queue } = options;
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
    const task = readTask(payload);
    const keep = (of: string, hash: ContentHash): Promise<ContentHash> =>
      keepResult(of, { hash, maker: facts.name }, needs.learner, options);
    const bytes =
      task.kind === 'fit'
        ? await doFit(task, options, packets, onTree, lost.signal)
        : await doSearchTask(task, {
            blobs,
            threads: options.searches,
            partsOf: (hash) => packets.get(hash),
            signal: lost.signal,
            keep,
          });
    // Before the task is completed, so that the trainer that waits for it finds the report. If the report fails, the
    // task is done again.
    const result = { hash: await blobs.put(bytes), maker: facts.name, seconds: (performance.now() - beganMs) / 1000 };
    await keepResult(key, result, needs.learner, options);
    const isOwn = await claim.complete();
    const seconds = (performance.now() - beganMs) / 1000;
    if (isOwn) await tallyIfPossible(queue, needs.learner, { finished: 1, seconds });
    return isOwn;
  } catch (error) {
    if (lost.signal.aborted) return false;
    const { code, message } = describeError(error);
    const ended = ENDED[code];
    if (ended !== undefined) await tallyIfPossible(queue, needs.learner, { [ended]: 1 });
    // A refusal of the data or the parameters would come again; a lost thread or connection may not.
    await claim.fail({ code, message }, !isRefusedFit(error));
    return false;
  } finally {
    clearInterval(extending);
  }
}

async function doFit(
  identity: FitIdentity,
  { blobs, pool }: WorkerOptions,
  packets: PacketCache,
  onTree: OnTree,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const arrayOf = async (hash: ContentHash): Promise<PackedArray> => (await packets.get(hash)).arrays['array']!;
  const task = await taskOf(identity, arrayOf, blobs);
  return packModel(await pool.fit(task, onTree, { signal }), { key: keyOf(identity), inputs: identity.inputs });
}

/**
 * Keeps a result under a key, and reports one that differs from what is kept there.
 * @returns the hash of the first one, which stays
 */
async function keepResult(
  key: string,
  result: KeptResult,
  learner: string,
  { blobs, queue, print }: WorkerOptions,
): Promise<ContentHash> {
  const kept = await blobs.keep(key, result);
  if (kept.hash === result.hash) return kept.hash;
  const difference = { key, learner, kept, other: result };
  print(differenceLine(difference));
  await queue.report(difference);
  return kept.hash;
}

type Packet = ReturnType<typeof unpackArrays>;

/** Packed data by its hash, so that the data of a training travels once to each worker. The oldest is dropped. */
class PacketCache {
  readonly #blobs: Blobs;
  readonly #most: number;
  readonly #packets = new Map<ContentHash, Promise<Packet>>();
  readonly #sizes = new Map<ContentHash, number>();

  constructor(blobs: Blobs, most: number) {
    this.#blobs = blobs;
    this.#most = most;
  }

  /** Of the data that are here. */
  get hashes(): ReadonlySet<ContentHash> {
    return new Set(this.#sizes.keys());
  }

  get(hash: ContentHash): Promise<Packet> {
    const known = this.#packets.get(hash);
    if (known !== undefined) {
      this.#packets.delete(hash);
      this.#packets.set(hash, known);
      return known;
    }
    const read = this.#blobs.get(hash).then((bytes) => {
      this.#sizes.set(hash, bytes.length);
      this.#shrink();
      return unpackArrays(bytes);
    });
    this.#packets.set(hash, read);
    // An error is not kept.
    read.catch(() => this.#packets.delete(hash));
    return read;
  }

  #shrink(): void {
    let total = [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    for (const hash of this.#packets.keys()) {
      if (total <= this.#most || this.#sizes.size <= 1) return;
      const size = this.#sizes.get(hash);
      if (size === undefined) continue;
      total -= size;
      this.#sizes.delete(hash);
      this.#packets.delete(hash);
    }
  }
}
