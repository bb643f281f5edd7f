import { MinutehandError } from '../../../shared/errors.ts';
import type { TaskQueue } from './task_queue.ts';

/** Puts a failed task in again. @throws MinutehandError TASK_UNKNOWN */
export async function retryTask(queue: TaskQueue, key: string): Promise<void> {
  if (!(await queue.retry(key))) throw new MinutehandError('TASK_UNKNOWN', { seen: key });
}

/** Drops a failed task. @throws MinutehandError TASK_UNKNOWN */
export async function forgetTask(queue: TaskQueue, key: string): Promise<void> {
  if (!(await queue.forget(key))) throw new MinutehandError('TASK_UNKNOWN', { seen: key });
}

/** Asks a worker to end once its tasks are done. @throws MinutehandError WORKER_UNKNOWN */
export async function endWorker(queue: TaskQueue, worker: string): Promise<void> {
  if (await queue.dismiss(worker)) return;
  const known = (await queue.workers()).map(({ name }) => name);
  throw new MinutehandError('WORKER_UNKNOWN', {
    seen: worker,
    expected: known.length === 0 ? 'a worker; none was heard of within a minute' : known.join(', '),
  });
}
