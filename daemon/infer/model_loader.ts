import { Worker } from 'node:worker_threads';
import type { FeatureSchema } from '../../shared/bundle/feature_schema.ts';
import { openModelSet, type ModelSet, type OpenOptions } from '../../shared/bundle/model_set.ts';
import { prepareModels, type PreparedModels, type PrepareOptions } from '../../shared/bundle/prepared_models.ts';
import { MinutehandError, type ErrorCode } from '../../shared/errors.ts';

export interface ModelLoaderOptions extends OpenOptions, Pick<PrepareOptions, 'engine'> {
  readonly schema: FeatureSchema;
  readonly maxRows: number;
}

/** The task of a loading thread. */
export interface LoadTask {
  readonly folder: string;
  readonly schema: FeatureSchema;
  readonly engine: PrepareOptions['engine'];
}

export type LoadAnswer =
  | { readonly prepared: PreparedModels }
  | { readonly refusal: { code: ErrorCode; seen?: string; expected?: string; next: string } }
  | { readonly defect: string };

/**
 * Loads a bundle off the bar's way: a thread of its own reads, verifies, decodes, packs and cross-checks, and ends;
 * what is left for this one is to copy tables and to make the sessions of graphs that need onnxruntime. The sources,
 * which are not built, load on this thread.
 * @throws MinutehandError as `loadModelSet`
 */
export async function loadOffTheWay(folder: string, options: ModelLoaderOptions): Promise<ModelSet> {
  const task: LoadTask = { folder, schema: options.schema, engine: options.engine };
  const isBuilt = import.meta.url.endsWith('.js');
  const prepared = isBuilt ? await prepareInThread(task) : await prepare(task);
  return openModelSet(prepared, options.maxRows, options);
}

function prepare({ folder, schema, engine }: LoadTask): Promise<PreparedModels> {
  return prepareModels(folder, schema, engine === undefined ? {} : { engine });
}

/** Main function of the thread. Errors are sent as fields: only their texts survive the transfer to another thread. */
export async function answerTask(task: LoadTask): Promise<LoadAnswer> {
  try {
    return { prepared: await prepare(task) };
  } catch (error) {
    if (!(error instanceof MinutehandError)) return { defect: error instanceof Error ? error.stack! : String(error) };
    const { code, seen, expected, next } = error;
    return { refusal: { code, next, ...(seen && { seen }), ...(expected && { expected }) } };
  }
}

/** The tables of an answer, to be transferred and not copied. */
export function tablesOf(answer: LoadAnswer): ArrayBuffer[] {
  if (!('prepared' in answer)) return [];
  return Object.values(answer.prepared.models).flatMap((model) =>
    model.engine === 'wasm-simd' ? [model.packed.bytes.buffer] : [],
  );
}

function prepareInThread(task: LoadTask): Promise<PreparedModels> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./load_worker.js', import.meta.url), { workerData: task });
    thread.once('message', (answer: LoadAnswer) => {
      if ('prepared' in answer) resolve(answer.prepared);
      else if ('refusal' in answer) reject(new MinutehandError(answer.refusal.code, answer.refusal));
      else reject(new Error(answer.defect));
    });
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the loading thread ended with ${code} before its answer`)));
  });
}
