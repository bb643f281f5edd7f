import '../../shared/low_priority.ts';
import { parentPort, workerData } from 'node:worker_threads';
import { restBeforeEnd } from '../../shared/thread_end.ts';
import type { LoadTask } from './model_loader.ts';

/** Prepares one bundle, hands its tables over without copying them, and ends. */
// Imported late: modules are read and compiled before the first of them runs, and by then the priority is to be low.
const { answerTask, tablesOf } = await import('./model_loader.ts');
const answer = await answerTask(workerData as LoadTask);
parentPort!.postMessage(answer, tablesOf(answer));
restBeforeEnd();
