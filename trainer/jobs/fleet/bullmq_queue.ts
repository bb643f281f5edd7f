import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, QueueEvents, UnrecoverableError, Worker, type ConnectionOptions, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import { oneLine } from '../../../shared/one_line.ts';
import { describeError } from '../../../shared/errors.ts';
import { redisAddress } from '../../../shared/redis/redis_address.ts';
import { isRefusalOfReplica } from '../../../shared/redis/redis_role.ts';
import type { SeenInstallation } from './installation.ts';
import { classNameOf, classOf, isClassName, lackedFor } from './task_needs.ts';
import {
  BACKOFF_JITTER,
  DISMISSED_MS,
  inOrder,
  INSTALLATION_GONE_MS,
  LOST_WORKERS,
  MOST_DIFFERENCES,
  MOST_FAILURES,
  NO_TOTALS,
  QUEUE_TIMING,
  WORKER_GONE_MS,
  type Claim,
  type FailedTask,
  type LearnerTasks,
  type OnTaskProgress,
  type QueuedTask,
  type QueueTiming,
  type SeenWorker,
  type TaskOutcome,
  type TaskQueue,
  type TaskRetry,
  type WaitingTasks,
  type WorkerFacts,
  toldDifference,
  toldError,
  toldIdentity,
  toldInstallation,
  toldTask,
  toldWorker,
} from './task_queue.ts';

/**
 * One queue for each class of tasks: BullMQ gives a worker whatever comes next, and not every worker can do all. Names
 * are those of `classNameOf`.
 */
type Payload = Pick<QueuedTask, 'payload' | 'isUrgent' | 'needs'>;

/** Events are lost while Redis fails over: the state is asked for as well. */
const LOOK_MS = 2000;
/** Of saying farewell to the server. */
const CLOSE_MS = 2000;
/** Delayed jobs are sorted by their time in ms times this, plus a number. */
const DELAYED_UNIT = 0x1000;
/** States of a job that waits, by BullMQ's names. */
const WAITING = ['wait', 'prioritized', 'delayed'] as const;
/** Of entries that cannot be read: how long they are kept, and how much of each. */
const MOST_ASIDE = 100;
const ASIDE_MS = 7 * 86_400_000;
const SHOWN_PLACE = 300;
const KEPT_TEXT = 2000;
const URGENT_PRIORITY = 1;
const PRIORITY = 10;
/** A result is among the blobs; its job is only remembered so that the same task is joined. */
const REMEMBER = { age: 3600, count: 10_000 };

/**
 * Tasks in Redis by BullMQ (https://docs.bullmq.io/patterns/manually-fetching-jobs), for workers on any machine. A
 * claim is BullMQ's lock: the server's clock ends it, and whoever lost it cannot end the job.
 */
export function bullmqQueue(
  url: string,
  caFile: string | null,
  { leaseMs, attempts, backoffMs, dataWaitMs }: QueueTiming = QUEUE_TIMING,
  fleetName: string | null = null,
): TaskQueue {
  const prefix = prefixOf(fleetName);
  /** Fields are a learner and the name of a total. */
  const totalsKey = `${prefix}:totals`;
  /** Names of all queues that a task was ever put into. */
  const classesKey = `${prefix}:classes`;
  /** Sorted by the server's time, in ms. */
  const differencesKey = `${prefix}:differences`;
  const options = connectionOptions(url, caFile);
  const redis = new Redis(options);
  redis.on('error', () => undefined);
  const queues = new Map<string, Queue>();
  const events = new Map<string, QueueEvents>();
  const workers = new Map<string, Worker>();
  const ofQueue = <Kind extends { on(event: 'error', listener: () => void): unknown }>(
    known: Map<string, Kind>,
    name: string,
    make: () => Kind,
  ): Kind => {
    const found = known.get(name) ?? make();
    // Connections are made again by themselves; the caller sees what stays undone.
    if (!known.has(name)) found.on('error', () => undefined);
    known.set(name, found);
    return found;
  };
  // BullMQ's own types of ioredis' options lack `undefined`.
  const common = { connection: options as ConnectionOptions, prefix };
  const queueOf = (name: string): Queue => ofQueue(queues, name, () => new Queue(name, common));
  const eventsOf = (name: string): QueueEvents => ofQueue(events, name, () => new QueueEvents(name, common));

  async function workerOf(name: string): Promise<Worker> {
    const isNew = !workers.has(name);
    const worker = ofQueue(
      workers,
      name,
      () =>
        new Worker(name, null, {
          ...common,
          autorun: false,
          lockDuration: leaseMs,
          stalledInterval: leaseMs,
          maxStalledCount: attempts - 1,
        }),
    );
    if (isNew) {
      await worker.waitUntilReady();
      await worker.startStalledCheckTimer();
    }
    return worker;
  }

  /** What cannot be read goes there, by its place, for a person to look at; it hides no other entry any more. */
  const asideKey = `${prefix}:aside`;
  async function setAside(place: string, text: string, removal: () => Promise<unknown>): Promise<void> {
    // Where two sides see it at the same time, both keep the same. A flood of them is not kept.
    if ((await redis.hlen(asideKey)) >= MOST_ASIDE) return void (await removal());
    await redis
      .multi()
      .hset(asideKey, place.slice(0, SHOWN_PLACE), text.slice(0, KEPT_TEXT))
      .pexpire(asideKey, ASIDE_MS)
      .exec();
    await removal();
  }

  async function knownClasses(): Promise<string[]> {
    const names = (await redis.smembers(classesKey)).sort();
    for (const name of names.filter((one) => !isClassName(one)))
      await setAside(`class ${name}`, name, () => redis.srem(classesKey, name));
    return names.filter(isClassName);
  }

  /** The queues that tasks were put into by this side, by the key of the task. */
  const names = new Map<string, string>();

  async function jobOf(key: string): Promise<Job | undefined> {
    const name = names.get(key);
    return name === undefined ? undefined : await queueOf(name).getJob(key);
  }

  async function add(name: string, key: string, payload: Payload): Promise<void> {
    await queueOf(name).add('fit', payload, {
      jobId: key,
      attempts,
      backoff: { type: 'exponential', delay: backoffMs, jitter: BACKOFF_JITTER },
      priority: payload.isUrgent ? URGENT_PRIORITY : PRIORITY,
      removeOnComplete: REMEMBER,
      removeOnFail: REMEMBER,
    });
  }

  const payloads = new Map<string, Payload>();

  /** A task that is gone, such as from a Redis that was emptied, would be waited for without end. */
  async function addAgain(key: string): Promise<void> {
    const [name, payload] = [names.get(key), payloads.get(key)];
    if (name === undefined || payload === undefined) return;
    try {
      if ((await jobOf(key)) !== undefined) return;
      await Promise.all([add(name, key, payload), redis.sadd(classesKey, name)]);
    } catch {
      // A server that is away is asked again.
      return;
    }
    process.stderr.write(`Task ${key} was gone from the queue, and was added again. Was Redis emptied?\n`);
  }

  /** What waits first in each queue, by its name, and since when this side knows it. */
  const heads = new Map<string, { readonly key: string; readonly seenMs: number }>();

  /** The queues that a worker can do tasks of: those whose first task is urgent come first, then the oldest. */
  async function queuesFor(worker: WorkerFacts, has: ReadonlySet<string>): Promise<string[]> {
    const able = (await knownClasses()).filter((name) => lackedFor(classOf(name), worker).length === 0);
    const found = await Promise.all(
      able.map(async (name) => {
        const [head] = (await queueOf(name).getJobs(['wait', 'prioritized'], 0, 0, true)) as (Job | undefined)[];
        return { name, head };
      }),
    );
    const rank = ({ head }: { readonly head: Job | undefined }): number => head?.priority ?? PRIORITY;
    return found
      .filter(({ name, head }) => head === undefined || !isLeft(name, head, has))
      .sort((a, b) => rank(a) - rank(b) || (a.head?.timestamp ?? 0) - (b.head?.timestamp ?? 0))
      .map(({ name }) => name);
  }

  /** Whether a task is left to workers that have its data. */
  function isLeft(name: string, { id, data }: Job, has: ReadonlySet<string>): boolean {
    const known = heads.get(name);
    const seenMs = known?.key === id ? known!.seenMs : performance.now();
    heads.set(name, { key: id!, seenMs });
    // One that cannot be read is nobody's: whoever comes first says so.
    const needs = toldTask(data)?.needs;
    return needs?.data?.some((hash) => !has.has(hash)) === true && performance.now() - seenMs < dataWaitMs;
  }

  const installationPrefix = `${prefix}:installation:`;
  const workerKey = (worker: string): string => `${prefix}:worker:${worker}`;
  const dismissedKey = (worker: string): string => `${prefix}:dismissed:${worker}`;

  /** Of whatever learner, also one that this side has put nothing in for. */
  async function failedJob(key: string): Promise<Job | null> {
    for (const name of await knownClasses()) {
      const job = (await queueOf(name).getJob(key)) as Job | undefined;
      if (job !== undefined && (await job.getState()) === 'failed') return job;
    }
    return null;
  }

  async function outcome(key: string, onProgress: OnTaskProgress = () => undefined): Promise<TaskOutcome | null> {
    const job = await jobOf(key);
    const progress = progressOf(job?.progress);
    if (progress !== null) onProgress(...progress);
    const state = await job?.getState();
    if (state === 'completed') return { state: 'done' };
    if (state !== 'failed') return null;
    return { state: 'failed', error: errorOf(job!.failedReason) };
  }

  function claimOf(job: Job, token: string): Claim {
    const { payload, isUrgent, needs } = job.data as Payload;
    const attempt = attemptOf(job);
    /** @returns false when the lock is another's, or the job is gone */
    const owned = async (act: () => Promise<unknown>): Promise<boolean> => {
      try {
        await act();
        return true;
      } catch (error) {
        if (isLostLock(describeError(error).message)) return false;
        throw error;
      }
    };
    return {
      task: { key: job.id!, needs, isUrgent, payload },
      attempt,
      progress: (done, total) => job.updateProgress([done, total]),
      extend: async () => (await job.extendLock(token, leaseMs)) === 1,
      complete: () => owned(() => job.moveToCompleted('', token, false)),
      fail(error, mayRetry) {
        const text = JSON.stringify(error);
        const isLast = !mayRetry || attempt >= attempts;
        return owned(() => job.moveToFailed(isLast ? new UnrecoverableError(text) : new Error(text), token, false));
      },
    };
  }

  return {
    async enqueue({ key, needs, isUrgent, payload }) {
      const name = classNameOf(needs);
      names.set(key, name);
      payloads.set(key, { payload, isUrgent, needs });
      const [known] = await Promise.all([queueOf(name).getJob(key), redis.sadd(classesKey, name)]);
      if (known !== undefined) {
        const state = await known.getState();
        if (state === 'failed') await known.remove();
        else {
          if (isUrgent && (state === 'waiting' || state === 'prioritized'))
            await known.changePriority({ priority: URGENT_PRIORITY });
          return;
        }
      }
      await add(name, key, { payload, isUrgent, needs });
    },
    async claim(worker, has = new Set()) {
      for (const name of await queuesFor(worker, has)) {
        const token = randomBytes(16).toString('hex');
        const found = await workerOf(name);
        for (;;) {
          const job = (await found.getNextJob(token, { block: false })) as Job | undefined;
          if (job === undefined) break;
          const isReadable = toldTask(job.data) !== null;
          if (!job.deferredFailure && isReadable) return claimOf(job, token);
          const unreadable = { code: 'TASK_UNREADABLE', message: `task ${job.id ?? ''} of the queue ${name}` };
          if (!isReadable) {
            await job.moveToFailed(new UnrecoverableError(JSON.stringify(unreadable)), token, false);
            continue;
          }
          // BullMQ has marked a job that lost too many workers, and leaves it to the next one to say so.
          await job.moveToFailed(new UnrecoverableError(''), token, false);
        }
      }
      return null;
    },
    outcome: (key) => outcome(key),
    async settled(key, signal, onProgress = () => undefined) {
      const source = eventsOf(names.get(key)!);
      let wake: () => void = () => undefined;
      const onEnd = ({ jobId }: { jobId: string }): void => {
        if (jobId === key) wake();
      };
      let told: string | null = null;
      const tell: OnTaskProgress = (done, total) => {
        if (told === `${done} ${total}`) return;
        told = `${done} ${total}`;
        onProgress(done, total);
      };
      const onRound = ({ jobId, data }: { jobId: string; data: unknown }): void => {
        const progress = progressOf(data);
        if (jobId === key && progress !== null) tell(...progress);
      };
      source.on('completed', onEnd).on('failed', onEnd).on('progress', onRound);
      const onAbort = (): void => wake();
      signal.addEventListener('abort', onAbort);
      try {
        for (;;) {
          signal.throwIfAborted();
          const ended = new Promise<void>((resolve) => (wake = resolve));
          const found = await outcome(key, tell).catch(() => null);
          if (found !== null) return found;
          await addAgain(key);
          await Promise.race([ended, sleep(LOOK_MS)]);
        }
      } finally {
        source.off('completed', onEnd).off('failed', onEnd).off('progress', onRound);
        signal.removeEventListener('abort', onAbort);
      }
    },
    async remove(key) {
      payloads.delete(key);
      const job = await jobOf(key);
      // A job that a worker has is locked: the lock is taken away first, and the worker is told when it extends it.
      await redis.del(`${prefix}:${names.get(key) ?? ''}:${key}:lock`);
      await job?.remove().catch(() => undefined);
    },
    async tasks() {
      const totals = new Map<string, Record<string, number>>();
      for (const [field, value] of Object.entries(await redis.hgetall(totalsKey))) {
        const [learner = '', what = ''] = field.split(' ');
        if (!(what in NO_TOTALS) || !Number.isFinite(Number(value))) continue;
        totals.set(learner, { ...totals.get(learner), [what]: Number(value) });
      }
      const counts = new Map<string, Pick<LearnerTasks, 'waiting' | 'running' | 'failed'>>();
      for (const name of await knownClasses()) {
        const { learner } = classOf(name);
        const own = counts.get(learner) ?? { waiting: 0, running: 0, failed: 0 };
        const { active = 0, failed = 0, ...waiting } = await queueOf(name).getJobCounts(...WAITING, 'active', 'failed');
        counts.set(learner, {
          waiting: own.waiting + sumOf(waiting),
          running: own.running + active,
          failed: own.failed + failed,
        });
      }
      return [...new Set([...totals.keys(), ...counts.keys()])].sort().flatMap((learner): LearnerTasks[] => {
        const { waiting, running, failed } = counts.get(learner) ?? { waiting: 0, running: 0, failed: 0 };
        // Nothing of it is left, and nothing was counted.
        if (waiting + running + failed === 0 && !totals.has(learner)) return [];
        return [{ learner, waiting, running, failed, totals: { ...NO_TOTALS, ...totals.get(learner) } }];
      });
    },
    async waiting() {
      const all: WaitingTasks[] = [];
      for (const name of await knownClasses()) {
        const waiting = sumOf(await queueOf(name).getJobCounts(...WAITING));
        if (waiting > 0) all.push({ needs: classOf(name), waiting });
      }
      return all;
    },
    async tally(learner, more) {
      const changes = redis.multi();
      for (const [what, value] of Object.entries(more)) changes.hincrbyfloat(totalsKey, `${learner} ${what}`, value);
      await changes.exec();
    },
    async report(difference) {
      await redis
        .multi()
        .zadd(differencesKey, await nowMs(redis), JSON.stringify(inOrder(difference)))
        .zremrangebyrank(differencesKey, 0, -1 - MOST_DIFFERENCES)
        .exec();
    },
    async differences() {
      const [now, found] = await Promise.all([nowMs(redis), redis.zrevrange(differencesKey, 0, -1, 'WITHSCORES')]);
      return found.flatMap((text, at) => {
        // Texts and their times by turns.
        if (at % 2 === 1) return [];
        const read = toldDifference(text);
        return read === null ? [] : [{ ...read, agoMs: now - Number(found[at + 1]) }];
      });
    },
    async aside() {
      const found = Object.entries(await redis.hgetall(asideKey)).sort(([a], [b]) => (a < b ? -1 : 1));
      return found.map(([place, text]) => ({ place: oneLine(place), text: oneLine(text) }));
    },
    async failures() {
      const now = await nowMs(redis);
      const all: FailedTask[] = [];
      for (const name of await knownClasses()) {
        const { learner } = classOf(name);
        // Newest first, of each queue.
        const jobs = (await queueOf(name).getFailed(0, MOST_FAILURES - 1)) as (Job | undefined)[];
        for (const job of jobs) {
          // Removed meanwhile.
          if (job === undefined) continue;
          const { id, failedReason, finishedOn } = job;
          const agoMs = finishedOn === undefined ? null : now - finishedOn;
          all.push({ key: id!, learner, error: errorOf(failedReason), agoMs });
        }
      }
      return all.sort((a, b) => (a.agoMs ?? 0) - (b.agoMs ?? 0)).slice(0, MOST_FAILURES);
    },
    async retries() {
      const now = await nowMs(redis);
      const all: TaskRetry[] = [];
      for (const name of await knownClasses()) {
        const { learner } = classOf(name);
        const delayed = await redis.zrange(`${prefix}:${name}:delayed`, 0, `${MOST_FAILURES - 1}`, 'WITHSCORES');
        for (let at = 0; at < delayed.length; at += 2) {
          const job = (await queueOf(name).getJob(delayed[at]!)) as Job | undefined;
          const inMs = Math.floor(Number(delayed[at + 1]) / DELAYED_UNIT) - now;
          // Begun or removed meanwhile.
          if (job === undefined || inMs <= 0) continue;
          all.push({ key: job.id!, learner, attempt: attemptOf(job), error: errorOf(job.failedReason), inMs });
        }
      }
      return all.sort((a, b) => a.inMs - b.inMs).slice(0, MOST_FAILURES);
    },
    async retry(key) {
      const job = await failedJob(key);
      if (job === null) return false;
      // BullMQ's own way back keeps the count of lost workers.
      await job.remove();
      await add(job.queueName, key, job.data as Payload);
      return true;
    },
    async forget(key) {
      const job = await failedJob(key);
      await job?.remove();
      return job !== null;
    },
    async greet(worker, state) {
      const told = JSON.stringify({ ...worker, ...state });
      await redis.set(workerKey(worker.name), told, 'PX', WORKER_GONE_MS);
      return (await redis.exists(dismissedKey(worker.name))) === 1;
    },
    async dismiss(worker) {
      if ((await redis.exists(workerKey(worker))) === 0) return false;
      await redis.set(dismissedKey(worker), '1', 'PX', DISMISSED_MS);
      return true;
    },
    async workers() {
      const seen: SeenWorker[] = [];
      for (const key of (await keysOf(redis, `${prefix}:worker:*`)).sort()) {
        const [told, leftMs] = await Promise.all([redis.get(key), redis.pttl(key)]);
        if (told === null) continue;
        const worker = toldWorker(told);
        if (worker === null) {
          await setAside(key, told, () => redis.del(key));
          continue;
        }
        const isEnding = (await redis.exists(dismissedKey(worker.name))) === 1;
        seen.push({ ...worker, silentMs: WORKER_GONE_MS - leftMs, isEnding });
      }
      return seen;
    },
    async announce(installation) {
      const key = `${installationPrefix}${installation.name}`;
      await redis.set(key, JSON.stringify(installation), 'PX', INSTALLATION_GONE_MS);
    },
    async installations() {
      const seen: SeenInstallation[] = [];
      for (const key of (await keysOf(redis, `${installationPrefix}*`)).sort()) {
        const [told, leftMs] = await Promise.all([redis.get(key), redis.pttl(key)]);
        if (told === null) continue;
        const installation = toldInstallation(told);
        if (installation === null) await setAside(key, told, () => redis.del(key));
        else seen.push({ ...installation, silentMs: INSTALLATION_GONE_MS - leftMs });
      }
      return seen;
    },
    async lead(identity) {
      await redis.set(`${prefix}:leader`, JSON.stringify(identity));
    },
    async leader() {
      const text = await redis.get(`${prefix}:leader`);
      return text === null ? null : toldIdentity(text);
    },
    async close() {
      const closing: Promise<void>[] = [];
      // A server that is away answers no farewell, which BullMQ would wait for.
      const isAway = redis.status !== 'ready';
      for (const worker of workers.values()) closing.push(worker.close(isAway));
      for (const one of [...events.values(), ...queues.values()]) closing.push(isAway ? one.disconnect() : one.close());
      const closed = new AbortController();
      const late = sleep(CLOSE_MS, undefined, { signal: closed.signal }).catch(() => undefined);
      await Promise.race([Promise.allSettled(closing), late]);
      closed.abort();
      for (const one of [...workers.values(), ...events.values(), ...queues.values()])
        void one.disconnect().catch(() => undefined);
      redis.disconnect();
    },
  };
}

/**
 * Of all keys, within `minutehand:*`, which the delivered ACL gives to minutehand. No prefix is the beginning of
 * another's keys, so that nobody lists what another fleet has.
 */
function prefixOf(fleetName: string | null): string {
  return fleetName === null ? 'minutehand:fleet' : `minutehand:fleet-${fleetName}`;
}

function connectionOptions(url: string, caFile: string | null) {
  return {
    ...redisAddress(url, caFile),
    // A worker waits for a server that is restarted; BullMQ asks for null where it blocks.
    maxRetriesPerRequest: null,
    retryStrategy: (tries: number) => Math.min(100 * 2 ** Math.min(tries, 6), 5000),
    // After a failover the old connection still reaches the former primary: connect again, and send the command again.
    reconnectOnError: ({ message }: Error) => (isRefusalOfReplica(message) ? (2 as const) : false),
    connectionName: 'minutehand-fleet',
  };
}

/** How far a task is, as a worker has said; null: not so. */
function progressOf(told: unknown): [number, number] | null {
  const isPair = Array.isArray(told) && told.length === 2 && told.every(Number.isFinite) && Number(told[1]) > 0;
  return isPair ? (told as [number, number]) : null;
}

/** The one that is running, or comes next, from 1; lost workers are counted. */
function attemptOf({ attemptsMade, stalledCounter }: Job): number {
  return attemptsMade + stalledCounter + 1;
}

/** Messages of BullMQ 6: https://github.com/taskforcesh/bullmq/blob/master/src/enums/error-code.ts */
function isLostLock(message: string): boolean {
  return /lock|Missing key for job|not in the active state|Job .* is not in/i.test(message);
}

function errorOf(text: string | undefined): { code: string; message: string } {
  // BullMQ's own reason: `job stalled more than allowable limit`.
  return toldError(text ?? '') ?? LOST_WORKERS;
}

async function nowMs(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Number(microseconds) / 1000;
}

async function keysOf(redis: Redis, pattern: string): Promise<string[]> {
  const found: string[] = [];
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 200);
    found.push(...keys);
    cursor = next;
  } while (cursor !== '0');
  return found;
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
