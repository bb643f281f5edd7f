import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Blobs, KeptResult } from '../../../shared/blob/blobs.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { openSearchThreads } from '../../learning/evolve/search_threads.ts';
import type { FitTask } from '../../learning/learners/trees/fit.ts';
import { runFit } from '../../learning/learners/trees/fit.ts';
import type { FitOptions, FitPool } from '../../learning/learners/trees/fit_pool.ts';
import { LEARNER_DEFAULTS } from '../../learning/learners/trees/learner.ts';
import { identityOf, keyOf } from './fit_identity.ts';
import { runWorker } from './fit_worker.ts';
import { LAST_ANSWER_MS } from './patient_queue.ts';
import type { Claim, TaskQueue, WorkerState } from './task_queue.ts';

const ROWS = 40;
const LEASE_MS = 3000;

const TASK: FitTask = {
  engine: 'gbdt',
  task: { kind: 'binary' },
  rows: {
    x: { rows: ROWS, columns: 1, values: Float32Array.from({ length: ROWS }, (_, i) => i) },
    y: Float64Array.from({ length: ROWS }, (_, i) => Number(i > 20)),
    time: Float64Array.from({ length: ROWS }, (_, i) => 60 * i),
    labelEnd: Float64Array.from({ length: ROWS }, (_, i) => 60 * i + 60),
    weights: new Float64Array(ROWS).fill(1),
  },
  subset: Int32Array.from({ length: ROWS }, (_, i) => i),
  params: { ...LEARNER_DEFAULTS, rounds: 2, leaves: 2, seed: 'a' },
  stopsEarly: false,
};

/** Blobs in memory. @param known what a key has been kept for by another */
function memoryBlobs(known: KeptResult | null = null): Blobs & { readonly reads: string[] } {
  const bytesOf = new Map<string, Uint8Array>();
  const reads: string[] = [];
  return {
    reads,
    put(bytes) {
      const hash = sha256Hex(bytes);
      bytesOf.set(hash, bytes);
      return Promise.resolve(hash);
    },
    get(hash) {
      reads.push(hash);
      return Promise.resolve(bytesOf.get(hash)!);
    },
    has: (hash) => Promise.resolve(bytesOf.has(hash)),
    result: () => Promise.resolve(known),
    keep: (_key, made) => Promise.resolve(known ?? made),
    drop: () => Promise.resolve(),
    prune: () => Promise.resolve(0),
  };
}

interface Ended {
  readonly how: string;
  readonly mayRetry?: boolean;
}

/**
 * A queue of one task, and what became of it.
 * @param extend answers to the renewals of the claim
 * @param greetings after which the worker is asked to end
 * @param payload of the task; null: of a fit
 */
async function queueOf(
  blobs: Blobs,
  tasks: number,
  extend: () => Promise<boolean> = () => Promise.resolve(true),
  greetings = Infinity,
  payload: string | null = null,
) {
  const identity = await identityOf(TASK, blobs, new WeakMap());
  const ended: Ended[] = [];
  const stop = new AbortController();
  let left = tasks;
  const end = (how: Ended): Promise<boolean> => {
    ended.push(how);
    if (ended.length === tasks) stop.abort();
    return Promise.resolve(true);
  };
  const claim = (): Claim => ({
    task: {
      key: keyOf(identity),
      needs: { learner: 'gbdt' },
      isUrgent: false,
      payload: payload ?? JSON.stringify(identity),
    },
    attempt: 1,
    progress: (...rounds) => Promise.resolve(void told.push(rounds)),
    extend,
    complete: () => end({ how: 'done' }),
    fail: ({ code }, mayRetry) => end({ how: code, mayRetry }),
  });
  const told: unknown[] = [];
  const greeted: WorkerState[] = [];
  const queue: Pick<TaskQueue, 'claim' | 'greet' | 'tally' | 'report'> = {
    claim: () => Promise.resolve(left-- > 0 ? claim() : null),
    greet: (_worker, state) => {
      greeted.push(state);
      return Promise.resolve(greeted.length > greetings);
    },
    tally: (learner, more) => Promise.resolve(void told.push([learner, more])),
    report: (difference) => Promise.resolve(void told.push([difference, ended.length])),
  };
  return { queue: queue as TaskQueue, ended, told, stop, greeted };
}

const printed: string[] = [];
const poolOf = (fit: FitPool['fit']): FitPool => ({ fit, close: () => Promise.resolve() });

function work(queue: TaskQueue, blobs: Blobs, fit: FitPool['fit'], ending: AbortSignal): Promise<number> {
  const facts = { name: 'one', learners: ['gbdt'], slots: 1 };
  const print = (line: string): unknown => printed.push(line);
  const searches = openSearchThreads(0);
  return runWorker(
    { facts, queue, blobs, pool: poolOf(fit), searches, memoryBytes: 1e6, leaseMs: LEASE_MS, print },
    ending,
  );
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  printed.length = 0;
});

describe('a worker', () => {
  it.each([
    { error: new MinutehandError('DATA_FORMAT'), mayRetry: false },
    { error: new MinutehandError('LEARNER_THREAD'), mayRetry: true },
    { error: new MinutehandError('BLOB_MISSING'), mayRetry: true },
    { error: new Error('of the machine'), mayRetry: true },
  ])('that meets $error.message lets it be tried again: $mayRetry', async ({ error, mayRetry }) => {
    const blobs = memoryBlobs();
    const { queue, ended, stop } = await queueOf(blobs, 1);
    expect(await work(queue, blobs, () => Promise.reject(error), stop.signal)).toBe(0);
    expect(ended).toEqual([{ how: error instanceof MinutehandError ? error.code : 'INTERNAL', mayRetry }]);
  });

  it.each([
    ['no JSON', 'no JSON'],
    ['{"kind":"unknown"}', 'kind'],
    [
      '{"kind":"fit","inputs":{},"columns":-1,"rows":3,"parameters":{"engine":"gbdt","task":{"kind":"binary"},"params":{}}}',
      'columns',
    ],
    ['{"kind":"rule_search","search":{},"base":null,"until":1,"anew":false}', 'search'],
  ])('refuses %s for good', async (payload, named) => {
    const blobs = memoryBlobs();
    const { queue, ended, stop } = await queueOf(blobs, 1, undefined, Infinity, payload);
    const messages: string[] = [];
    const claim: TaskQueue['claim'] = async (facts) => {
      const own = await queue.claim(facts);
      return (
        own && {
          ...own,
          fail: (error, mayRetry) => {
            messages.push(error.message);
            return own.fail(error, mayRetry);
          },
        }
      );
    };
    const neverFits: FitPool['fit'] = () => Promise.reject(new Error('is not asked'));
    expect(await work({ ...queue, claim }, blobs, neverFits, stop.signal)).toBe(0);
    expect(ended).toEqual([{ how: 'TASK_UNREADABLE', mayRetry: false }]);
    expect(messages).toEqual([expect.stringContaining(named) as string]);
  });

  it('says what it does, and ends when it is asked to, once that is done', async () => {
    const blobs = memoryBlobs();
    const { queue, ended, greeted } = await queueOf(blobs, 9, undefined, 1);
    const slowly: FitPool['fit'] = async (...args) => {
      await new Promise((resolve) => setTimeout(resolve, 12_000));
      return await runFit(...args);
    };
    const working = work(queue, blobs, slowly, new AbortController().signal);
    await vi.advanceTimersByTimeAsync(5000);
    expect(greeted).toMatchObject([
      { done: 0, running: [], cores: expect.any(Number) as number, freeMemoryMb: expect.any(Number) as number },
      { done: 0, running: [{ key: expect.stringMatching(/^[0-9a-f]{64}$/) as string, learner: 'gbdt' }] },
    ]);
    expect(greeted[1]!.running[0]!.runningMs).toBeGreaterThanOrEqual(4000);
    expect([printed, ended]).toEqual([[expect.stringMatching(/^Asked to end/) as string], []]);
    await vi.advanceTimersByTimeAsync(8000);
    expect(await working).toBe(1);
    expect(ended).toEqual([{ how: 'done' }]);
  });

  it('tells how far a task is, once a second at most, also where the queue does not take it', async () => {
    const blobs = memoryBlobs();
    const { queue, greeted, told, stop } = await queueOf(blobs, 1);
    const claim: TaskQueue['claim'] = async (facts) => {
      const own = await queue.claim(facts);
      const progress: Claim['progress'] = async (...rounds) => {
        await own!.progress(...rounds);
        throw new Error('ECONNRESET');
      };
      return own && { ...own, progress };
    };
    const slowly: FitPool['fit'] = async (task, onTree) => {
      for (let done = 1; done <= 60; done++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        onTree(done, 60);
      }
      return await runFit(task, () => undefined);
    };
    const working = work({ ...queue, claim }, blobs, slowly, stop.signal);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await working).toBe(1);
    expect(told.slice(0, -1)).toEqual([10, 20, 30, 40, 50, 60].map((done) => [done, 60]));
    expect(greeted.at(-1)!.running).toMatchObject([{ share: expect.closeTo(49 / 60, 1) as number }]);
  });

  it('reads each array once for all its tasks, and counts those that it has done', async () => {
    const blobs = memoryBlobs();
    const { queue, ended, stop } = await queueOf(blobs, 3);
    expect(await work(queue, blobs, runFit, stop.signal)).toBe(3);
    expect(ended).toEqual([{ how: 'done' }, { how: 'done' }, { how: 'done' }]);
    expect(new Set(blobs.reads).size).toBe(blobs.reads.length);
  });

  it('reports a result that differs from the one that is kept, and names both makers, before the task ends', async () => {
    const kept = { hash: 'f'.repeat(64), maker: 'another' };
    const blobs = memoryBlobs(kept);
    const { queue, told, stop } = await queueOf(blobs, 1);
    await work(queue, blobs, runFit, stop.signal);
    const other = {
      hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      maker: 'one',
      seconds: expect.any(Number) as number,
    };
    const difference = { key: expect.any(String) as string, learner: 'gbdt', kept, other };
    const done = ['gbdt', { finished: 1, seconds: expect.any(Number) as number }];
    expect(told).toEqual([[difference, 0], done]);
    expect(printed).toEqual([expect.stringMatching(/^TASK_DIFFERS: .*another made f{64}, one made [0-9a-f]{64}/)]);
  });

  it('does a task again whose difference the queue did not take', async () => {
    const blobs = memoryBlobs({ hash: 'f'.repeat(64), maker: 'another' });
    const { queue, ended, stop } = await queueOf(blobs, 1);
    await work({ ...queue, report: () => Promise.reject(new Error('ECONNRESET')) }, blobs, runFit, stop.signal);
    expect(ended).toEqual([{ how: 'INTERNAL', mayRetry: true }]);
  });

  it('gives up a task that is another’s by now, and neither ends nor fails it', async () => {
    const blobs = memoryBlobs();
    const { queue, ended, stop } = await queueOf(blobs, 1, () => Promise.resolve(false));
    let signal: AbortSignal | undefined;
    const working = work(
      queue,
      blobs,
      (_task, _onTree, { signal: given }: FitOptions = {}) => {
        signal = given;
        return new Promise((_, reject) => given!.addEventListener('abort', () => reject(given!.reason as Error)));
      },
      stop.signal,
    );
    await vi.waitUntil(() => signal !== undefined, 20_000);
    expect(signal!.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(LEASE_MS / 3);
    expect(signal!.aborted).toBe(true);
    stop.abort();
    await vi.advanceTimersByTimeAsync(1000);
    expect(await working).toBe(0);
    expect([ended, printed]).toEqual([[], []]);
  });

  it('waits for a queue that is away, says so once, and ends without its answer', async () => {
    const blobs = memoryBlobs();
    const { queue, stop } = await queueOf(blobs, 0);
    let answer: (isToEnd: boolean) => void = () => undefined;
    const answers = (): Promise<boolean> => new Promise((resolve) => (answer = resolve));
    const greet = vi.fn(answers).mockResolvedValueOnce(false);
    const claim = (): Promise<null> => new Promise(() => undefined);
    const working = work({ ...queue, claim, greet }, blobs, runFit, stop.signal);
    await vi.advanceTimersByTimeAsync(20_000);
    expect([printed, greet.mock.calls.length]).toEqual([[expect.stringMatching(/^The queue does not answer/)], 2]);
    answer(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(printed.slice(1)).toEqual(['The queue answers again.']);
    stop.abort();
    await vi.advanceTimersByTimeAsync(LAST_ANSWER_MS);
    expect(await working).toBe(0);
    expect(printed.slice(2)).toEqual([expect.stringMatching(/^QUEUE_UNREACHABLE/)]);
  });

  it('finishes the task that it has, and ends without a queue that takes no result', async () => {
    const blobs = memoryBlobs();
    const { queue, stop } = await queueOf(blobs, 1);
    const never = (): Promise<boolean> => new Promise(() => undefined);
    const silent: TaskQueue['claim'] = async (facts) => {
      const claim = await queue.claim(facts);
      return claim && { ...claim, complete: never, fail: never };
    };
    const put = vi.spyOn(blobs, 'put');
    const fit: FitPool['fit'] = (...args) => {
      stop.abort();
      return runFit(...args);
    };
    const working = work({ ...queue, claim: silent }, blobs, fit, stop.signal);
    await vi.advanceTimersByTimeAsync(3 * LAST_ANSWER_MS);
    expect(await working).toBe(0);
    expect(put).toHaveBeenCalledOnce();
  });

  it('keeps a task whose renewal met an error of the network', async () => {
    const blobs = memoryBlobs();
    const { queue, ended, stop } = await queueOf(blobs, 1, () => Promise.reject(new Error('ECONNRESET')));
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    let isFitting = false;
    const working = work(
      queue,
      blobs,
      async (task, onTree, options) => {
        isFitting = true;
        await finished;
        options?.signal?.throwIfAborted();
        return runFit(task, onTree);
      },
      stop.signal,
    );
    await vi.waitUntil(() => isFitting, 20_000);
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    finish();
    expect(await working).toBe(1);
    expect(ended).toEqual([{ how: 'done' }]);
  });
});
