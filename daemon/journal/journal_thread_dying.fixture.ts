/** As journal_thread_program.ts, but the thread dies when it has stored DIE_AFTER batches, before it answers. */
import { parentPort, workerData } from 'node:worker_threads';
import { openJournal } from '../../shared/store/journal.ts';
import { doTask, type JournalTask, type JournalThreadData } from './journal_thread.ts';

const port = parentPort!;
const store = openJournal((workerData as JournalThreadData).path);
let left = Number(process.env['DIE_AFTER']);
port.on('message', (task: JournalTask) => {
  if (task.kind !== 'write') return port.postMessage(doTask(store, task));
  const answer = doTask(store, { kind: 'write', batches: task.batches.slice(0, left) });
  left -= task.batches.length;
  if (left > 0) return port.postMessage(answer);
  throw new Error('out of memory');
});
