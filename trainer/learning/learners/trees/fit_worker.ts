import { parentPort } from 'node:worker_threads';
import { errorParts } from '../../../../shared/errors.ts';
import { runFit } from './fit.ts';
import type { WorkerAnswer, WorkerTask } from './fit_pool.ts';

/** A worker of the fit pool: one task in, its trees one by one, its model or error out. */
const port = parentPort!;
const print = (answer: WorkerAnswer): void => port.postMessage(answer);

port.on('message', ({ stop, ...task }: WorkerTask) => {
  const onTree = (done: number, total: number): void => {
    // Other engines report from a thread of theirs, where an error would end this one.
    if (task.engine === 'gbdt' && Atomics.load(stop, 0) === 1) throw new Error('the fit was aborted');
    print({ done, total });
  };
  runFit(task, onTree).then(
    (model) => print({ model }),
    (error: unknown) => print({ error: errorParts(error) }),
  );
});
