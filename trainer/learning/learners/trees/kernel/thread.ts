import { parentPort, workerData } from 'node:worker_threads';
import { describeError } from '../../../../../shared/errors.ts';
import type { TreeModel } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { learn } from './boost.ts';
import type { PreparedFit } from './fit.ts';
import { instantiate } from './webassembly.ts';

/** Data for starting a thread: the first one controls, the others help. */
export interface ThreadTask {
  readonly module: object;
  readonly fit: PreparedFit;
  readonly thread: number;
}

/** Messages of the controlling thread. */
export type ThreadAnswer =
  | { readonly round: number; readonly rounds: number }
  | { readonly model: TreeModel }
  | { readonly error: ReturnType<typeof describeError> };

const { module, fit, thread } = workerData as ThreadTask;
const print = (answer: ThreadAnswer): void => parentPort!.postMessage(answer);

if (thread > 0) {
  instantiate(module, fit.memory).help(thread);
} else {
  try {
    print({ model: learn(module, fit, (round, rounds) => print({ round, rounds })) });
  } catch (error) {
    print({ error: describeError(error) });
  }
}
