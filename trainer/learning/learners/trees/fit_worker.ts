import { parentPort } from 'node:worker_threads';
import { describeError } from '../../../../shared/errors.ts';
import { runFit, type FitTask } from './fit.ts';
import type { WorkerAnswer } from './fit_pool.ts';

/** A worker of the fit pool: one task in, its trees one by one, its model or error out. */
const port = parentPort!;
const print = (answer: WorkerAnswer): void => port.postMessage(answer);

port.on('message', (task: FitTask) => {
  runFit(task, (done, total) => print({ done, total })).then(
    (model) => print({ model }),
    (error: unknown) => print({ error: describeError(error) }),
  );
});
