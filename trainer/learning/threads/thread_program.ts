import { parentPort } from 'node:worker_threads';
import { MinutehandError } from '../../../shared/errors.ts';
import type { TaskAnswer } from './thread_tasks.ts';

/**
 * Serves the tasks that a thread receives, one after the other. An error that is no `MinutehandError` ends the thread.
 * @param buffersOf memory of a result that is sent without a copy
 */
export function serveTasks<Task, Result>(
  work: (task: Task) => Result | Promise<Result>,
  buffersOf: (result: Result) => readonly ArrayBuffer[] = () => [],
): void {
  const port = parentPort!;
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
  port.on('message', (task: Task) => void answer(task));
}
