import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openBlobs } from '../shared/blob/open_blobs.ts';
import { bullmqQueue } from '../trainer/jobs/fleet/bullmq_queue.ts';
import { identityOf, keyOf } from '../trainer/jobs/fleet/fit_identity.ts';
import type { TaskNeeds } from '../trainer/jobs/fleet/task_needs.ts';
import type { TaskQueue, TaskTotals } from '../trainer/jobs/fleet/task_queue.ts';
import type { FitTask } from '../trainer/learning/learners/trees/fit.ts';
import { LEARNER_DEFAULTS } from '../trainer/learning/learners/trees/learner.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { modelHashes } from './model_hashes.ts';
import { REDIS_NOTE, startRedis, type RedisServer } from './redis_server.ts';
import { skipNote } from './skip_note.ts';
import { tinyBars } from './tiny_settings.ts';

vi.setConfig({ testTimeout: 900_000, hookTimeout: 300_000 });

const redis: RedisServer | null = await startRedis();
const note = skipNote(redis === null, REDIS_NOTE);
const NEVER = new AbortController().signal;
/** Has the worker, and not the training, which does fits as well and has no limits. */
const ONLY_THE_WORKER = 'evolve';

/** A fit of noise, of so much data and so many rounds. */
function fitOf(rows: number, columns: number, rounds: number): FitTask {
  const values = Float32Array.from({ length: rows * columns }, (_, i) => (Math.imul(i, 2654435761) >>> 8) / 2 ** 24);
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
    params: { ...LEARNER_DEFAULTS, rounds, leaves: 31, seed: 'a' },
    stopsEarly: false,
  };
}

describe.runIf(redis !== null)(`a worker with limits${note}`, () => {
  let place: Workplace;
  let data: string;
  let queue: TaskQueue;
  let worker: Running;
  /** Of a training by threads alone. */
  let expected: Record<string, string>;

  const env = (): NodeJS.ProcessEnv => ({
    MINUTEHAND_QUEUE: 'bullmq',
    MINUTEHAND_REDIS_URL: redis!.url,
    MINUTEHAND_BLOBS: join(place.folder, 'blobs'),
  });

  beforeAll(async () => {
    place = createWorkplace();
    data = await place.writeBars('bars', tinyBars(place.settings));
    queue = bullmqQueue(redis!.url, null);
    expected = await train('alone', {});
  });
  afterAll(async () => {
    worker?.kill('SIGKILL');
    await queue?.close();
    await place?.remove();
    await redis!.stop();
  });

  /** @returns hashes of the models */
  async function train(out: string, variables: NodeJS.ProcessEnv): Promise<Record<string, string>> {
    const folder = join(place.folder, out);
    rmSync(join(place.home, 'cache', 'search'), { recursive: true, force: true });
    const args = ['train', '--data', data, '--trials', '3', '--workers', '1', '--out', folder, '--json'];
    const { code, stdout, stderr } = await place.run(args, { env: variables });
    expect(code, stderr).toBe(0);
    const { version } = JSON.parse(stdout) as { version: string };
    return modelHashes(join(folder, version));
  }

  /** Puts a fit in as a training does. @returns its key */
  async function putIn(task: FitTask, needs: TaskNeeds): Promise<string> {
    const blobs = openBlobs(join(place.folder, 'blobs'), {}, null);
    const identity = await identityOf(task, blobs, new WeakMap());
    const key = keyOf(identity);
    await queue.enqueue({ key, needs, isUrgent: true, payload: JSON.stringify(identity) });
    return key;
  }

  const children = (): string[] => {
    try {
      const found = execFileSync('pgrep', ['-P', `${worker.pid}`, '-f', 'task_child'], { encoding: 'utf8' });
      return found.trim().split('\n');
    } catch {
      return [];
    }
  };

  interface FleetState {
    readonly tasks: readonly { readonly learner: string; readonly totals: TaskTotals }[];
    readonly failures: readonly { readonly key: string; readonly error: { readonly code: string } }[];
    readonly retries: readonly { readonly key: string; readonly attempt: number; readonly inMs: number }[];
    readonly unclaimed: readonly { readonly needs: TaskNeeds; readonly waiting: number }[];
    readonly workers: readonly { readonly name: string; readonly done: number; readonly taskMemoryMb?: number }[];
  }
  async function state(): Promise<FleetState> {
    const { code, stdout, stderr } = await place.call(['fleet', '--json'], { env: env() });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as FleetState;
  }

  it('ends what takes too much memory or time, loses a child, and does all else: the models are the same', async () => {
    const limits = ['--slots', '3', '--task-memory-mb', '256', '--task-time', '15s', '--priority', 'low'];
    worker = place.start(['worker', '--name', 'limited', ...limits], env());
    await eventually(worker.stderr, () => worker.stdout().includes('3 slots of 256 MB and 15s'));
    // 96 MB of data take 400 MB. It does not say so: a worker that knew would leave it to others.
    const large = await putIn(fitOf(400_000, 60, 20), { learner: ONLY_THE_WORKER });
    const endless = await putIn(fitOf(30_000, 30, 100_000), { learner: ONLY_THE_WORKER });
    const said = await putIn(fitOf(200_000, 60, 5), { learner: 'gbdt', memoryMb: 512 });
    const seen: number[] = [];
    const settling = [
      queue.settled(large, NEVER),
      queue.settled(endless, NEVER, (done, total) => seen.push(done / total)),
    ];

    const training = train('limited', env());
    const lost = await eventually(worker.stderr, () => children().length > 1 && children()[0]!);
    process.kill(Number(lost), 'SIGKILL');
    const waiting = await eventually('a further attempt', async () => (await state()).retries[0]);
    expect(waiting.attempt).toBeGreaterThan(1);
    expect(waiting.inMs).toBeGreaterThan(0);
    expect(await training).toEqual(expected);

    // Nobody but the training had the memory for it.
    const outcome = await queue.outcome(said);
    if (outcome === null) expect((await state()).unclaimed).toMatchObject([{ needs: { memoryMb: 512 }, waiting: 1 }]);
    else expect(outcome).toEqual({ state: 'done' });

    const errors = await Promise.all(settling);
    expect(errors).toEqual([
      {
        state: 'failed',
        error: {
          code: 'TASK_MEMORY',
          message: expect.stringMatching(/a fit of gbdt on 400000 of 400000 rows.* of at most 256 MB/) as string,
        },
      },
      {
        state: 'failed',
        error: { code: 'TASK_TIME', message: expect.stringMatching(/a fit of gbdt .* more than 15 s/) as string },
      },
    ]);
    // How far the endless one was, each second.
    expect(seen.length).toBeGreaterThan(4);
    expect(Math.max(...seen)).toBeLessThan(1);
    const { failures, tasks, workers } = await state();
    expect(new Set(failures.map(({ key, error }) => `${key} ${error.code}`))).toEqual(
      new Set([`${large} TASK_MEMORY`, `${endless} TASK_TIME`]),
    );
    const { totals } = tasks.find(({ learner }) => learner === ONLY_THE_WORKER)!;
    expect(totals.over_memory).toBeGreaterThan(2);
    expect(totals.over_time).toBeGreaterThan(2);
    expect(tasks.reduce((sum, of) => sum + of.totals.child_lost, 0)).toBe(1);
    expect(workers).toMatchObject([{ name: `limited/${worker.pid}`, taskMemoryMb: 256 }]);
    // How many of the training's fits it gets depends on who is faster.
    expect(workers[0]!.done).toBeGreaterThan(0);

    worker.kill('SIGTERM');
    expect(await worker.ended).toBe(0);
    await sleep(500);
    expect(children()).toEqual([]);
  });
});
