import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { MinutehandError } from '../../../../shared/errors.ts';
import { createRng } from '../../../../shared/rng.ts';
import { sharedFloat32 } from '../../threads/shared_array.ts';
import { openFitPool, type FitPool } from './fit_pool.ts';
import { runFit, type FitTask } from './fit.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import { lendMemory } from './kernel/webassembly.ts';
import { LEARNER_DEFAULTS } from './learner.ts';

const silent = (): void => undefined;

function rowsOf(seed: string, count: number): FitRows {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: count * 5 }, () => rng.uniform());
  const time = Float64Array.from({ length: count }, (_, row) => row * 60);
  return {
    x: { rows: count, columns: 5, values },
    y: Float64Array.from({ length: count }, (_, row) => (values[row * 5]! + rng.normal() > 0.5 ? 1 : 0)),
    time,
    labelEnd: time.map((from) => from + 600),
    weights: Float64Array.from({ length: count }, () => 0.5 + rng.uniform()),
  };
}

function taskOf(rows: FitRows, seed: string, changes: Partial<FitTask> = {}): FitTask {
  return {
    engine: 'gbdt',
    task: { kind: 'binary' },
    rows,
    subset: Int32Array.from(rows.y.keys()),
    params: { ...LEARNER_DEFAULTS, rounds: 10, leaves: 8, rowFraction: 0.5, seed },
    stopsEarly: true,
    ...changes,
  };
}

const opened: FitPool[] = [];
function open(workers: number): FitPool {
  const pool = openFitPool(workers);
  opened.push(pool);
  return pool;
}
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(opened.splice(0).map((pool) => pool.close()));
});

describe('openFitPool', () => {
  it('learns the same on any number of threads as on the calling one, on top of a model as well', async () => {
    const rows = rowsOf('same', 3000);
    const base = await runFit(taskOf(rowsOf('base', 2000), 'base'), silent);
    const half = Int32Array.from({ length: 1500 }, (_, i) => 2 * i);
    const tasks = [
      taskOf(rows, '1'),
      taskOf(rows, '2', { stopsEarly: false }),
      taskOf(rows, '3', { subset: half }),
      taskOf({ ...rows, y: rows.y.map((label) => 1 - label) }, '4'),
      taskOf(rows, '5', { base }),
    ];
    const expected = await Promise.all(tasks.map((task) => runFit(task, silent)));
    for (const workers of [0, 1, 2]) {
      const pool = open(workers);
      expect(await Promise.all(tasks.map((task) => pool.fit(task, silent)))).toEqual(expected);
    }
  });

  it('gives threads the rows themselves, once for all fits of the same arrays, and never a copy', async () => {
    const post = vi.spyOn(Worker.prototype, 'postMessage');
    const pool = open(2);
    const rows = rowsOf('shared', 2000);
    const relabeled = { ...rows, y: rows.y.slice() };
    await Promise.all(
      [rows, relabeled, rows, relabeled].map((own, seed) => pool.fit(taskOf(own, String(seed)), silent)),
    );
    const sent = post.mock.calls.map(([task]) => (task as FitTask).rows);
    expect(sent.length).toBe(4);
    const buffersOf = (of: (own: FitRows) => ArrayBufferView): Set<unknown> =>
      new Set(sent.map((own) => of(own).buffer));
    for (const buffer of buffersOf(({ x }) => x.values)) expect(buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(buffersOf(({ x }) => x.values).size).toBe(1);
    expect(buffersOf(({ weights }) => weights).size).toBe(1);
    expect(buffersOf(({ y }) => y).size).toBe(2);

    // A dataset's rows are there already.
    const values = sharedFloat32(rows.x.values.length);
    values.set(rows.x.values);
    await pool.fit(taskOf({ ...rows, x: { ...rows.x, values } }, '5'), silent);
    expect((post.mock.calls.at(-1)![0] as FitTask).rows.x.values).toBe(values);
  });

  it('learns urgent tasks before waiting ones, each in the order of requests', async () => {
    const pool = open(1);
    const rows = rowsOf('order', 500);
    const order: string[] = [];
    const ask = (name: string, isUrgent: boolean): Promise<unknown> =>
      pool.fit(taskOf(rows, name), silent, { isUrgent }).then(() => order.push(name));
    await Promise.all([
      ask('first', false),
      ask('second', false),
      ask('third', false),
      ask('urgent', true),
      ask('urgent too', true),
    ]);
    expect(order).toEqual(['first', 'urgent', 'urgent too', 'second', 'third']);
  });

  it('reports the progress of each fit', async () => {
    const pool = open(1);
    const told: string[] = [];
    await pool.fit(taskOf(rowsOf('told', 400), 'told', { stopsEarly: false }), (done, total) =>
      told.push(`${done}/${total}`),
    );
    expect(told).toEqual(Array.from({ length: 10 }, (_, i) => `${i + 1}/10`));
  });

  it('passes on what a fit throws, and continues', async () => {
    const pool = open(1);
    const rows = rowsOf('empty', 400);
    const weightless = taskOf({ ...rows, weights: new Float64Array(400) }, 'empty', { stopsEarly: false });
    const own = await runFit(weightless, silent).catch((error: unknown) => error);
    const { code, message, next } = own as MinutehandError;
    expect(code).toBe('DATA_TOO_SHORT');
    await expect(pool.fit(weightless, silent)).rejects.toMatchObject({ code, message, next });
    expect((await pool.fit(taskOf(rows, 'next', { stopsEarly: false }), silent)).ensembles[0]!.trees.length).toBe(10);
  });

  it('rejects an aborted fit at once, running or waiting, and gives its thread to the next', async () => {
    const pool = open(1);
    const rows = rowsOf('aborted', 2000);
    const long = taskOf(rows, 'long', { stopsEarly: false, params: { ...LEARNER_DEFAULTS, rounds: 100_000 } });
    const reason = new Error('not wanted any more');
    const running = new AbortController();
    const waiting = new AbortController();
    const fits = [
      pool.fit(long, () => (waiting.abort(reason), running.abort(reason)), { signal: running.signal }),
      pool.fit(long, silent, { signal: waiting.signal }),
    ];
    for (const fit of fits) await expect(fit).rejects.toBe(reason);
    await expect(pool.fit(long, silent, { signal: running.signal })).rejects.toBe(reason);
    expect((await pool.fit(taskOf(rows, 'next', { stopsEarly: false }), silent)).ensembles[0]!.trees.length).toBe(10);
  });

  it('ends every fit with an error when its last thread is gone, also those that are requested later', async () => {
    const post = vi.spyOn(Worker.prototype, 'postMessage');
    const pool = open(1);
    const rows = rowsOf('gone', 2000);
    const long = taskOf(rows, 'gone', { stopsEarly: false, params: { ...LEARNER_DEFAULTS, rounds: 100_000 } });
    const fits = [pool.fit(long, () => void thread().terminate()), pool.fit(long, silent)];
    const thread = (): Worker => post.mock.contexts[0] as Worker;
    for (const fit of fits) await expect(fit).rejects.toMatchObject({ code: 'LEARNER_THREAD' });
    await expect(pool.fit(long, silent)).rejects.toMatchObject({ code: 'LEARNER_THREAD' });
  });

  it('learns three hundred times in a row without more listeners or threads than at first', async () => {
    const warnings: unknown[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const pool = open(2);
    const rows = rowsOf('many', 500);
    const models = await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        pool.fit(
          taskOf(rows, String(i % 10), { params: { ...LEARNER_DEFAULTS, rounds: 2, leaves: 4, seed: String(i % 10) } }),
          silent,
        ),
      ),
    );
    for (let i = 10; i < 300; i += 37) expect(models[i]).toEqual(models[i % 10]);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });
});

describe('lendMemory', () => {
  it('lends the same memory again, cleared, and more of it when more is requested', () => {
    const first = lendMemory((reserve) => {
      const memory = reserve(100_000);
      new Uint8Array(memory.buffer).fill(7);
      return memory;
    });
    lendMemory((reserve) => {
      const memory = reserve(90_000);
      expect(memory).toBe(first);
      expect(new Uint8Array(memory.buffer, 0, 90_000).every((byte) => byte === 0)).toBe(true);
    });
    lendMemory((reserve) => {
      const memory = reserve(5_000_000);
      expect(memory).toBe(first);
      expect(memory.buffer.byteLength).toBeGreaterThanOrEqual(5_000_000);
      expect(new Uint8Array(memory.buffer, 0, 5_000_000).every((byte) => byte === 0)).toBe(true);
    });
  });

  it('lends another one to nested work, and reclaims its own when the work throws', () => {
    let outer: unknown;
    const failing = (): never =>
      lendMemory((reserve) => {
        outer = reserve(1000);
        expect(lendMemory((other) => other(1000))).not.toBe(outer);
        throw new Error('no');
      });
    expect(failing).toThrow('no');
    expect(lendMemory((reserve) => reserve(1000))).toBe(outer);
    expect(() => lendMemory((reserve) => reserve(2 ** 32 + 1))).toThrowError(
      expect.objectContaining({ code: 'LEARNER_MEMORY' }),
    );
  });
});
