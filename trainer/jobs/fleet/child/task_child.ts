import { errorParts, type ErrorParts } from '../../../../shared/errors.ts';
import type { TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { GenerationStep } from '../../../learning/evolve/evolution.ts';
import { makeGeneration, type GenerationTask } from '../../../learning/evolve/make_generation.ts';
import { runFit, type FitTask } from '../../../learning/learners/trees/fit.ts';
import { unpackMessage, type PackedMessage } from './child_arrays.ts';

/*
 * A child process of a worker: one task in, its progress, and its result or error out. Its arguments are the process id
 * of its worker.
 */

export type ChildTask =
  | { readonly kind: 'fit'; readonly task: FitTask }
  | { readonly kind: 'generation'; readonly task: GenerationTask };

export type ChildAnswer =
  | { readonly begun: true }
  | { readonly done: number; readonly total: number; readonly residentBytes: number }
  | { readonly result: TreeModel | GenerationStep }
  | { readonly error: ErrorParts };

const REPORT_MS = 200;

const worker = Number(process.argv[2]);
const kept = new Map<number, never>();
let reportedMs = -Infinity;

process.on('message', (message: PackedMessage) => void answer(unpackMessage(message, kept) as ChildTask));
// A terminal sends its Ctrl-C to all that it has started: the worker decides when a child ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit());

async function answer(work: ChildTask): Promise<void> {
  send({ begun: true });
  try {
    send({ result: work.kind === 'fit' ? await runFit(work.task, report) : makeGeneration(work.task) });
  } catch (error) {
    send({ error: errorParts(error) });
  }
}

function report(done: number, total: number): void {
  const now = performance.now();
  if (now - reportedMs < REPORT_MS) return;
  reportedMs = now;
  // During a fit no event is handled, so `disconnect` cannot tell that the worker was killed.
  if (process.ppid !== worker) process.exit();
  send({ done, total, residentBytes: process.memoryUsage.rss() });
}

function send(message: ChildAnswer): void {
  process.send!(message, () => undefined);
}
