import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { REDIS_NOTE, startRedis, type RedisServer } from '../../../test/redis_server.ts';
import { homePaths } from '../../../shared/home.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { bullmqQueue } from './bullmq_queue.ts';
import { embeddedQueue } from './embedded_queue.ts';
import { ownIdentity } from './fit_identity.ts';
import type { Installation } from './installation.ts';
import { openFleet } from './open_fleet.ts';
import {
  MOST_DIFFERENCES,
  NO_TOTALS,
  type QueuedTask,
  type TaskDifference,
  type TaskQueue,
  type WorkerFacts,
  type WorkerState,
} from './task_queue.ts';

vi.setConfig({ testTimeout: 60_000 });

/** Short, so that a lost worker is noticed within a test. */
const TIMING = { leaseMs: 400, attempts: 3, backoffMs: 600, dataWaitMs: 2000 };
const WORKER: WorkerFacts = { name: 'one', learners: ['gbdt'], slots: 1 };
const STATE: WorkerState = { identity: ownIdentity(), done: 0, running: [], cores: 8, freeMemoryMb: 2048 };
const INSTALLATION: Installation = {
  name: 'a@attic',
  host: 'attic',
  market: 'live',
  identity: ownIdentity(),
  cores: 4,
  load: 0.5,
  freeMemoryMb: 900,
  daemons: [
    {
      shard: 'main',
      presence: 'up',
      role: 'active',
      hasStandby: true,
      subjects: 10,
      degradations: [],
      signalUs: 40,
      budgetMs: 200,
    },
  ],
};
const FAULT = { code: 'LEARNER_TASK', message: 'refused' };
const NEVER = new AbortController().signal;

const keyOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const taskOf = (text: string, change: Partial<QueuedTask> = {}): QueuedTask => ({
  key: keyOf(text),
  needs: { learner: 'gbdt' },
  isUrgent: false,
  payload: JSON.stringify({ text }),
  ...change,
});

let redis: RedisServer | null;
let folder: string;
beforeAll(async () => {
  redis = await startRedis();
  folder = mkdtempSync(join(tmpdir(), 'minutehand-queue-'));
});
afterAll(async () => {
  await redis?.stop();
  rmSync(folder, { recursive: true });
});

let file = 0;
const QUEUES: readonly (readonly [name: string, open: () => () => TaskQueue])[] = [
  [
    'embedded',
    () => {
      const path = join(folder, `queue ${file++}.db`);
      return () => embeddedQueue(path, TIMING);
    },
  ],
  [
    'bullmq',
    () => {
      const name = `of-test-${file++}`;
      return () => bullmqQueue(redis!.url, null, TIMING, name);
    },
  ],
];

describe.each(QUEUES)('the %s queue', (name, open) => {
  const opened: TaskQueue[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((queue) => queue.close()));
  });

  /** The trainer's side and two workers' sides of one queue, each with connections of its own. */
  function sides(context: { skip(note: string): never }): readonly [TaskQueue, TaskQueue, TaskQueue] {
    if (name === 'bullmq' && redis === null) context.skip(REDIS_NOTE);
    const make = open();
    const all = [make(), make(), make()] as const;
    opened.push(...all);
    return all;
  }

  /** Polls as a worker does. */
  async function claimed(queue: TaskQueue, worker = WORKER) {
    for (;;) {
      const claim = await queue.claim(worker);
      if (claim !== null) return claim;
      await sleep(20);
    }
  }

  it('gives each task to one worker, and says when it is done', async (context) => {
    const [trainer, one, two] = sides(context);
    await trainer.enqueue(taskOf('a'));
    expect(await trainer.outcome(keyOf('a'))).toBeNull();
    const claim = await claimed(one);
    expect(claim).toMatchObject({ task: taskOf('a'), attempt: 1 });
    expect(await two.claim(WORKER)).toBeNull();
    expect(await trainer.tasks()).toEqual([{ learner: 'gbdt', waiting: 0, running: 1, failed: 0, totals: NO_TOTALS }]);
    const settled = trainer.settled(keyOf('a'), NEVER);
    expect(await claim.complete()).toBe(true);
    expect(await settled).toEqual({ state: 'done' });
    expect(await trainer.outcome(keyOf('a'))).toEqual({ state: 'done' });
  });

  it('gives urgent tasks first, then the oldest, and none that the worker cannot do', async (context) => {
    const [trainer, one] = sides(context);
    await trainer.enqueue(taskOf('foreign', { needs: { learner: 'xgboost' }, isUrgent: true }));
    await trainer.enqueue(taskOf('first'));
    await trainer.enqueue(taskOf('second'));
    await trainer.enqueue(taskOf('urgent', { isUrgent: true }));
    const order: string[] = [];
    for (let claim = await one.claim(WORKER); claim !== null; claim = await one.claim(WORKER)) {
      order.push((JSON.parse(claim.task.payload) as { text: string }).text);
      await claim.complete();
    }
    expect(order).toEqual(['urgent', 'first', 'second']);
    const other = await claimed(one, { ...WORKER, learners: ['gbdt', 'xgboost'] });
    expect(other.task.key).toBe(keyOf('foreign'));
  });

  it('gives a worker nothing that needs more memory, cores or a GPU than it has, and goes on with the rest', async (context) => {
    const [trainer, one, two] = sides(context);
    const large = { learner: 'gbdt', memoryMb: 4096 };
    const wide = { learner: 'gbdt', memoryMb: 256, cores: 4 };
    const onGpu = { learner: 'xgboost', memoryMb: 256, gpu: true };
    const small = { learner: 'gbdt', memoryMb: 256 };
    // The urgent and the older ones are those that few can do.
    await trainer.enqueue(taskOf('large', { needs: large, isUrgent: true }));
    await trainer.enqueue(taskOf('wide', { needs: wide }));
    await trainer.enqueue(taskOf('on a GPU', { needs: onGpu }));
    await trainer.enqueue(taskOf('small', { needs: small }));
    expect(await trainer.tasks()).toMatchObject([
      { learner: 'gbdt', waiting: 3 },
      { learner: 'xgboost', waiting: 1 },
    ]);
    const means = { learners: ['gbdt', 'xgboost'], taskMemoryMb: 1024, taskCores: 1, gpu: false };
    const poor = { ...WORKER, ...means };
    const claim = await claimed(one, poor);
    expect(claim.task).toEqual(taskOf('small', { needs: small }));
    expect(await one.claim(poor)).toBeNull();
    const byName = [...(await two.waiting())].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
    const expected = [
      { needs: large, waiting: 1 },
      { needs: wide, waiting: 1 },
      { needs: onGpu, waiting: 1 },
    ];
    expect(byName).toEqual(expected.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))));
    const keys = [];
    for (const more of [{ taskMemoryMb: 4096 }, { taskCores: 4 }, { gpu: true }])
      keys.push((await claimed(one, { ...poor, ...more })).task.key);
    expect(keys).toEqual(['large', 'wide', 'on a GPU'].map(keyOf));
    expect(await two.waiting()).toEqual([]);
    // A worker that says nothing of its means takes what its learners can do.
    await trainer.enqueue(taskOf('huge', { needs: { learner: 'gbdt', memoryMb: 2 ** 20, cores: 64 } }));
    expect((await claimed(two)).task.key).toBe(keyOf('huge'));
  });

  it('leaves a task to a worker that has its data, for a moment', async (context) => {
    const [trainer, one, two] = sides(context);
    const data = [keyOf('x'), keyOf('y')];
    const of = (text: string) => taskOf(text, { needs: { learner: 'gbdt', memoryMb: 512, data } });
    await trainer.enqueue(of('a'));
    expect(await one.claim(WORKER, new Set([keyOf('x')]))).toBeNull();
    const claim = await two.claim(WORKER, new Set([...data, keyOf('z')]));
    expect(claim?.task).toEqual(of('a'));
    await claim!.complete();
    await trainer.enqueue(of('b'));
    const beganMs = performance.now();
    // Nobody has them: whoever comes first after the moment gets it.
    expect((await claimed(one)).task.key).toBe(keyOf('b'));
    expect(performance.now() - beganMs).toBeGreaterThan(TIMING.dataWaitMs - 200);
  });

  it('joins tasks of one key, and does a failed one again when it is asked for again', async (context) => {
    const [trainer, one, two] = sides(context);
    for (const queue of [trainer, trainer, two]) await queue.enqueue(taskOf('a'));
    const claim = await claimed(one);
    expect(await one.claim(WORKER)).toBeNull();
    expect(await claim.fail(FAULT, false)).toBe(true);
    expect(await trainer.settled(keyOf('a'), NEVER)).toEqual({ state: 'failed', error: FAULT });
    await trainer.enqueue(taskOf('a'));
    expect(await trainer.outcome(keyOf('a'))).toBeNull();
    expect((await claimed(one)).attempt).toBe(1);
  });

  it('tries again after errors that may pass, so many times', async (context) => {
    const [trainer, one] = sides(context);
    await trainer.enqueue(taskOf('a'));
    for (let attempt = 1; attempt <= TIMING.attempts; attempt++) {
      expect(await trainer.outcome(keyOf('a'))).toBeNull();
      const claim = await claimed(one);
      expect(claim.attempt).toBe(attempt);
      await claim.fail(FAULT, true);
    }
    expect(await trainer.outcome(keyOf('a'))).toEqual({ state: 'failed', error: FAULT });
  });

  it('waits before each further attempt, twice as long each time, and says when it comes', async (context) => {
    const [trainer, one, two] = sides(context);
    await trainer.enqueue(taskOf('a'));
    for (let attempt = 1; attempt < TIMING.attempts; attempt++) {
      const claim = await claimed(one);
      expect(claim.attempt).toBe(attempt);
      expect(await two.retries()).toEqual([]);
      const error = { ...FAULT, message: `of ${attempt}` };
      expect(await claim.fail(error, true)).toBe(true);
      // A side that has put nothing in.
      const [retry, ...others] = await two.retries();
      const inMs = expect.any(Number) as number;
      expect([retry, others]).toEqual([{ key: keyOf('a'), learner: 'gbdt', attempt: attempt + 1, error, inMs }, []]);
      const mostMs = TIMING.backoffMs * 2 ** (attempt - 1);
      expect(retry!.inMs).toBeGreaterThan(mostMs / 2 - 100);
      expect(retry!.inMs).toBeLessThanOrEqual(mostMs);
      expect(await one.claim(WORKER)).toBeNull();
      expect(await trainer.tasks()).toMatchObject([{ waiting: 1, running: 0, failed: 0 }]);
    }
    expect((await claimed(one)).attempt).toBe(TIMING.attempts);
  });

  it('tells the trainer how far a task is', async (context) => {
    const [trainer, one] = sides(context);
    await trainer.enqueue(taskOf('a'));
    const seen: [number, number][] = [];
    const settled = trainer.settled(keyOf('a'), NEVER, (done, total) => seen.push([done, total]));
    const claim = await claimed(one);
    for (const done of [3, 7]) {
      await claim.progress(done, 20);
      // An event may be lost; the state is looked at as well.
      await expect.poll(() => seen.at(-1)).toEqual([done, 20]);
    }
    await claim.complete();
    expect(await settled).toEqual({ state: 'done' });
    expect(seen).toEqual([
      [3, 20],
      [7, 20],
    ]);
  });

  it('takes a task from a worker that is silent, and refuses its late answers', async (context) => {
    const [trainer, one, two] = sides(context);
    await trainer.enqueue(taskOf('a'));
    const late = await claimed(one);
    const later = await claimed(two);
    expect(later.attempt).toBe(2);
    expect(await late.extend()).toBe(false);
    expect(await late.complete()).toBe(false);
    expect(await late.fail(FAULT, false)).toBe(false);
    expect(await trainer.outcome(keyOf('a'))).toBeNull();
    expect(await later.complete()).toBe(true);
    expect(await trainer.outcome(keyOf('a'))).toEqual({ state: 'done' });
  });

  it('leaves a task to a worker that extends its claim', async (context) => {
    const [trainer, one, two] = sides(context);
    await trainer.enqueue(taskOf('a'));
    const claim = await claimed(one);
    const endMs = performance.now() + 4 * TIMING.leaseMs;
    while (performance.now() < endMs) {
      expect(await claim.extend()).toBe(true);
      expect(await two.claim(WORKER)).toBeNull();
      await sleep(20);
    }
    expect(await claim.complete()).toBe(true);
  });

  it('gives up a task over which every worker was lost', async (context) => {
    const [trainer, one] = sides(context);
    await trainer.enqueue(taskOf('a'));
    for (let attempt = 1; attempt <= TIMING.attempts; attempt++) expect((await claimed(one)).attempt).toBe(attempt);
    // A worker that looks for tasks finds the lost ones.
    const looking = setInterval(() => void one.claim(WORKER), 50);
    const outcome = await trainer.settled(keyOf('a'), NEVER).finally(() => clearInterval(looking));
    expect(outcome).toMatchObject({ state: 'failed', error: { code: 'TASK_LOST' } });
  });

  it('lists the tasks that it gave up, puts them in again with all their attempts, and drops them', async (context) => {
    const [trainer, one, two] = sides(context);
    for (const text of ['refused', 'lost']) await trainer.enqueue(taskOf(text, { isUrgent: text === 'refused' }));
    expect(await two.failures()).toEqual([]);
    await (await claimed(one)).fail(FAULT, false);
    for (let attempt = 1; attempt <= TIMING.attempts; attempt++) expect((await claimed(one)).attempt).toBe(attempt);
    const looking = setInterval(() => void one.claim(WORKER), 50);
    await trainer.settled(keyOf('lost'), NEVER).finally(() => clearInterval(looking));
    const ago = expect.any(Number) as number;
    // A side that has put nothing in.
    expect(await two.failures()).toEqual([
      { key: keyOf('lost'), learner: 'gbdt', error: { code: 'TASK_LOST', message: '' }, agoMs: ago },
      { key: keyOf('refused'), learner: 'gbdt', error: FAULT, agoMs: ago },
    ]);
    expect([await two.retry(keyOf('other')), await two.forget(keyOf('other'))]).toEqual([false, false]);
    expect(await two.forget(keyOf('refused'))).toBe(true);
    expect(await two.retry(keyOf('lost'))).toBe(true);
    expect(await two.failures()).toEqual([]);
    for (let attempt = 1; attempt < TIMING.attempts; attempt++) expect((await claimed(one)).attempt).toBe(attempt);
    const last = await claimed(one);
    expect([last.task, last.attempt]).toEqual([taskOf('lost'), TIMING.attempts]);
    // Neither is a task that somebody has.
    expect([await two.retry(keyOf('lost')), await two.forget(keyOf('lost'))]).toEqual([false, false]);
    expect(await last.complete()).toBe(true);
    expect(await one.claim(WORKER)).toBeNull();
  });

  it('asks a worker that lives to end, and no other', async (context) => {
    const [trainer, one, two] = sides(context);
    expect(await trainer.dismiss(WORKER.name)).toBe(false);
    await one.greet(WORKER, STATE);
    await two.greet({ ...WORKER, name: 'one/2' }, STATE);
    expect(await trainer.dismiss(WORKER.name)).toBe(true);
    expect([await one.greet(WORKER, STATE), await two.greet({ ...WORKER, name: 'one/2' }, STATE)]).toEqual([
      true,
      false,
    ]);
    expect((await trainer.workers()).map(({ name, isEnding }) => [name, isEnding])).toEqual([
      ['one', true],
      ['one/2', false],
    ]);
  });

  it('tells the worker of a removed task, and waits no longer for one that is not wanted', async (context) => {
    const [trainer, one] = sides(context);
    await trainer.enqueue(taskOf('a'));
    await trainer.enqueue(taskOf('b'));
    const claim = await claimed(one);
    const canceling = new AbortController();
    const waiting = trainer.settled(keyOf('a'), canceling.signal);
    canceling.abort(new Error('not wanted'));
    await expect(waiting).rejects.toThrow('not wanted');
    await trainer.remove(keyOf('a'));
    await trainer.remove(keyOf('b'));
    expect(await claim.extend()).toBe(false);
    expect(await claim.complete()).toBe(false);
    expect(await one.claim(WORKER)).toBeNull();
  });

  it('adds up what every side has done, by learner', async (context) => {
    const [trainer, one, two] = sides(context);
    await trainer.enqueue(taskOf('a'));
    await one.tally('gbdt', { finished: 1, seconds: 1.5 });
    await two.tally('gbdt', { finished: 1, seconds: 0.25 });
    await two.tally('forest', { known: 3, retried: 1, given_up: 2 });
    expect(await trainer.tasks()).toEqual([
      {
        learner: 'forest',
        waiting: 0,
        running: 0,
        failed: 0,
        totals: { ...NO_TOTALS, known: 3, retried: 1, given_up: 2 },
      },
      { learner: 'gbdt', waiting: 1, running: 0, failed: 0, totals: { ...NO_TOTALS, finished: 2, seconds: 1.75 } },
    ]);
  });

  it('remembers two results of one task, once, and the newest of very many', async (context) => {
    const [trainer, one, two] = sides(context);
    const differenceOf = (n: number): TaskDifference => ({
      key: keyOf(`${n}`),
      learner: 'gbdt',
      kept: { hash: 'a'.repeat(64), maker: 'one' },
      other: { hash: 'b'.repeat(64), maker: `${n}` },
    });
    expect(await trainer.differences()).toEqual([]);
    await one.report(differenceOf(0));
    const { key, learner, kept, other } = differenceOf(0);
    await two.report({ other, kept, learner, key });
    const [seen, ...more] = await trainer.differences();
    expect([seen, more]).toEqual([{ ...differenceOf(0), agoMs: expect.any(Number) as number }, []]);
    expect(seen!.agoMs).toBeGreaterThanOrEqual(0);
    expect(seen!.agoMs).toBeLessThan(60_000);
    await sleep(5);
    for (let n = 1; n <= MOST_DIFFERENCES; n++) await one.report(differenceOf(n));
    const makers = (await trainer.differences()).map((difference) => Number(difference.other.maker));
    expect(makers).toHaveLength(MOST_DIFFERENCES);
    expect(makers).not.toContain(0);
    expect(makers).toContain(MOST_DIFFERENCES);
  });

  it('knows the machines that have said what they have, as they said it last', async (context) => {
    const [trainer, one, two] = sides(context);
    expect(await trainer.installations()).toEqual([]);
    await one.announce({ ...INSTALLATION, name: 'b@desk' });
    await one.announce({ ...INSTALLATION, name: 'b@desk', load: 2.5 });
    await two.announce(INSTALLATION);
    expect(await trainer.installations()).toEqual([
      { ...INSTALLATION, silentMs: expect.any(Number) as number },
      { ...INSTALLATION, name: 'b@desk', load: 2.5, silentMs: expect.any(Number) as number },
    ]);
  });

  it('knows its workers and the build that leads', async (context) => {
    const [trainer, one] = sides(context);
    expect([await trainer.workers(), await trainer.leader()]).toEqual([[], null]);
    const running = [{ key: keyOf('a'), learner: 'gbdt', runningMs: 1200, share: 0.25 }];
    expect(await one.greet(WORKER, { ...STATE, done: 7, running })).toBe(false);
    await trainer.lead({ ...ownIdentity(), version: '9.9.9' });
    expect(await trainer.workers()).toEqual([
      { ...WORKER, ...STATE, done: 7, running, silentMs: expect.any(Number) as number, isEnding: false },
    ]);
    expect(await one.leader()).toEqual({ ...ownIdentity(), version: '9.9.9' });
  });
});

describe('fleets of one Redis', () => {
  it('do not see each other, also where one name begins as another does', async (context) => {
    if (redis === null) context.skip(REDIS_NOTE);
    const url = `${redis!.url}/${file++ % 16}`;
    const names = [null, 'red', 'red-2', 'red_2'];
    const queues = names.map((name) => bullmqQueue(url, null, TIMING, name));
    for (const [at, queue] of queues.entries()) {
      await queue.lead({ ...ownIdentity(), version: `0.0.${at}` });
      await queue.greet({ ...WORKER, name: `worker of ${at}` }, { ...STATE, done: at });
      await queue.enqueue(taskOf('the same task'));
      await queue.tally('gbdt', { finished: at });
    }
    for (const [at, queue] of queues.entries()) {
      expect(await queue.leader()).toMatchObject({ version: `0.0.${at}` });
      expect((await queue.workers()).map(({ name }) => name)).toEqual([`worker of ${at}`]);
      expect(await queue.tasks()).toMatchObject([
        { learner: 'gbdt', waiting: 1, running: 0, totals: { finished: at } },
      ]);
      // One task each: the second claim finds nothing, though the others still have theirs.
      const claim = await queue.claim(WORKER);
      expect([claim?.task.key, await queue.claim(WORKER)]).toEqual([keyOf('the same task'), null]);
    }
    await Promise.all(queues.map((queue) => queue.close()));
  });

  it('are named in a way that fits keys and folders, with folders of their own for results', async () => {
    const settings = tinySettings({});
    const paths = homePaths({ MINUTEHAND_HOME: join(folder, 'named') });
    const place = join(folder, 'shared blobs');
    const open = (name: string) =>
      openFleet(settings, paths, { MINUTEHAND_QUEUE: 'embedded', MINUTEHAND_BLOBS: place, MINUTEHAND_FLEET: name });
    for (const name of ['../red', 'red:blue', 'Red', '-red', 'r'.repeat(41)])
      await expect(open(name)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        seen: expect.stringContaining('MINUTEHAND_FLEET') as string,
      });
    const fleets = [await open(''), await open('red'), await open('blue')];
    const key = keyOf('result');
    await fleets[1]!.blobs.keep(key, { hash: keyOf('red'), maker: 'red' });
    expect(await Promise.all(fleets.map((fleet) => fleet!.blobs.result(key)))).toEqual([
      null,
      { hash: keyOf('red'), maker: 'red' },
      null,
    ]);
    expect(readdirSync(place)).toContain('fleet-red');
    await Promise.all(fleets.map((fleet) => fleet!.close()));
  });
});

describe('a queue that does not answer', () => {
  const settings = tinySettings({ minutehand: { transports: { redis: { url: 'redis://:secret@127.0.0.1:1' } } } });
  const paths = homePaths({ MINUTEHAND_HOME: join(tmpdir(), 'minutehand-no-home') });

  it('is an error within seconds that shows no password', async () => {
    const env = { MINUTEHAND_QUEUE: 'bullmq', MINUTEHAND_BLOBS: folder };
    const error: unknown = await openFleet(settings, paths, env, 500).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'QUEUE_UNREACHABLE',
      seen: expect.stringContaining('redis://127.0.0.1:1') as string,
    });
    expect(String(error)).not.toContain('secret');
  });

  it('is none without MINUTEHAND_QUEUE, and a mistake where it is misspelt', async () => {
    expect(await openFleet(settings, paths, {})).toBeNull();
    await expect(openFleet(settings, paths, { MINUTEHAND_QUEUE: 'redis' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    await expect(openFleet(settings, paths, { MINUTEHAND_QUEUE: 'bullmq' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      seen: expect.stringContaining('MINUTEHAND_BLOBS is not set') as string,
    });
  });
});
