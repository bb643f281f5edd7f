import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Blobs } from '../../../shared/blob/blobs.ts';
import { Database } from '../../../shared/store/sqlite.ts';
import { embeddedQueue } from './embedded_queue.ts';
import { ownIdentity } from './fit_identity.ts';
import { fleetPool } from './fleet_pool.ts';
import { LOST_WORKERS, WORKER_GONE_MS, type TaskQueue, type TaskRetry } from './task_queue.ts';

const LEASE_MS = 1000;
const BACKOFF_MS = 400;
const WORKER = { name: 'one', learners: ['gbdt'], slots: 1 };
const STATE = { identity: ownIdentity(), done: 0, running: [], cores: 2, freeMemoryMb: 100 };

let folder: string;
let queue: TaskQueue;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
  folder = mkdtempSync(join(tmpdir(), 'minutehand-queue-'));
  queue = embeddedQueue(join(folder, 'queue.db'), {
    leaseMs: LEASE_MS,
    attempts: 2,
    backoffMs: BACKOFF_MS,
    dataWaitMs: 250,
  });
});
afterEach(async () => {
  vi.useRealTimers();
  await queue.close();
  rmSync(folder, { recursive: true });
});

const task = (key: string, isUrgent = false) => ({ key, needs: { learner: 'gbdt' }, isUrgent, payload: key });
const claimed = async (): Promise<string | undefined> => (await queue.claim(WORKER))?.task.key;
const pass = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

describe('tasks in a file', () => {
  it('are given up with their last worker: as many attempts as they have, not one more', async () => {
    await queue.enqueue(task('a'));
    expect((await queue.claim(WORKER))!.attempt).toBe(1);
    pass(LEASE_MS);
    expect(await claimed()).toBeUndefined();
    pass(1);
    expect((await queue.claim(WORKER))!.attempt).toBe(2);
    expect(await queue.tasks()).toMatchObject([{ waiting: 0, running: 1, failed: 0 }]);
    pass(LEASE_MS + 1);
    expect(await claimed()).toBeUndefined();
    expect(await queue.outcome('a')).toEqual({ state: 'failed', error: LOST_WORKERS });
    // Asked for again, it has all its attempts again.
    await queue.enqueue(task('a'));
    expect((await queue.claim(WORKER))!.attempt).toBe(1);
  });

  it('that are refused once are not tried again; others are, up to the last attempt', async () => {
    const error = { code: 'LEARNER_THREAD', message: 'lost' };
    await queue.enqueue(task('a'));
    expect(await (await queue.claim(WORKER))!.fail(error, true)).toBe(true);
    expect(await queue.outcome('a')).toBeNull();
    const [{ inMs, ...retry }, ...others] = (await queue.retries()) as [TaskRetry];
    expect([retry, others]).toEqual([{ key: 'a', learner: 'gbdt', attempt: 2, error }, []]);
    expect(inMs).toBeGreaterThan(BACKOFF_MS / 2 - 1);
    pass(Math.floor(inMs));
    if (!Number.isInteger(inMs)) expect(await claimed()).toBeUndefined();
    pass(1);
    expect(await queue.retries()).toEqual([]);
    expect(await (await queue.claim(WORKER))!.fail(error, true)).toBe(true);
    expect(await queue.outcome('a')).toEqual({ state: 'failed', error });
    await queue.enqueue(task('b'));
    await (await queue.claim(WORKER))!.fail(error, false);
    expect(await queue.outcome('b')).toEqual({ state: 'failed', error });
  });

  it('that have failed are listed with their time, also in the file of a version that did not note it', async () => {
    const error = { code: 'LEARNER_TASK', message: 'refused' };
    const path = join(folder, 'older.db');
    const older = new Database(path);
    older.exec(`CREATE TABLE tasks (
      key TEXT PRIMARY KEY, learner TEXT NOT NULL, urgent INTEGER NOT NULL, payload TEXT NOT NULL,
      number INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
      token TEXT, lease_until REAL, error TEXT
    ) STRICT`);
    older
      .prepare(`INSERT INTO tasks VALUES ('old', 'gbdt', 0, 'old', 1, 'failed', 2, NULL, NULL, ?)`)
      .run(JSON.stringify(error));
    older.close();
    const opened = embeddedQueue(path, { leaseMs: LEASE_MS, attempts: 1, backoffMs: BACKOFF_MS, dataWaitMs: 250 });
    await opened.enqueue(task('lost'));
    await opened.claim(WORKER);
    pass(LEASE_MS + 1);
    expect(await opened.claim(WORKER)).toBeNull();
    pass(500);
    expect(await opened.failures()).toEqual([
      { key: 'lost', learner: 'gbdt', error: LOST_WORKERS, agoMs: 500 },
      { key: 'old', learner: 'gbdt', error, agoMs: null },
    ]);
    expect(await opened.retry('old')).toBe(true);
    expect((await opened.claim(WORKER))!.task.key).toBe('old');
    await opened.close();
  });

  it('come in order, the urgent ones first, also those that become urgent while they wait', async () => {
    for (const key of ['a', 'b', 'c']) await queue.enqueue(task(key));
    await queue.enqueue(task('d', true));
    await queue.enqueue(task('c', true));
    expect([await claimed(), await claimed(), await claimed(), await claimed()]).toEqual(['c', 'd', 'a', 'b']);
  });

  it('know the workers of the last minute', async () => {
    await queue.greet(WORKER, { ...STATE, done: 3 });
    pass(WORKER_GONE_MS - 1);
    await queue.greet({ ...WORKER, name: 'two' }, STATE);
    expect((await queue.workers()).map(({ name, silentMs, done }) => [name, silentMs, done])).toEqual([
      ['one', WORKER_GONE_MS - 1, 3],
      ['two', 0, 0],
    ]);
    pass(1);
    expect((await queue.workers()).map(({ name }) => name)).toEqual(['two']);
  });

  it('are removed when whoever asked for them has gone', async () => {
    const blobs = {
      put: () => Promise.resolve('0'.repeat(64)),
      has: () => Promise.resolve(true),
      result: () => Promise.resolve(null),
    } as unknown as Blobs;
    const numbers = new Float64Array(1);
    const fit = {
      engine: 'gbdt',
      task: { kind: 'binary' },
      rows: {
        x: { rows: 1, columns: 1, values: new Float32Array(1) },
        y: numbers,
        time: numbers,
        labelEnd: numbers,
        weights: numbers,
      },
      subset: Int32Array.of(0),
      params: {},
      stopsEarly: false,
    } as never;
    const canceled = new AbortController();
    const pool = fleetPool(queue, blobs, true);
    const fitting = pool.fit(fit, () => undefined, { signal: canceled.signal });
    await expect.poll(() => queue.tasks()).toMatchObject([{ waiting: 1 }]);
    canceled.abort(new Error('stopped'));
    await expect(fitting).rejects.toThrow('stopped');
    expect(await queue.tasks()).toEqual([]);
    await expect(pool.fit(fit, () => undefined, { signal: canceled.signal })).rejects.toThrow('stopped');
    expect(await claimed()).toBeUndefined();
  });
});
