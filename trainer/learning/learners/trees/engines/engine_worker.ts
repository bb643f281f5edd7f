import { parentPort, workerData } from 'node:worker_threads';
import type { EngineJob } from './engine_job.ts';
import { answerJob } from './engine_thread.ts';

/** A learning thread: one job in, its rounds, its model or error out. */
const port = parentPort!;
answerJob(workerData as EngineJob, (answer) => port.postMessage(answer));
