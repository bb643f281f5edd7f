import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { embeddedQueue } from '../trainer/jobs/fleet/embedded_queue.ts';
import type { TaskQueue, WorkerFacts } from '../trainer/jobs/fleet/task_queue.ts';
import { startRedis } from './end_to_end/process.ts';
import { percentiles, type Percentiles } from './percentiles.ts';
import { openTemporaryFolder } from './temporary_folder.ts';

const TASKS = 2000;
const WARM_UP = 100;
const WORKER: WorkerFacts = { name: 'bench', learners: ['gbdt'], slots: 1 };
/** As long as the request of a fit. */
const PAYLOAD = JSON.stringify({ text: 'x'.repeat(1000) });

export interface QueueOverhead {
  readonly tasks: number;
  /** ms from the request to enqueue a task that takes no time until its outcome is known: all that the queue adds. */
  readonly task_ms: Percentiles;
  /** ms of each of its steps. */
  readonly enqueue_ms: Percentiles;
  readonly claim_ms: Percentiles;
  readonly complete_ms: Percentiles;
  readonly outcome_ms: Percentiles;
}

export interface QueueResult {
  readonly embedded: QueueOverhead;
  /** null: no Redis server is installed. */
  readonly bullmq: QueueOverhead | null;
}

/** What a queue of fits adds to each: one task after the other, by one process that is trainer and worker. */
export async function benchQueue(print: (line: string) => void, tasks = TASKS): Promise<QueueResult> {
  const folder = openTemporaryFolder('queue');
  print(`queue, embedded, ${tasks} tasks …`);
  const embedded = await overhead(embeddedQueue(join(folder.path, 'queue.db')), tasks).finally(() => folder.remove());
  const server = await startRedis();
  if (server === null) {
    print('queue: BullMQ is not measured, because redis-server is not installed');
    return { embedded, bullmq: null };
  }
  try {
    print(`queue, BullMQ, ${tasks} tasks …`);
    // An optional package.
    const { bullmqQueue } = await import('../trainer/jobs/fleet/bullmq_queue.ts');
    return { embedded, bullmq: await overhead(bullmqQueue(server.url, null), tasks) };
  } finally {
    await server.end();
  }
}

async function overhead(queue: TaskQueue, tasks: number): Promise<QueueOverhead> {
  const steps = { task: [], enqueue: [], claim: [], complete: [], outcome: [] } as Record<Step, number[]>;
  try {
    for (let number = 0; number < WARM_UP + tasks; number++) {
      const times = await oneTask(queue, number);
      if (number < WARM_UP) continue;
      for (const [step, ms] of Object.entries(times)) steps[step as Step].push(ms);
    }
  } finally {
    await queue.close();
  }
  return {
    tasks,
    task_ms: percentiles(steps.task),
    enqueue_ms: percentiles(steps.enqueue),
    claim_ms: percentiles(steps.claim),
    complete_ms: percentiles(steps.complete),
    outcome_ms: percentiles(steps.outcome),
  };
}

type Step = 'task' | 'enqueue' | 'claim' | 'complete' | 'outcome';

/** @throws Error when the queue does not give the task, or does not take its end */
async function oneTask(queue: TaskQueue, number: number): Promise<Record<Step, number>> {
  const key = createHash('sha256').update(String(number)).digest('hex');
  const began = performance.now();
  await queue.enqueue({ key, needs: { learner: 'gbdt' }, isUrgent: false, payload: PAYLOAD });
  const enqueued = performance.now();
  const claim = await queue.claim(WORKER);
  const claimed = performance.now();
  if (claim?.task.key !== key || !(await claim.complete())) throw new Error(`task ${number} was not done`);
  const completed = performance.now();
  const outcome = await queue.outcome(key);
  const ended = performance.now();
  if (outcome?.state !== 'done') throw new Error(`task ${number} has no outcome`);
  return {
    task: ended - began,
    enqueue: enqueued - began,
    claim: claimed - enqueued,
    complete: completed - claimed,
    outcome: ended - completed,
  };
}
