import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { folderBlobs } from '../../../shared/blob/folder_blobs.ts';
import { DEFAULT } from '../../../shared/core/features/features.fixture.ts';
import { evolveBars, smallSpace } from '../../learning/evolve/evolve.fixture.ts';
import type { EvolutionState } from '../../learning/evolve/evolution.ts';
import { makeGeneration } from '../../learning/evolve/make_generation.ts';
import type { SearchThreads } from '../../learning/evolve/search_threads.ts';
import { randomBars } from '../../learning/formula_rules/rule_subject.fixture.ts';
import { openFitPool } from '../../learning/learners/trees/fit_pool.ts';
import { embeddedQueue } from './embedded_queue.ts';
import { runWorker } from './fit_worker.ts';
import { fleetSearches, TASK_GENERATIONS } from './fleet_searches.ts';
import { RULE_SEARCH } from './search_task.ts';
import type { TaskQueue } from './task_queue.ts';

const LEASE_MS = 1500;
const GENERATIONS = 7;
const SEARCHES = 5;
const SPACE = smallSpace({ population: 16, generations: GENERATIONS });
const BARS = randomBars('fleet', 2000);

let folder: string;
let queue: TaskQueue;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-searches-'));
});
const ending: (() => Promise<unknown>)[] = [];
/** Behind the end of those that use them. */
const closing: (() => Promise<unknown>)[] = [];
const printed: string[] = [];
afterEach(async () => {
  await Promise.all(ending.splice(0).map((end) => end()));
  await Promise.all(closing.splice(0).map((close) => close()));
  printed.length = 0;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A queue and blobs of their own. */
function openPlace(name: string) {
  queue = embeddedQueue(join(folder, name, 'queue.db'), {
    leaseMs: LEASE_MS,
    attempts: 3,
    backoffMs: 100,
    dataWaitMs: 250,
  });
  const own = queue;
  closing.push(() => own.close());
  return folderBlobs(join(folder, name));
}

interface Made {
  count: number;
}

/** @param make default: generations are made on the calling thread */
function startWorker(
  blobs: ReturnType<typeof folderBlobs>,
  name: string,
  made: Made,
  make = makeGeneration,
): () => Promise<number> {
  const stop = new AbortController();
  const facts = { name, learners: [RULE_SEARCH], slots: 1 };
  const searches: SearchThreads = {
    run: (task) => {
      made.count++;
      return Promise.resolve(make(task()));
    },
    close: () => Promise.resolve(),
  };
  const print = (line: string): unknown => printed.push(line);
  const working = runWorker(
    { facts, queue, blobs, pool: openFitPool(0), searches, memoryBytes: 1e6, leaseMs: LEASE_MS, print },
    stop.signal,
  );
  const end = (): Promise<number> => {
    stop.abort();
    return working;
  };
  ending.push(end);
  return end;
}

/** The result of a search by the queue, and its searches. */
async function evolveThere(
  blobs: ReturnType<typeof folderBlobs>,
  usesKnown = true,
  searches: Record<string, EvolutionState> = {},
) {
  const stop = new AbortController();
  ending.push(() => Promise.resolve(stop.abort()));
  const searchElsewhere = fleetSearches({
    queue,
    blobs,
    usesKnown,
    space: SPACE,
    windows: DEFAULT,
    seed: '0',
    signal: stop.signal,
  });
  const result = await evolveBars(BARS, { space: SPACE, searches, searchElsewhere });
  return JSON.stringify({ result, searches });
}

let expectedBytes: Promise<string> | null = null;
/** Those of a search on this thread. */
function evolveHere(): Promise<string> {
  const searches: Record<string, EvolutionState> = {};
  expectedBytes ??= evolveBars(BARS, { space: SPACE, searches }).then((result) => JSON.stringify({ result, searches }));
  return expectedBytes;
}

it.each([1, 2])(
  'gives the bytes of a search without a queue with %d workers, and makes each generation once',
  async (workers) => {
    const blobs = openPlace(`workers ${workers}`);
    const made = { count: 0 };
    for (let i = 0; i < workers; i++) startWorker(blobs, `worker ${i}`, made);
    const expected = await evolveHere();
    expect(await evolveThere(blobs)).toBe(expected);
    expect(made.count).toBe(SEARCHES * GENERATIONS);
    const tasks = Math.ceil(GENERATIONS / TASK_GENERATIONS);
    expect(await queue.tasks()).toMatchObject([
      { learner: RULE_SEARCH, totals: { finished: SEARCHES * tasks, known: 0 } },
    ]);
    // Known generations are read.
    expect(await evolveThere(blobs)).toBe(expected);
    expect(made.count).toBe(SEARCHES * GENERATIONS);
    expect(await queue.tasks()).toMatchObject([{ totals: { known: SEARCHES * tasks } }]);
    expect(printed).toEqual([]);
  },
);

it('loses less than a generation with a worker that hangs, and goes on behind what it has kept', async () => {
  const blobs = openPlace('hangs');
  const lost = { count: 0 };
  const made = { count: 0 };
  let release: () => void = () => undefined;
  const hanging = new Promise<void>((resolve) => (release = resolve));
  // It makes three generations, and no more.
  const stop = new AbortController();
  const searches: SearchThreads = {
    run: async (task) => {
      if (lost.count === 3) {
        await hanging;
        throw new Error('killed');
      }
      lost.count++;
      return makeGeneration(task());
    },
    close: () => Promise.resolve(),
  };
  const dead = {
    ...queue,
    // Nobody hears of it again.
    claim: async (facts: Parameters<TaskQueue['claim']>[0]) => {
      const claim = await queue.claim(facts);
      return claim === null ? null : { ...claim, extend: () => new Promise<boolean>(() => undefined) };
    },
  };
  const facts = { name: 'dead', learners: [RULE_SEARCH], slots: 1 };
  const print = (line: string): unknown => printed.push(line);
  const working = runWorker(
    { facts, queue: dead, blobs, pool: openFitPool(0), searches, memoryBytes: 1e6, leaseMs: LEASE_MS, print },
    stop.signal,
  );
  const searching = evolveThere(blobs);
  while (lost.count < 3) await sleep(10);
  startWorker(blobs, 'alive', made);
  expect(await searching).toBe(await evolveHere());
  expect(made.count).toBe(SEARCHES * GENERATIONS - 3);
  stop.abort();
  release();
  await working;
  expect(await queue.tasks()).toMatchObject([{ totals: { retried: 1 } }]);
});

it('continues a search that began without a queue', async () => {
  const blobs = openPlace('continued');
  const searches: Record<string, EvolutionState> = {};
  const cut = evolveBars(BARS, {
    space: SPACE,
    searches,
    onGeneration: (done) => {
      if (done === 10) throw new Error('cut off');
    },
  });
  await expect(cut).rejects.toThrow('cut off');
  const made = { count: 0 };
  startWorker(blobs, 'one', made);
  expect(await evolveThere(blobs, true, searches)).toBe(await evolveHere());
  expect(made.count).toBe(SEARCHES * GENERATIONS - 10);
});

it('makes again what was removed, and makes all again where that is asked for', async () => {
  const blobs = openPlace('again');
  const made = { count: 0 };
  startWorker(blobs, 'one', made);
  const expected = await evolveThere(blobs);
  expect(await evolveThere(blobs, false)).toBe(expected);
  expect(made.count).toBe(2 * SEARCHES * GENERATIONS);
  for (const kind of ['blobs', 'results']) rmSync(join(folder, 'again', kind), { recursive: true });
  expect(await evolveThere(blobs)).toBe(expected);
  expect([made.count, printed]).toEqual([3 * SEARCHES * GENERATIONS, []]);
});

it('makes again what is damaged, and says so', async () => {
  const blobs = openPlace('damaged');
  const made = { count: 0 };
  startWorker(blobs, 'one', made);
  const expected = await evolveThere(blobs);
  const results = join(folder, 'damaged', 'results');
  for (const name of readdirSync(results, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.json')) continue;
    const { hash } = JSON.parse(readFileSync(join(results, name), 'utf8')) as { hash: string };
    writeFileSync(join(folder, 'damaged', 'blobs', hash.slice(0, 2), hash), 'damaged');
  }
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    expect(await evolveThere(blobs)).toBe(expected);
    const lines = said.mock.calls.map(([text]) => String(text));
    expect(lines).toContainEqual(
      expect.stringMatching(/^BLOB_DAMAGED: .* Made by one; it is dropped and made again\.\n$/),
    );
  } finally {
    said.mockRestore();
  }
  expect(made.count).toBe(2 * SEARCHES * GENERATIONS);
  expect(await evolveThere(blobs)).toBe(expected);
  expect(made.count).toBe(2 * SEARCHES * GENERATIONS);
});

it('reports a generation that another worker has made otherwise; the first stays, and so does what follows from it', async () => {
  const blobs = openPlace('differs');
  const end = startWorker(blobs, 'one', { count: 0 });
  const expected = await evolveThere(blobs);
  await end();
  startWorker(blobs, 'broken', { count: 0 }, (task) => {
    const step = makeGeneration(task);
    const isThird = task.state.generation === 2 && task.blocks === 8;
    return isThird ? { ...step, population: [...step.population].reverse() } : step;
  });
  expect(await evolveThere(blobs, false)).toBe(expected);
  expect(printed).toEqual([expect.stringMatching(/^TASK_DIFFERS: .*one made [0-9a-f]{64}, broken made [0-9a-f]{64}/)]);
  expect(await queue.differences()).toMatchObject([{ learner: RULE_SEARCH, other: { maker: 'broken' } }]);
});

it('passes on what a worker met, and leaves nothing in the queue', async () => {
  const blobs = openPlace('failed');
  startWorker(blobs, 'broken', { count: 0 }, () => {
    throw new Error('a broken thread');
  });
  await expect(evolveThere(blobs)).rejects.toThrow('a broken thread');
});
