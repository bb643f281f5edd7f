import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { folderBlobs } from '../../../shared/blob/folder_blobs.ts';
import { packArrays, unpackArrays } from '../../../shared/blob/packed_arrays.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Tree, TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { createRng } from '../../../shared/rng.ts';
import { openSearchThreads } from '../../learning/evolve/search_threads.ts';
import type { FitTask } from '../../learning/learners/trees/fit.ts';
import { runFit } from '../../learning/learners/trees/fit.ts';
import { openFitPool } from '../../learning/learners/trees/fit_pool.ts';
import { LEARNER_DEFAULTS } from '../../learning/learners/trees/learner.ts';
import { embeddedQueue } from './embedded_queue.ts';
import { identityOf, keyOf, packModel, unpackModel } from './fit_identity.ts';
import { runWorker } from './fit_worker.ts';
import { fitTrace } from './fit_trace.ts';
import { fleetPool } from './fleet_pool.ts';
import type { TaskQueue } from './task_queue.ts';

const ROWS = 400;
const COLUMNS = 3;
const LEASE_MS = 5000;

/** Rows of a noisy step, with −0, NaN and both infinities among them. */
function tableOf(seed: string): FitTask['rows'] {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: ROWS * COLUMNS }, () => rng.normal());
  values.set([-0, NaN, Infinity, -Infinity], 0);
  const numbers = (of: (row: number) => number): Float64Array => Float64Array.from({ length: ROWS }, (_, i) => of(i));
  return {
    x: { rows: ROWS, columns: COLUMNS, values },
    y: numbers((row) => Number(values[row * COLUMNS]! + rng.normal() > 0)),
    time: numbers((row) => 60 * row),
    labelEnd: numbers((row) => 60 * row + 600),
    weights: numbers(() => 0.5 + rng.uniform()),
  };
}

function taskOf(seed: string, change: Partial<FitTask> = {}): FitTask {
  return {
    engine: 'gbdt',
    task: { kind: 'binary' },
    rows: tableOf(seed),
    subset: Int32Array.from({ length: ROWS - 50 }, (_, i) => i),
    params: { ...LEARNER_DEFAULTS, rounds: 12, leaves: 5, rowFraction: 0.7, seed },
    stopsEarly: true,
    ...change,
  };
}

let folder: string;
let queue: TaskQueue;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-fleet-'));
  queue = embeddedQueue(join(folder, 'queue.db'), { leaseMs: LEASE_MS, attempts: 2, backoffMs: 100, dataWaitMs: 250 });
});
const printed: string[] = [];
const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(ending.splice(0).map((end) => end()));
  printed.length = 0;
});
afterAll(async () => {
  await queue.close();
  rmSync(folder, { recursive: true });
});

const blobsOf = (name: string) => folderBlobs(join(folder, name));

/** A worker in this process, on the calling thread. */
function startWorker(blobs: ReturnType<typeof blobsOf>, name = 'one', pool = openFitPool(0)): void {
  const stop = new AbortController();
  const facts = { name, learners: ['gbdt', 'random_forest'], slots: 2 };
  const print = (line: string): unknown => printed.push(line);
  const searches = openSearchThreads(0);
  const working = runWorker(
    { facts, queue, blobs, pool, searches, memoryBytes: 20_000, leaseMs: LEASE_MS, print },
    stop.signal,
  );
  ending.push(() => {
    stop.abort();
    return working;
  });
}

it('gives the models of threads, to the bit, and does each fit once', async () => {
  const blobs = blobsOf('equal');
  startWorker(blobs);
  const base = await runFit(taskOf('base'), () => undefined);
  const tasks = [
    taskOf('a'),
    taskOf('b', { stopsEarly: false, base }),
    taskOf('c', { engine: 'random_forest', stopsEarly: false }),
    taskOf('d', { stopping: Int32Array.from({ length: 50 }, (_, i) => ROWS - 50 + i) }),
    taskOf('e', { task: { kind: 'multiclass', classes: 2 } }),
  ];
  const expected = await Promise.all(tasks.map((task) => runFit(task, () => undefined)));
  const pool = fleetPool(queue, blobs, true);
  expect(await Promise.all(tasks.map((task) => pool.fit(task, () => undefined)))).toEqual(expected);
  expect(pool.use()).toEqual({ known: 0, done: 5 });
  // Other arrays of equal numbers are the same task.
  const again = fleetPool(queue, blobs, true);
  expect(await again.fit(taskOf('a'), () => undefined)).toEqual(expected[0]);
  expect(again.use()).toEqual({ known: 1, done: 0 });
  expect(printed).toEqual([]);
});

it('says how far a fit is, and never goes back when another attempt begins', async () => {
  const blobs = blobsOf('progress');
  let attempts = 0;
  const rounds = 10;
  startWorker(blobs, 'slow', {
    async fit(task, onTree) {
      attempts++;
      for (let done = 1; done <= rounds; done++) {
        await sleep(300);
        onTree(done, rounds);
        if (attempts === 1 && done === 8) throw new MinutehandError('LEARNER_PROCESS');
      }
      return await runFit(task, () => undefined);
    },
    close: () => Promise.resolve(),
  });
  const seen: number[] = [];
  await fleetPool(queue, blobs, true).fit(taskOf('slow'), (done, total) => seen.push(done / total));
  expect(attempts).toBe(2);
  // At most once a second, of 2.4 and 3 seconds.
  expect(seen.length).toBeGreaterThan(1);
  expect(seen.length).toBeLessThan(6);
  expect(seen[0]).toBeLessThan(0.7);
  expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
  expect(seen.at(-1)).toBe(1);
});

it('says who did each fit, in which time, and which were known', async () => {
  const blobs = blobsOf('traced');
  startWorker(blobs, 'first machine');
  const tasks = [taskOf('t1'), taskOf('t2')];
  const trace = fitTrace();
  const pool = fleetPool(queue, blobs, true, trace.note);
  await Promise.all(tasks.map((task) => pool.fit(task, () => undefined)));
  await pool.fit(tasks[0]!, () => undefined);
  expect(trace.lines()).toEqual([
    expect.stringMatching(/^first machine: 2 fits in \d+\.\d s$/) as string,
    '1 fit not done: the result was known',
  ]);
});

it('has another key for every number that the model depends on, and for nothing else', async () => {
  const blobs = blobsOf('keys');
  const key = async (task: FitTask): Promise<string> => keyOf(await identityOf(task, blobs, new WeakMap()));
  const own = taskOf('a');
  const first = await key(own);
  expect(await key(taskOf('a'))).toBe(first);
  const other = Float64Array.from(own.rows.weights);
  other[3] = other[3]! + 1e-12;
  const changed: FitTask[] = [
    { ...own, rows: { ...own.rows, weights: other } },
    { ...own, subset: own.subset.slice(1) },
    { ...own, params: { ...own.params, seed: 'z' } },
    { ...own, stopsEarly: false },
    { ...own, engine: 'random_forest' },
    { ...own, stopping: Int32Array.of(1) },
    { ...own, base: await runFit(own, () => undefined) },
    { ...own, task: { kind: 'regression' } },
  ];
  const keys = await Promise.all(changed.map(key));
  expect(new Set([first, ...keys]).size).toBe(changed.length + 1);
});

it('passes on a refusal, once, and what it says', async () => {
  const blobs = blobsOf('refused');
  startWorker(blobs);
  const pool = fleetPool(queue, blobs, true);
  const refused = taskOf('r', {
    engine: 'random_forest',
    task: { kind: 'quantile', quantile: 0.5 },
    stopsEarly: false,
  });
  const { code, message } = (await runFit(refused, () => undefined).then(
    () => null,
    (error: unknown) => error,
  )) as MinutehandError;
  await expect(pool.fit(refused, () => undefined)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message) as string,
  });
  expect((await queue.tasks()).every(({ waiting }) => waiting === 0)).toBe(true);
});

it('reports two results of one task, and keeps the first', async () => {
  const blobs = blobsOf('differs');
  const task = taskOf('a');
  const identity = await identityOf(task, blobs, new WeakMap());
  const key = keyOf(identity);
  const wrong = await runFit(taskOf('other'), () => undefined);
  const bytes = packModel(wrong, { key, inputs: identity.inputs });
  await blobs.keep(key, { hash: await blobs.put(bytes), maker: 'broken' });
  startWorker(blobs);
  const pool = fleetPool(queue, blobs, false);
  expect(await pool.fit(task, () => undefined)).toEqual(wrong);
  expect(printed).toEqual([expect.stringMatching(/^TASK_DIFFERS: .*broken made [0-9a-f]{64}, one made [0-9a-f]{64}/)]);
  // Of the tasks of this training alone.
  expect(await pool.differences()).toMatchObject([{ key, kept: { maker: 'broken' }, other: { maker: 'one' } }]);
  const another = fleetPool(queue, blobs, true);
  await another.fit(taskOf('untouched'), () => undefined);
  expect(await another.differences()).toEqual([]);
  expect(await queue.tasks()).toMatchObject([{ learner: 'gbdt' }, { learner: 'random_forest' }]);
});

it('makes again a result that is of another task or cannot be of this one', async () => {
  const blobs = blobsOf('foreign');
  startWorker(blobs);
  const task = taskOf('a');
  const expected = await runFit(task, () => undefined);
  const identity = await identityOf(task, blobs, new WeakMap());
  const key = keyOf(identity);
  const origin = { key, inputs: identity.inputs };
  const [first] = expected.ensembles;
  const withTrees = (trees: readonly Tree[], columns = first!.columns): TreeModel => ({
    ...expected,
    ensembles: [{ ...first!, columns, trees }],
  });
  const tree = first!.trees[0]!;
  const foreign: Uint8Array[] = [
    packModel(expected),
    packModel(expected, { ...origin, key: 'f'.repeat(64) }),
    packModel(expected, { ...origin, inputs: { ...identity.inputs, y: 'f'.repeat(64) } }),
    packModel(withTrees(first!.trees, first!.columns + 1), origin),
    packModel(withTrees(Array.from({ length: task.params.rounds + 1 }, () => tree)), origin),
    packModel(withTrees([{ ...tree, feature: tree.feature.map((column) => (column < 0 ? column : 1e6)) }]), origin),
    packModel(withTrees([{ ...tree, left: tree.left.map(() => 0) }]), origin),
    packModel(expected, origin).subarray(0, 200),
    Buffer.from('not a packet'),
  ];
  for (const bytes of foreign) {
    await blobs.drop(key);
    await blobs.keep(key, { hash: await blobs.put(bytes), maker: 'stranger' });
    expect(await fleetPool(queue, blobs, true).fit(task, () => undefined)).toEqual(expected);
    expect(await blobs.result(key)).toMatchObject({ maker: 'one' });
  }
});

it('makes again what is not there or damaged', async () => {
  const blobs = blobsOf('damaged');
  startWorker(blobs);
  const task = taskOf('a');
  const expected = await runFit(task, () => undefined);
  const pool = fleetPool(queue, blobs, true);
  await pool.fit(task, () => undefined);
  const key = keyOf(await identityOf(task, blobs, new WeakMap()));
  const { hash } = (await blobs.result(key))!;
  const path = join(folder, 'damaged', 'blobs', hash.slice(0, 2), hash);
  writeFileSync(path, 'damaged');
  expect(await pool.fit(task, () => undefined)).toEqual(expected);
  rmSync(path);
  expect(await pool.fit(task, () => undefined)).toEqual(expected);
  rmSync(join(folder, 'damaged'), { recursive: true });
  expect(await pool.fit(task, () => undefined)).toEqual(expected);
  expect(readdirSync(join(folder, 'damaged', 'results')).length).toBe(1);
});

it('removes from a folder what was not used for long', async () => {
  const blobs = blobsOf('pruned');
  const path = (hash: string): string => join(folder, 'pruned', 'blobs', hash.slice(0, 2), hash);
  const old = new Date(Date.now() - 10 * 86_400_000);
  const hashes = await Promise.all(['unused', 'put', 'read', 'new'].map((text) => blobs.put(Buffer.from(text))));
  const [unused, put, read, fresh] = hashes as [string, string, string, string];
  for (const hash of [unused, put, read]) utimesSync(path(hash), old, old);
  await blobs.put(Buffer.from('put'));
  await blobs.get(read);
  expect(await blobs.prune(5 * 86_400_000)).toBe(1);
  expect(await Promise.all([unused, put, read, fresh].map((hash) => blobs.has(hash)))).toEqual([
    false,
    true,
    true,
    true,
  ]);
  expect(await blobsOf('nowhere').prune(0)).toBe(0);
});

it('waits no longer for a fit that is not wanted', async () => {
  const blobs = blobsOf('aborted');
  const pool = fleetPool(queue, blobs, true);
  const stop = new AbortController();
  const waiting = pool.fit(taskOf('a'), () => undefined, { signal: stop.signal });
  stop.abort(new Error('not wanted'));
  await expect(waiting).rejects.toThrow('not wanted');
  expect((await queue.tasks()).every(({ waiting, running }) => waiting + running === 0)).toBe(true);
});

it('packs arrays and models to the bit', async () => {
  const arrays = {
    a: Float32Array.of(-0, NaN, 1e-45),
    b: Int32Array.of(-1),
    c: new Uint8Array(3),
    d: new Float64Array(0),
  };
  const packed = packArrays({ note: 'é' }, arrays);
  const { facts, arrays: read } = unpackArrays(packed);
  expect(facts).toEqual({ note: 'é' });
  for (const [name, array] of Object.entries(arrays))
    expect(Buffer.from(read[name]!.buffer)).toEqual(Buffer.from(array.buffer));
  expect(packArrays(facts, read)).toEqual(packed);
  for (const length of [0, 7, 9, packed.length - 8])
    expect(() => unpackArrays(packed.subarray(0, length))).toThrowError(
      expect.objectContaining({ code: 'BLOB_DAMAGED' }) as Error,
    );
  const model = await runFit(taskOf('m'), () => undefined);
  expect(unpackModel(packModel(model))).toEqual(model);
});
