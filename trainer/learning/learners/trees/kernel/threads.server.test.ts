import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { packageRoot } from '../../../../../shared/root.ts';
import { createRng } from '../../../../../shared/rng.ts';
import { gbdt, learnHere } from '../gbdt.ts';
import { LEARNER_DEFAULTS, type LearnRequest } from '../learner.ts';
import { NODES } from './layout.ts';
import { prepareFit } from './fit.ts';
import { learnOnThreads } from './threads.ts';
import { wordsOf } from './memory.ts';
import { reserveMemory } from './webassembly.ts';

function requestOf(rows: number, rounds: number, threads: number): LearnRequest {
  const rng = createRng('threads');
  const values = Float32Array.from({ length: rows * 10 }, () => rng.normal());
  return {
    task: { kind: 'binary' },
    table: {
      x: { rows, columns: 10, values },
      y: Float64Array.from({ length: rows }, (_, row) => (values[row * 10]! + rng.normal() > 0 ? 1 : 0)),
      weights: null,
    },
    params: { ...LEARNER_DEFAULTS, rounds },
    stopping: null,
    threads,
    onRound: () => undefined,
  };
}

afterEach(() => vi.restoreAllMocks());

describe('learnOnThreads', () => {
  const prepare = (threads: number): ReturnType<typeof prepareFit> => {
    const { table, params } = requestOf(30_000, 100_000, threads);
    const columns = Array.from({ length: 10 }, (_, c) => c);
    return prepareFit({ objective: { kind: 'binary' }, table, params, columns, stopping: null, threads });
  };

  it.each([0, 1])('ends with an error, and with all its threads, when thread %i is ended', async (victim) => {
    const fit = prepare(2);
    const started: Worker[] = [];
    const post = vi.spyOn(Worker.prototype, 'on').mockImplementation(function (this: Worker, ...args: unknown[]) {
      if (!started.includes(this)) started.push(this);
      return (Worker.prototype.addListener as (...all: unknown[]) => Worker).apply(this, args);
    });
    let isEnding = false;
    const learning = learnOnThreads(fit, () => {
      if (isEnding) return;
      isEnding = true;
      void started[victim]!.terminate();
    });
    await expect(learning).rejects.toMatchObject({ code: 'LEARNER_THREAD' });
    post.mockRestore();
    // A thread that has ended has no id any more.
    for (const worker of started) expect(worker.threadId).toBe(-1);
  });

  it('ends with an error when a thread reads out of bounds', async () => {
    const fit = prepare(2);
    let isDone = false;
    const learning = learnOnThreads(fit, () => {
      if (!isDone) wordsOf(fit.memory).set(NODES, 0xfffffff0);
      isDone = true;
      // What is read after that lies behind the memory's end.
      for (const field of [704, 724, 736, 748, 752, 760]) wordsOf(fit.memory).set(field, 0xfffffff0);
    });
    await expect(learning).rejects.toMatchObject({ code: 'LEARNER_THREAD' });
  });
});

describe('gbdt in a process', () => {
  const program = `
    const { gbdt } = await import(${JSON.stringify(join(packageRoot(), 'dist/trainer/learning/learners/trees/gbdt.js'))});
    const rows = 20000;
    const values = Float32Array.from({ length: rows * 5 }, (_, i) => ((i * 7919) % 1009) / 1009);
    const y = Float64Array.from({ length: rows }, (_, row) => ((row * 31) % 7 > 3 ? 1 : 0));
    const params = ${JSON.stringify({ ...LEARNER_DEFAULTS, rounds: 1_000_000 })};
    await gbdt.learn({
      task: { kind: 'binary' }, table: { x: { rows, columns: 5, values }, y, weights: null }, params, stopping: null, threads: 2,
      onRound(round) { if (round === 5) console.log('learning'); },
    });`;

  it('leaves nothing behind when it is killed', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
    const task = `/proc/${child.pid}/task`;
    if (existsSync(task)) expect(readdirSync(task).length).toBeGreaterThan(3);
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await ended;
    expect(existsSync(`/proc/${child.pid}`)).toBe(false);
  });

  it('can be learned in from a worker thread', async () => {
    const request = requestOf(5000, 5, 2);
    const { onRound: _, ...plain } = request;
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
      import(${JSON.stringify(join(packageRoot(), 'dist/trainer/learning/learners/trees/gbdt.js'))})
        .then(({ gbdt }) => gbdt.learn({ ...workerData, onRound() {} }))
        .then((model) => parentPort.postMessage(model));`,
      { eval: true, workerData: plain },
    );
    const model = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    expect(model).toEqual(learnHere(request));
    await worker.terminate();
  });

  it('lets the process exit once the model is trained', async () => {
    const short = program.replace('1000000', '3');
    const child = spawn(process.execPath, ['--input-type=module', '-e', short], { stdio: 'ignore' });
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
  });
});

describe('reserveMemory', () => {
  it('refuses sizes beyond 32-bit addresses', () => {
    expect(() => reserveMemory(2 ** 32 + 1)).toThrowError(expect.objectContaining({ code: 'LEARNER_MEMORY' }));
    expect(reserveMemory(70_000).buffer.byteLength).toBe(131_072);
  });

  it('is requested beyond its limit by a table that is too large', async () => {
    const x = { rows: 3000, columns: 2000, values: new Float32Array(6_000_000) };
    const table = { x, y: new Float64Array(3000), weights: null };
    const params = { ...LEARNER_DEFAULTS, leaves: 3000, minDataInLeaf: 1 };
    await expect(gbdt.learn({ ...requestOf(10, 1, 1), table, params })).rejects.toMatchObject({
      code: 'LEARNER_MEMORY',
    });
  });
});
