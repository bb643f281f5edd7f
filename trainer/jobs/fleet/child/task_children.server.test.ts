import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../../../../test/cli_process.ts';
import { packageRoot } from '../../../../shared/root.ts';
import { runFit, type FitTask } from '../../../learning/learners/trees/fit.ts';
import { LEARNER_DEFAULTS } from '../../../learning/learners/trees/learner.ts';
import { packModel } from '../fit_identity.ts';
import { openTaskChildren, type TaskChildren } from './task_children.ts';
import type { TaskLimits } from './task_process.ts';

vi.setConfig({ testTimeout: 240_000 });

const IGNORED = (): void => undefined;
const WIDE: TaskLimits = { memoryBytes: 2 ** 30, timeMs: 200_000, priority: 'low' };

/** Numbers that are no multiples of each other, the same in every run. */
function fitOf(rows: number, columns: number, rounds: number): FitTask {
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898) * 43758.5);
  const values = Float32Array.from(numbers(rows * columns), (one) => one - Math.floor(one));
  return {
    engine: 'gbdt',
    task: { kind: 'binary' },
    rows: {
      x: { rows, columns, values },
      y: Float64Array.from({ length: rows }, (_, i) => Number(values[i * columns]! > 0.5)),
      time: Float64Array.from({ length: rows }, (_, i) => 60 * i),
      labelEnd: Float64Array.from({ length: rows }, (_, i) => 60 * i + 60),
      weights: new Float64Array(rows).fill(1),
    },
    subset: Int32Array.from({ length: rows }, (_, i) => i),
    params: { ...LEARNER_DEFAULTS, rounds, leaves: 15, seed: 'a' },
    stopsEarly: false,
  };
}
const SMALL = fitOf(2000, 5, 5);
/** Takes minutes. */
const LONG = fitOf(40_000, 40, 20_000);

const bytesOf = async (fit: (...task: [FitTask, () => void]) => ReturnType<typeof runFit>, task = SMALL) =>
  Buffer.from(packModel(await fit(task, IGNORED)));

const pids = (of = process.pid): string[] => {
  try {
    return execFileSync('pgrep', ['-P', `${of}`, '-f', 'task_child'], { encoding: 'utf8' })
      .trim()
      .split('\n');
  } catch {
    return [];
  }
};

let opened: TaskChildren[] = [];
afterEach(async () => {
  await Promise.all(opened.map((children) => children.close()));
  opened = [];
});

function open(slots: number, limits: Partial<TaskLimits> = {}): TaskChildren {
  const children = openTaskChildren(slots, { ...WIDE, ...limits });
  opened.push(children);
  return children;
}

describe.skipIf(process.platform !== 'linux')('child processes of a worker', () => {
  it('do one fit after the other in one process, with the bits of this one, and send its data once', async () => {
    const { pool } = open(2);
    const expected = await bytesOf(runFit);
    expect(await bytesOf(pool.fit)).toEqual(expected);
    const [first, ...others] = pids();
    expect(others).toEqual([]);
    // Part of its rows are named as data that it has.
    const half = { ...SMALL, subset: SMALL.subset.slice(0, 1500) };
    expect(await bytesOf(pool.fit, half)).toEqual(await bytesOf(runFit, half));
    expect(await bytesOf(pool.fit, { ...SMALL, base: await runFit(SMALL, IGNORED) })).toEqual(
      await bytesOf(runFit, { ...SMALL, base: await runFit(SMALL, IGNORED) }),
    );
    expect(pids()).toEqual([first]);
  });

  it('report how far a fit is', async () => {
    const { pool } = open(1);
    const seen: number[] = [];
    await pool.fit(fitOf(20_000, 20, 60), (done, total) => {
      expect(total).toBe(60);
      seen.push(done);
    });
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('refuse what the learner refuses, and go on', async () => {
    const { pool } = open(1);
    const refused = { ...SMALL, subset: new Int32Array(0) };
    const error = await runFit(refused, IGNORED).catch((thrown: unknown) => thrown);
    const { code, message } = error as { code?: string; message: string };
    await expect(pool.fit(refused, IGNORED)).rejects.toMatchObject(
      code === undefined ? { code: 'INTERNAL' } : { code, message },
    );
    expect(await bytesOf(pool.fit)).toEqual(await bytesOf(runFit));
  });

  it.each([
    { what: 'memory', limits: { memoryBytes: 160 * 2 ** 20 }, task: fitOf(400_000, 60, 50), code: 'TASK_MEMORY' },
    { what: 'time', limits: { timeMs: 4000 }, task: LONG, code: 'TASK_TIME' },
  ])('that take too much $what are ended, one beside them goes on', async ({ limits, task, code }) => {
    const children = open(2, limits);
    // Nobody waits for the start of a child within a limit of seconds.
    const beside = open(2);
    const failing = children.pool.fit(task, IGNORED);
    const healthy = bytesOf(beside.pool.fit);
    await expect(failing).rejects.toMatchObject({
      code,
      seen: expect.stringMatching(/^a fit of gbdt on \d+ of \d+ rows and \d+ columns: .*\d/) as string,
    });
    expect(await healthy).toEqual(await bytesOf(runFit));
    const next = open(1);
    expect(await bytesOf(next.pool.fit)).toEqual(await bytesOf(runFit));
  });

  it('that are killed lose their task alone', async () => {
    const { pool } = open(2);
    const lost = pool.fit(LONG, IGNORED);
    lost.catch(IGNORED);
    await vi.waitFor(() => expect(pids()).toHaveLength(1), 20_000);
    process.kill(Number(pids()[0]), 'SIGKILL');
    const healthy = bytesOf(pool.fit);
    await expect(lost).rejects.toMatchObject({
      code: 'LEARNER_PROCESS',
      seen: expect.stringContaining('ended by SIGKILL') as string,
    });
    expect(await healthy).toEqual(await bytesOf(runFit));
    // Also one that is killed while it waits.
    const idle = pids().map(Number);
    for (const pid of idle) process.kill(pid, 'SIGKILL');
    // Until this process has collected them: on a busy machine that takes a while.
    await vi.waitFor(() => idle.forEach((pid) => expect(() => process.kill(pid, 0)).toThrow('ESRCH')), 20_000);
    expect(await bytesOf(pool.fit)).toEqual(await bytesOf(runFit));
  });

  it('end with a task that is not wanted any more', async () => {
    const { pool } = open(1);
    const canceling = new AbortController();
    const canceled = pool.fit(LONG, () => canceling.abort(new Error('not wanted')), { signal: canceling.signal });
    await expect(canceled).rejects.toThrow('not wanted');
    expect(await bytesOf(pool.fit)).toEqual(await bytesOf(runFit));
    await expect(pool.fit(SMALL, IGNORED, { signal: canceling.signal })).rejects.toThrow('not wanted');
  });

  it('end within a fit when their worker is killed', async () => {
    const moduleOf = (name: string): string => pathToFileURL(join(packageRoot(), 'dist', name)).href;
    const program = `
      const { openTaskChildren } = await import('${moduleOf('trainer/jobs/fleet/child/task_children.js')}');
      const { LEARNER_DEFAULTS } = await import('${moduleOf('trainer/learning/learners/trees/learner.js')}');
      const rows = 40000, numbers = () => Float64Array.from({ length: rows }, (_, i) => (i * 7919) % 97 > 48);
      const fit = { engine: 'gbdt', task: { kind: 'binary' }, stopsEarly: false,
        rows: { x: { rows, columns: 1, values: Float32Array.from(numbers()) }, y: numbers(), time: numbers(),
          labelEnd: numbers(), weights: numbers().fill(1) },
        subset: Int32Array.from({ length: rows }, (_, i) => i),
        params: { ...LEARNER_DEFAULTS, rounds: 1e6, seed: 'a' } };
      const limits = { memoryBytes: 2 ** 30, timeMs: 1e6, priority: 'low' };
      await openTaskChildren(1, limits).pool.fit(fit, (done) => console.log(done));`;
    const worker = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    worker.stdout.on('data', (data: Buffer) => (said += data.toString()));
    await eventually(
      () => said,
      () => said !== '',
    );
    const [child] = pids(worker.pid);
    worker.kill('SIGKILL');
    await vi.waitFor(() => expect(() => process.kill(Number(child), 0)).toThrow('ESRCH'), { timeout: 60_000 });
  });
});
