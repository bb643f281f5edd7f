import '../../../shared/low_priority.ts';
import { parentPort, workerData } from 'node:worker_threads';
import { REST_MS } from '../../../shared/thread_end.ts';
import { lookAtModels, type LookTask } from './look.ts';

/** One look: its task in, its report out. */
parentPort!.postMessage(await lookAtModels(workerData as LookTask));
// Not before V8 has compiled what it began: see shared/thread_end.ts.
setTimeout(() => undefined, REST_MS);
