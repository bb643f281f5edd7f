import { parentPort } from 'node:worker_threads';
import { buildPair, type PairTask } from './pair_build.ts';
import { buffersOf } from './pair_columns.ts';

/** A thread of `buildPairs`: one task in, its build out. What it throws ends it, and the build with it. */
const port = parentPort!;

port.on('message', (task: PairTask) => {
  const build = buildPair(task);
  port.postMessage(build, buffersOf(build));
});
