import '../../shared/low_priority.ts';
import { parentPort, workerData } from 'node:worker_threads';
import { MinutehandError } from '../../shared/errors.ts';
import { openJournal, type JournalFile } from '../../shared/store/journal.ts';
import { scheduleAsBatch } from '../threads/batch_thread.ts';
import { doTask, type JournalTask, type JournalTaskAnswer, type JournalThreadData } from './journal_thread.ts';

/**
 * The thread of journal_thread.ts: executes tasks in order. At normal priority Linux lets it preempt the main
 * thread, which has just woken it, until the commit is done.
 */
const port = parentPort!;
// Nor does it preempt the consumers that a signal has woken.
scheduleAsBatch();
const { path } = workerData as JournalThreadData;
let store: JournalFile | null = null;
try {
  store = openJournal(path);
} catch {
  // The first task tries again, and reports it.
}

function answer(task: JournalTask): JournalTaskAnswer {
  try {
    store ??= openJournal(path);
  } catch (error) {
    if (!(error instanceof MinutehandError)) throw error;
    return { done: 0, refusal: error.toJSON() };
  }
  return doTask(store, task);
}

port.on('message', (task: JournalTask) => {
  port.postMessage(answer(task));
  if (task.kind === 'close') port.close();
});
