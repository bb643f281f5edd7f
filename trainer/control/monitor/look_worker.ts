import '../../../shared/low_priority.ts';
import { parentPort, workerData } from 'node:worker_threads';
import { restBeforeEnd } from '../../../shared/thread_end.ts';
import { lookAtModels, type LookTask } from './look.ts';

/** One look: its task in, its report out. */
parentPort!.postMessage(await lookAtModels(workerData as LookTask));
restBeforeEnd();
