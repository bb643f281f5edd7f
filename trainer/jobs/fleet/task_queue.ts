import * as z from 'zod';
import type { KeptResult } from '../../../shared/blob/blobs.ts';
import type { FleetIdentity } from './fleet_identity.ts';
import type { Installation, SeenInstallation } from './installation.ts';
import type { TaskClass, TaskNeeds, WorkerMeans } from './task_needs.ts';

/** A piece of work without side effects: equal keys have equal results, whoever does it and how often. */
export interface QueuedTask {
  /** SHA-256 of everything that its result depends on. */
  readonly key: string;
  readonly needs: TaskNeeds;
  /** Urgent tasks precede all others. */
  readonly isUrgent: boolean;
  /** What the worker reads; JSON. */
  readonly payload: string;
}

export type TaskOutcome =
  | { readonly state: 'done' }
  /** It is not tried again: refused, or too many workers were lost over it. */
  | { readonly state: 'failed'; readonly error: { readonly code: string; readonly message: string } };

/** A task that a worker has. Only its present owner can end it: a late answer is refused. */
export interface Claim {
  readonly task: QueuedTask;
  /** From 1. */
  readonly attempt: number;
  /** Says that `done` of `total` rounds are done; no more often than once a second. */
  progress(done: number, total: number): Promise<void>;
  /** Renews the claim. @returns false: another has it now, or it was canceled */
  extend(): Promise<boolean>;
  /** Its result is kept among the blobs. @returns false: it is not this worker's any more */
  complete(): Promise<boolean>;
  /**
   * The next attempt begins no earlier than `QueueTiming.backoffMs` says.
   * @param mayRetry false for a refusal that would come again
   * @returns as `complete`
   */
  fail(error: { readonly code: string; readonly message: string }, mayRetry: boolean): Promise<boolean>;
}

export interface WorkerFacts extends WorkerMeans {
  readonly name: string;
  /** Tasks at the same time. */
  readonly slots: number;
}

/** A task that a worker does. */
export interface RunningTask {
  readonly key: string;
  readonly learner: string;
  /** Since it was begun, when the worker was last heard of. */
  readonly runningMs: number;
  /** Of its rounds that are done, 0 to 1; null: it has not said, or its worker is of an earlier version. */
  readonly share: number | null;
}

/** What a worker says of itself, every few seconds. */
export interface WorkerState {
  readonly identity: FleetIdentity;
  /** Tasks since it was started. */
  readonly done: number;
  readonly running: readonly RunningTask[];
  /** Of its machine; null: a worker of an earlier version, which does not say. */
  readonly cores: number | null;
  readonly freeMemoryMb: number | null;
}

export interface SeenWorker extends WorkerFacts, WorkerState {
  /** Since it was last heard of. */
  readonly silentMs: number;
  /** It was asked to end, and ends once its tasks are done. */
  readonly isEnding: boolean;
}

/** A task that was given up, and that nobody has asked for since. */
export interface FailedTask {
  readonly key: string;
  readonly learner: string;
  readonly error: { readonly code: string; readonly message: string };
  /** Since it was given up; null: it was by an earlier version, which did not note the time. */
  readonly agoMs: number | null;
}

/** A task that has failed, and waits for its next attempt. */
export interface TaskRetry {
  readonly key: string;
  readonly learner: string;
  /** The next one; from 2. */
  readonly attempt: number;
  /** Of the last one. */
  readonly error: { readonly code: string; readonly message: string };
  /** Until the next one, by the clock of the queue. */
  readonly inMs: number;
}

/** Receives how far a task is, whoever does it. */
export type OnTaskProgress = (done: number, total: number) => void;

/** What has happened to the tasks of a learner since the queue exists. A worker that is killed counts nothing. */
export interface TaskTotals {
  /** Done by a worker. */
  readonly finished: number;
  /** Given up: refused, or too many workers were lost. */
  readonly given_up: number;
  /** Begun once more, after an error or a lost worker. */
  readonly retried: number;
  /** Not done, since their result was there. */
  readonly known: number;
  /** Attempts that a worker has ended for their memory or time, and those whose child process ended. */
  readonly over_memory: number;
  readonly over_time: number;
  readonly child_lost: number;
  /** Of the workers' wall time for those that they have finished. */
  readonly seconds: number;
}

export const NO_TOTALS: TaskTotals = {
  finished: 0,
  given_up: 0,
  retried: 0,
  known: 0,
  over_memory: 0,
  over_time: 0,
  child_lost: 0,
  seconds: 0,
};

/** The tasks of a learner. */
export interface LearnerTasks {
  readonly learner: string;
  readonly waiting: number;
  readonly running: number;
  /** Given up, and not asked for again; the queue forgets them in time. */
  readonly failed: number;
  readonly totals: TaskTotals;
}

/** Tasks of one class that wait. */
export interface WaitingTasks {
  readonly needs: TaskClass;
  readonly waiting: number;
}

/** Two results of one task, which must be equal to the bit: one of the two makers is at fault. */
export interface TaskDifference {
  readonly key: string;
  readonly learner: string;
  /** The first result, which stays. */
  readonly kept: KeptResult;
  /** The later one, which nobody uses. */
  readonly other: KeptResult;
}

export interface SeenDifference extends TaskDifference {
  /** Since it was last reported, by the clock of the queue. */
  readonly agoMs: number;
}

/** Tasks between the trainer and its workers. One suite runs over all implementations. */
export interface TaskQueue {
  /** A task of a key that is waiting, running or done is joined. */
  enqueue(task: QueuedTask): Promise<void>;
  /**
   * Urgent tasks first, then the oldest. A task whose data this worker has not is left to one that has them, for
   * `QueueTiming.dataWaitMs` and no longer.
   * @param has hashes of the data that this worker has
   * @returns null: nothing that this worker can do
   */
  claim(worker: WorkerFacts, has?: ReadonlySet<string>): Promise<Claim | null>;
  /** @returns null: it is waiting or running, or unknown */
  outcome(key: string): Promise<TaskOutcome | null>;
  /** Resolves when a task of this key has ended. @throws the reason of the signal */
  settled(key: string, signal: AbortSignal, onProgress?: OnTaskProgress): Promise<TaskOutcome>;
  /** Removes a task: a worker that has it is told at its next `extend`. */
  remove(key: string): Promise<void>;
  /** By learner, in order of its name. */
  tasks(): Promise<readonly LearnerTasks[]>;
  /** By what they need; also those that wait for another attempt. */
  waiting(): Promise<readonly WaitingTasks[]>;
  /** Adds to the totals of a learner. */
  tally(learner: string, more: Partial<TaskTotals>): Promise<void>;
  /** Records two results of one task. The same two are recorded once. */
  report(difference: TaskDifference): Promise<void>;
  /** Newest first; no more than the last hundred. */
  differences(): Promise<readonly SeenDifference[]>;
  /** What could not be read in the last week, by place; no more than a hundred. Another side may have put it there. */
  aside(): Promise<readonly AsideEntry[]>;
  /** Newest first; no more than the last hundred. */
  failures(): Promise<readonly FailedTask[]>;
  /** Those that come next first; no more than a hundred. */
  retries(): Promise<readonly TaskRetry[]>;
  /** Puts a failed task in again, with all its attempts. @returns false: there is no failed task of that key */
  retry(key: string): Promise<boolean>;
  /** Deletes a failed task; the next training that needs it enqueues it again. @returns as `retry` */
  forget(key: string): Promise<boolean>;
  /** Says that this worker lives. @returns whether it was asked to end */
  greet(worker: WorkerFacts, state: WorkerState): Promise<boolean>;
  /** Asks a worker to end once its tasks are done. @returns false: it was not heard of within a minute */
  dismiss(worker: string): Promise<boolean>;
  /** Workers heard of within a minute. */
  workers(): Promise<readonly SeenWorker[]>;
  /** Says what a machine has. */
  announce(installation: Installation): Promise<void>;
  /** Those heard of within three minutes, by name. */
  installations(): Promise<readonly SeenInstallation[]>;
  /** That of the trainer who enqueues; set once per training. */
  lead(identity: FleetIdentity): Promise<void>;
  /** null: no trainer has enqueued yet. */
  leader(): Promise<FleetIdentity | null>;
  close(): Promise<void>;
}

export interface QueueTiming {
  /** A claim that is not extended within this time is another's. */
  readonly leaseMs: number;
  /** Attempts of a task, lost workers included. */
  readonly attempts: number;
  /** Longest wait before the second attempt, doubled for each further one; a random part, up to half, is left out. */
  readonly backoffMs: number;
  /** For which a task is left to workers that have its data. */
  readonly dataWaitMs: number;
}

/** A fit takes seconds to minutes; a worker extends its claim every third of this. */
export const QUEUE_TIMING: QueueTiming = { leaseMs: 30_000, attempts: 4, backoffMs: 5000, dataWaitMs: 250 };

/** Of the waits before further attempts: so much may be left out, so that not all tasks of an outage come at once. */
export const BACKOFF_JITTER = 0.5;

/** @param attempt the one that has failed, from 1 @returns ms until the next one */
export function backoffOf(attempt: number, { backoffMs }: Pick<QueueTiming, 'backoffMs'>): number {
  const most = backoffMs * 2 ** (attempt - 1);
  return most * (1 - BACKOFF_JITTER * Math.random());
}

/** Workers that were not heard of for longer are gone. */
export const WORKER_GONE_MS = 60_000;

/** Machines say what they have once a minute at the latest. */
export const INSTALLATION_GONE_MS = 180_000;

/** An entry of the queue that could not be read, and hides no other one any more. */
export interface AsideEntry {
  /** Key of the entry, or what it was of. */
  readonly place: string;
  /** Its beginning. */
  readonly text: string;
}

/** With its fields in one order, so that equal differences are equal texts. */
export function inOrder({ key, learner, kept, other }: TaskDifference): TaskDifference {
  const of = ({ hash, maker }: KeptResult): KeptResult => ({ hash, maker });
  return { key, learner, kept: of(kept), other: of(other) };
}

/** Adds to totals that are read by people: a queue that does not take them holds up no work. */
export async function tallyIfPossible(
  queue: Pick<TaskQueue, 'tally'>,
  learner: string,
  more: Partial<TaskTotals>,
): Promise<void> {
  await queue.tally(learner, more).catch(() => undefined);
}

/** Differences that a queue remembers. */
export const MOST_DIFFERENCES = 100;

const name = z.string().max(300);
const amount = z.number().min(0);
const errorSchema = z.object({ code: z.string().max(100), message: z.string() });
const identitySchema = z.object({
  version: name,
  code: name,
  node: z.number(),
  architecture: name,
}) satisfies z.ZodType<FleetIdentity>;
const workerSchema = z.looseObject({
  name,
  learners: z.array(name).max(1000),
  slots: amount,
  taskMemoryMb: amount.optional(),
  taskCores: amount.optional(),
  gpu: z.boolean().optional(),
  identity: identitySchema,
  done: amount,
  running: z
    .array(z.object({ key: name, learner: name, runningMs: z.number(), share: z.number().nullable().default(null) }))
    .max(10_000)
    .default([]),
  cores: z.number().nullable().default(null),
  freeMemoryMb: z.number().nullable().default(null),
});
const daemonSchema = z.object({
  shard: name,
  presence: z.enum(['up', 'mute', 'down']),
  role: z.enum(['active', 'standby']),
  hasStandby: z.boolean(),
  subjects: amount,
  degradations: z.array(z.string().max(1000)).max(1000),
  signalUs: z.number().nullable(),
  budgetMs: z.number(),
});
const installationSchema = z.object({
  name,
  host: name,
  market: name,
  identity: identitySchema,
  cores: amount,
  load: amount,
  freeMemoryMb: amount,
  hasTrainer: z.boolean().optional(),
  daemons: z.array(daemonSchema).max(1000),
});
const made = z.object({ hash: name, maker: name });
const differenceSchema = z.object({ key: name, learner: name, kept: made, other: made });
const needsSchema = z.object({
  learner: name,
  memoryMb: amount.optional(),
  cores: amount.optional(),
  gpu: z.boolean().optional(),
  data: z.array(name).max(1000).optional(),
});
const taskSchema = z.looseObject({ payload: z.string(), isUrgent: z.boolean(), needs: needsSchema });

/** A value of this form; null: it is that of a later version, of another program, or damaged. */
function readAs<Value>(schema: z.ZodType, value: unknown): Value | null {
  const parsed = schema.safeParse(value);
  return parsed.success ? (parsed.data as Value) : null;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/*
 * What others have put into the queue, as text. Everybody who reaches the queue can write to it: null is what cannot be
 * read. The queue sets it aside, so that one such entry hides no other.
 */

export const toldWorker = (text: string): (WorkerFacts & WorkerState) | null => readAs(workerSchema, jsonOf(text));
export const toldInstallation = (text: string): Installation | null => readAs(installationSchema, jsonOf(text));
export const toldIdentity = (text: string): FleetIdentity | null => readAs(identitySchema, jsonOf(text));
export const toldDifference = (text: string): TaskDifference | null => readAs(differenceSchema, jsonOf(text));
export const toldError = (text: string): FailedTask['error'] | null => readAs(errorSchema, jsonOf(text));
/** Of a task that a queue keeps as an object. */
export const toldTask = (value: unknown): Pick<QueuedTask, 'payload' | 'isUrgent' | 'needs'> | null =>
  readAs(taskSchema, value);

/** Failed tasks, and those that wait for another attempt, that are listed. */
export const MOST_FAILURES = 100;

/** A worker that was asked to end has read it by then, or is gone. */
export const DISMISSED_MS = 3_600_000;

/** Error of a task whose workers were lost, one after the other. */
export const LOST_WORKERS = {
  code: 'TASK_LOST',
  message: '',
};
