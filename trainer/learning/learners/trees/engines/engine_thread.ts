import { Worker } from 'node:worker_threads';
import type { TreeModel } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { MinutehandError, type ErrorCode } from '../../../../../shared/errors.ts';
import type { TrainingTable } from '../learner.ts';
import type { EngineJob, OnRound } from './engine_job.ts';
import { openLibrary } from './engine_library.ts';
import { learnWithLightgbm } from './lightgbm.ts';
import { learnWithXgboost } from './xgboost.ts';

export type EngineAnswer =
  | { readonly round: number; readonly rounds: number }
  | { readonly model: TreeModel }
  | { readonly refusal: { code: ErrorCode; seen?: string; expected?: string; next: string } }
  | { readonly defect: string };

const LEARN = { lightgbm: learnWithLightgbm, xgboost: learnWithXgboost };

/** Trains on the calling thread, blocking it. */
export function runJob(job: EngineJob, onRound: OnRound): TreeModel {
  return LEARN[job.engine](openLibrary(job.engine, job.libraries), job, onRound);
}

/**
 * Trains on a separate thread rather than by asynchronous calls: the libraries keep their last error, their verbosity
 * and OpenMP's threads per thread. Sources that are not built train on this thread.
 */
export function learnOffTheWay(job: EngineJob, onRound: OnRound): Promise<TreeModel> {
  const isBuilt = import.meta.url.endsWith('.js');
  if (!isBuilt) return Promise.resolve().then(() => runJob(job, onRound));
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./engine_worker.js', import.meta.url), { workerData: withoutRest(job) });
    thread.on('message', (answer: EngineAnswer) => {
      if ('round' in answer) onRound(answer.round, answer.rounds);
      else if ('model' in answer) resolve(answer.model);
      else if ('refusal' in answer) reject(new MinutehandError(answer.refusal.code, answer.refusal));
      else reject(new Error(answer.defect));
    });
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the learning thread ended with ${code} before its answer`)));
  });
}

/** Copies a view of a larger array, since transferring it would transfer the whole array. */
function withoutRest(job: EngineJob): EngineJob {
  const own = <Values extends Float32Array | Float64Array>(values: Values): Values =>
    values.byteLength === values.buffer.byteLength ? values : (values.slice() as Values);
  const table = ({ x, y, weights }: TrainingTable): TrainingTable => ({
    x: { ...x, values: own(x.values) },
    y: own(y),
    weights: weights === null ? null : own(weights),
  });
  const stopping = job.stopping === null ? null : { ...job.stopping, table: table(job.stopping.table) };
  return { ...job, table: table(job.table), stopping };
}

/** Main function of the thread. Errors are sent as fields: only their texts survive the transfer to another thread. */
export function answerJob(job: EngineJob, print: (answer: EngineAnswer) => void): void {
  try {
    print({ model: runJob(job, (round, rounds) => print({ round, rounds })) });
  } catch (error) {
    if (!(error instanceof MinutehandError)) {
      print({ defect: error instanceof Error ? error.stack! : String(error) });
      return;
    }
    const { code, seen, expected, next } = error;
    print({ refusal: { code, next, ...(seen && { seen }), ...(expected && { expected }) } });
  }
}
