import { parentPort } from 'node:worker_threads';
import { MinutehandError } from '../../../shared/errors.ts';
import { collectionOf } from '../../../shared/process/collection.ts';
import type { TaskAnswer } from './thread_tasks.ts';

export interface ServedTasks<Result> {
  /** Memory of a result that is sent without a copy. */
  buffersOf?(result: Result): readonly ArrayBuffer[];
  /** Whether a task leaves so much memory to garbage collection that it is given back before the next one. */
  readonly collects?: boolean;
}

/** Serves the tasks that a thread receives, one after the other. It ends with an error other than `MinutehandError`. */
export function serveTasks<Task, Result>(
  work: (task: Task) => Result | Promise<Result>,
  { buffersOf = () => [], collects = false }: ServedTasks<Result> = {},
): void {
  const port = parentPort!;
  const collect = collects ? collectionOf('major') : () => undefined;
  const answer = async (task: Task): Promise<void> => {
    let answered: TaskAnswer<Result>;
    let buffers: readonly ArrayBuffer[] = [];
    try {
      const result = await work(task);
      answered = { result };
      buffers = buffersOf(result);
    } catch (error) {
      if (!(error instanceof MinutehandError)) throw error;
      answered = { refusal: { code: error.code, detail: error.detail } };
    }
    port.postMessage(answered, buffers);
  };
  // Of a task nothing is reachable any more once its promise is settled.
  port.on('message', (task: Task) => void answer(task).then(collect));
}
