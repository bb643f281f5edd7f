import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { MinutehandError } from '../../../../../shared/errors.ts';
import { packageRoot } from '../../../../../shared/root.ts';
import type { TreeModel } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { OnRound } from './boost.ts';
import type { PreparedFit } from './fit.ts';
import { DONE, PHASE, STOP } from './layout.ts';
import type { ThreadAnswer, ThreadTask } from './thread.ts';
import { kernelModule } from './webassembly.ts';

/** Beside the compiled kernel, so that sources and built code start the same threads. */
const THREAD_FILE = 'dist/trainer/learning/learners/trees/kernel/thread.js';

/**
 * Trains on separate threads, one of which is the conductor, so that the calling thread stays free.
 * @throws MinutehandError KERNEL_MISSING; LEARNER_THREAD if a thread ends prematurely
 */
export async function learnOnThreads(fit: PreparedFit, onRound: OnRound): Promise<TreeModel> {
  const module = kernelModule();
  const words = new Int32Array(fit.memory.buffer);
  const threads: Worker[] = [];
  const stop = (): void => {
    Atomics.store(words, STOP / 4, 1);
    Atomics.add(words, PHASE / 4, 1);
    Atomics.notify(words, PHASE / 4);
    Atomics.notify(words, DONE / 4);
  };
  try {
    return await new Promise<TreeModel>((resolve, reject) => {
      for (let thread = 0; thread < fit.plan.threads; thread++) {
        const task: ThreadTask = { module, fit, thread };
        // Process options may prevent threads from starting (`--input-type`).
        const worker = new Worker(join(packageRoot(), THREAD_FILE), { workerData: task, execArgv: [] });
        threads.push(worker);
        worker.on('message', (answer: ThreadAnswer) => {
          if ('round' in answer) onRound(answer.round, answer.rounds);
          else if ('model' in answer) resolve(answer.model);
          else reject(new MinutehandError('LEARNER_THREAD', { seen: answer.error.message, next: answer.error.next }));
        });
        worker.on('error', (cause) => {
          reject(new MinutehandError('LEARNER_THREAD', { seen: `thread ${thread}: ${cause.message}`, cause }));
        });
        // After the model or an error this has no effect.
        worker.on('exit', (code) => {
          reject(new MinutehandError('LEARNER_THREAD', { seen: `thread ${thread} ended with code ${code}` }));
        });
      }
    });
  } finally {
    stop();
    await Promise.all(threads.map((worker) => worker.terminate()));
  }
}
