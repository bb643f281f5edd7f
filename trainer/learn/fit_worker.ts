import { parentPort } from 'node:worker_threads';
import { describeError } from '../../shared/errors.ts';
import { runFit } from './fit.ts';
import type { FitTask, WorkerAnswer } from './fit_pool.ts';

/** A worker of the fit pool: one task in, its trees one by one, its ensemble or error out. */
const port = parentPort!;
const say = (answer: WorkerAnswer): void => port.postMessage(answer);

port.on('message', (task: FitTask) => {
  try {
    say({ ensemble: runFit(task, (done, total) => say({ done, total })) });
  } catch (error) {
    say({ error: describeError(error) });
  }
});
