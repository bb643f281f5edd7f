import { MinutehandError } from '../errors.ts';
import { joinedFloat32 } from '../joined_numbers.ts';
import type { FileSystem } from '../ports.ts';
import { readBundle, type Bundle } from './bundle.ts';
import { checkGraph } from './graph_check/graph_check.ts';
import { bundleSchema, type FeatureSchema } from './feature_schema.ts';
import type { Manifest } from './manifest.ts';
import {
  bundleModels,
  goldenFeatures,
  modelFile,
  modelPath,
  type BundleModel,
  type PerBundleModel,
} from './bundle_models.ts';
import { modelLoadError } from './onnx/model_load_error.ts';
import { packedTreesOf, readOwnModel, type OwnModel, type ReadOwnModel } from './own_model.ts';
import { sequenceBars } from '../core/features/windows.ts';
import { loadScorer, rowWidth, type RowShape } from './scorer.ts';
import {
  checkAnswers,
  checkNote,
  differenceNote,
  hardRows,
  CROSS_CHECK_TOLERANCE,
  type CrossCheckResult,
} from './tree_kernel/cross_check.ts';
import { packTrees } from './tree_kernel/pack.ts';
import { kernelModule, kernelRefusal } from './tree_kernel/tree_kernel.ts';

export interface PrepareOptions {
  /**
   * `auto`: our own code where the graph is trees, or trees and arithmetic around them, and its answers are
   * onnxruntime's; `onnxruntime`: always that. Default `auto`.
   */
  readonly engine?: 'auto' | 'onnxruntime';
  /**
   * false: our own code scores what it can without asking onnxruntime, which is not even loaded. For simulations.
   * Default true.
   */
  readonly crossCheck?: boolean;
  readonly files?: FileSystem;
  /** Packing of trees; replaced only by tests that need wrong ones. */
  readonly pack?: typeof packTrees;
}

/** A model and what serves it, as plain data that may be passed to another thread. */
export type PreparedModel = { readonly note: string } & (
  | OwnModel
  | { readonly engine: 'onnxruntime-node'; readonly bytes: Uint8Array }
);

/** A bundle that is read, verified, decoded and cross-checked: all that takes time, but for its golden answers. */
export interface PreparedModels {
  readonly folder: string;
  /** What the models get for a row of a batch. */
  readonly shape: RowShape;
  /** Its own: the formulas are those of the bundle. */
  readonly schema: FeatureSchema;
  readonly manifest: Manifest;
  readonly modelsHash: string;
  readonly models: PerBundleModel<PreparedModel>;
  /** Of the groups that have models of their own, each as if it were a bundle. */
  readonly groups?: readonly PreparedGroup[];
}

export interface PreparedGroup extends Omit<PreparedModels, 'groups'> {
  readonly name: string;
  readonly pairs: readonly string[];
}

/**
 * Reads and verifies a bundle, and finds out which engine serves each of its models.
 * @param configured schema of the configuration; the formulas of a bundle are its own
 * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH, MODEL_SCHEMA, MODEL_LOAD; as `checkGraph`; without
 * a cross-check KERNEL_MISSING
 */
export async function prepareModels(
  folder: string,
  configured: FeatureSchema,
  options: PrepareOptions = {},
): Promise<PreparedModels> {
  const bundle = readBundle(folder, options.files);
  const { manifest, modelsHash } = bundle;
  const schema = bundleSchema(configured, manifest);
  if (manifest.feature_schema !== schema.hash) {
    throw new MinutehandError('MODEL_SCHEMA', {
      seen: `feature schema ${manifest.feature_schema} in ${folder}`,
      expected: schema.hash,
    });
  }
  const shape = rowShapeOf(schema);
  const common = { folder, shape, schema, modelsHash };
  const models = await prepareAll(bundle, shape, options);
  const groups: PreparedGroup[] = [];
  for (const { name, pairs, ...own } of bundle.groups ?? []) {
    const graphs: Graphs = { ...own, folder, group: name, pooled: { bytes: bundle.models, prepared: models } };
    groups.push({ ...common, name, pairs, manifest: own.manifest, models: await prepareAll(graphs, shape, options) });
  }
  return { ...common, manifest, models, ...(groups.length > 0 && { groups }) };
}

/** Models of a bundle or of a group of it. */
interface Graphs extends Pick<Bundle, 'folder' | 'manifest' | 'models'> {
  readonly group?: string;
  /** Models that are the same ones are prepared once. */
  readonly pooled?: { readonly bytes: Bundle['models']; readonly prepared: PerBundleModel<PreparedModel> };
}

/** What models with features of this schema get for a row of a batch. */
function rowShapeOf({ definitions, windows }: FeatureSchema): RowShape {
  return { columns: definitions.length, bars: sequenceBars(windows) };
}

async function prepareAll(
  graphs: Graphs,
  shape: RowShape,
  options: PrepareOptions,
): Promise<PerBundleModel<PreparedModel>> {
  const { manifest, models, pooled } = graphs;
  if (manifest.golden.features.some((row) => row.length !== rowWidth(shape)))
    throw new MinutehandError('MODEL_MANIFEST', { seen: 'golden rows of the wrong length' });
  const prepared: Partial<Record<BundleModel, PreparedModel>> = {};
  for (const name of bundleModels(manifest))
    prepared[name] =
      pooled?.bytes[name] === models[name] ? pooled!.prepared[name]! : await prepareModel(graphs, name, shape, options);
  return prepared as PerBundleModel<PreparedModel>;
}

async function prepareModel(
  bundle: Graphs,
  name: BundleModel,
  shape: RowShape,
  { engine = 'auto', crossCheck = true, pack = packTrees }: PrepareOptions,
): Promise<PreparedModel> {
  const { columns, bars } = shape;
  const bytes = bundle.models[name]!;
  const path = modelPath(bundle.folder, name, bundle.group);
  // The bundle may be of another home, which has checked nothing.
  const inOnnxruntime = async (note: string): Promise<PreparedModel> => {
    await checkGraph(bytes, shape, path);
    return { engine: 'onnxruntime-node', bytes, note };
  };
  if (engine === 'onnxruntime') return inOnnxruntime('as configured');
  if (bars > 1) return inOnnxruntime(`a sequence of ${bars} bars`);

  let own: ReadOwnModel;
  try {
    own = readOwnModel(bytes, pack);
  } catch (error) {
    if (!(error instanceof MinutehandError)) throw error;
    return inOnnxruntime(`more than trees and arithmetic: ${error.seen}`);
  }
  if (own.columns !== columns)
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${path} takes ${own.columns} features`,
      expected: String(columns),
    });
  if (own.width === 2) return inOnnxruntime('two answers a row, of which the second is the probability');
  if (own.width !== 1)
    throw new MinutehandError('MODEL_LOAD', { seen: `${path} gives ${own.width} answers a row`, expected: '1' });
  if (packedTreesOf(own.model).length > 0) {
    if (!crossCheck) kernelModule();
    const refusal = kernelRefusal();
    if (refusal !== null) return inOnnxruntime(refusal);
  }
  if (!crossCheck) return { ...own.model, note: 'not compared with onnxruntime' };
  const seed = bundle.manifest.files[modelFile(name)]!.sha256;
  const features = joinedFloat32([goldenFeatures(bundle.manifest.golden), ...hardRows(own, seed)]);
  const check = await compare(own, bytes, features, path);
  if (check.largestDifference <= CROSS_CHECK_TOLERANCE) return { ...own.model, note: checkNote(check) };
  return inOnnxruntime(differenceNote(check));
}

async function compare(
  { model, columns }: ReadOwnModel,
  bytes: Uint8Array,
  features: Float32Array,
  path: string,
): Promise<CrossCheckResult> {
  const scorer = await loadScorer(bytes, { columns, bars: 1 }, path);
  try {
    return checkAnswers(model, columns, features, await scorer.score(features, features.length / columns));
  } catch (cause) {
    throw modelLoadError(path, cause);
  } finally {
    await scorer.release();
  }
}
