import { Worker } from 'node:worker_threads';
import {
  openDirection,
  prepareDirection,
  type DirectionModel,
  type PreparedDirection,
} from '../../shared/bundle/direction/direction_model.ts';
import type { FeatureSchema, InstrumentSchema } from '../../shared/bundle/feature_schema.ts';
import { packedTreesOf } from '../../shared/bundle/own_model.ts';
import { openModelSet, type ModelSet, type OpenOptions, type Quietly } from '../../shared/bundle/model_set.ts';
import { prepareModels, type PreparedModels, type PrepareOptions } from '../../shared/bundle/prepared_models.ts';
import { MinutehandError, type ErrorCode } from '../../shared/errors.ts';

export interface ModelLoaderOptions extends OpenOptions, Pick<PrepareOptions, 'engine'> {
  readonly schema: FeatureSchema;
  readonly maxRows: number;
}

/** The task of a loading thread: a bundle of pairs, or a direction model. */
export type LoadTask = BundleTask | DirectionTask;

interface DirectionTask {
  readonly folder: string;
  readonly instruments: InstrumentSchema;
}

interface BundleTask {
  readonly folder: string;
  readonly schema: FeatureSchema;
  readonly engine: PrepareOptions['engine'];
}

type Prepared = Exclude<LoadAnswer, { readonly refusal: object } | { readonly defect: string }>;

export type LoadAnswer =
  | { readonly prepared: PreparedModels }
  | { readonly direction: PreparedDirection }
  | { readonly refusal: { code: ErrorCode; seen?: string; expected?: string; next: string } }
  | { readonly defect: string };

/**
 * Loads a bundle off the bar's way: a thread of its own reads, verifies, decodes, packs and cross-checks, and ends;
 * what is left for this one is to copy tables and to make the sessions of graphs that need onnxruntime. The sources,
 * which are not built, load on this thread.
 * @throws MinutehandError as `loadModelSet`
 */
export async function loadOffTheWay(folder: string, options: ModelLoaderOptions): Promise<ModelSet> {
  const prepared = await prepareOffTheWay({ folder, schema: options.schema, engine: options.engine });
  if (!('prepared' in prepared)) throw new Error('a loading thread answered another task');
  return openModelSet(prepared.prepared, options.maxRows, options);
}

/** The same of a direction model. @throws MinutehandError as `prepareDirection` */
export async function loadDirectionOffTheWay(
  folder: string,
  instruments: InstrumentSchema,
  maxRows: number,
  quietly: Quietly,
): Promise<DirectionModel> {
  const prepared = await prepareOffTheWay({ folder, instruments });
  if (!('direction' in prepared)) throw new Error('a loading thread answered another task');
  return quietly(() => openDirection(prepared.direction, maxRows));
}

function prepareOffTheWay(task: LoadTask): Promise<Prepared> {
  return import.meta.url.endsWith('.js') ? prepareInThread(task) : prepare(task);
}

async function prepare(task: LoadTask): Promise<Prepared> {
  const { folder } = task;
  if ('instruments' in task) return { direction: await prepareDirection(folder, task.instruments) };
  const { schema, engine } = task;
  return { prepared: await prepareModels(folder, schema, engine === undefined ? {} : { engine }) };
}

/** Main function of the thread. Errors are sent as fields: only their texts survive the transfer to another thread. */
export async function answerTask(task: LoadTask): Promise<LoadAnswer> {
  try {
    return await prepare(task);
  } catch (error) {
    if (!(error instanceof MinutehandError)) return { defect: error instanceof Error ? error.stack! : String(error) };
    const { code, seen, expected, next } = error;
    return { refusal: { code, next, ...(seen && { seen }), ...(expected && { expected }) } };
  }
}

/** The tables of an answer, to be transferred and not copied. */
export function tablesOf(answer: LoadAnswer): ArrayBuffer[] {
  if ('direction' in answer) {
    const { scoring } = answer.direction;
    return scoring.engine === 'own-graph' ? scoring.graph.trees.map(({ bytes }) => bytes.buffer) : [];
  }
  if (!('prepared' in answer)) return [];
  const { models, groups = [] } = answer.prepared;
  const all = [models, ...groups.map((group) => group.models)].flatMap((own) => Object.values(own));
  const own = all.flatMap((model) => (model.engine === 'onnxruntime-node' ? [] : packedTreesOf(model)));
  const tables = own.map(({ bytes }) => bytes.buffer);
  // A pooled model that serves a group too is one table.
  return [...new Set(tables)];
}

/** Far more than the largest bundle takes on a busy machine; a graph that computes for ever must not hold the next. */
const LOAD_LIMIT_MS = 300_000;

function prepareInThread(task: LoadTask, limitMs = LOAD_LIMIT_MS): Promise<Prepared> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./load_worker.js', import.meta.url), { workerData: task });
    const limit = setTimeout(() => {
      reject(new MinutehandError('MODEL_LOAD', { seen: `${task.folder} was not loaded within ${limitMs / 1000} s` }));
      void thread.terminate();
    }, limitMs);
    const done = (): void => clearTimeout(limit);
    thread.once('message', done).once('error', done).once('exit', done);
    thread.once('message', (answer: LoadAnswer) => {
      if ('refusal' in answer) reject(new MinutehandError(answer.refusal.code, answer.refusal));
      else if ('defect' in answer) reject(new Error(answer.defect));
      else resolve(answer);
    });
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the loading thread ended with ${code} before its answer`)));
  });
}
