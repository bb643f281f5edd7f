import { constants, getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { lookAtModels, type LookTask } from './look.ts';

/*
 * Bars, and the trainer's own answers, come before a look. Only on Linux is a priority that of a thread; elsewhere it is that of the whole process.
 */
if (process.platform === 'linux') {
  try {
    setPriority(Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL));
  } catch {
    // A courtesy that the machine may refuse.
  }
}

/** One look: its task in, its report out. */
parentPort!.postMessage(await lookAtModels(workerData as LookTask));
