import { resultOfShare } from '../core/cost/expected_net.ts';
import { riskRank } from '../strategies/pair_reversion/risk_rank.ts';
import { MinutehandError } from '../errors.ts';
import type { FeatureSchema } from './feature_schema.ts';
import { modelLoadError } from './onnx/model_load_error.ts';
import { bundleModels, goldenFeatures, modelPath, perBundleModel, type BundleModel } from './bundle_models.ts';
import { InputNovelty } from './input_novelty.ts';
import { groupModelSets } from './grouped_models.ts';
import type { BatchScores, ModelSet } from './loaded_models.ts';
import type { PreparedGroup, PreparedModels, PrepareOptions } from './prepared_models.ts';
import { openOwnGraph, type OpenedGraph } from './own_graph/open_own_graph.ts';
import { packedTreesOf } from './own_model.ts';
import { loadScorer, rowWidth, type Scorer } from './scorer.ts';
import { openTreeKernel, type TreeKernel } from './tree_kernel/tree_kernel.ts';

export { partsOfSet, servingSet, type BatchScores, type ModelSet } from './loaded_models.ts';

export const GOLDEN_TOLERANCE = 1e-5;
const WARM_UP_RUNS = 8;

/** Runs work that blocks the thread for some milliseconds in an idle window. */
export type Quietly = <T>(work: () => T | Promise<T>) => Promise<T>;

export interface OpenOptions {
  /**
   * Waits until the thread may be blocked: called once for all models that our own code scores, and once for each one
   * in onnxruntime. Default: at once.
   */
  readonly quietly?: Quietly;
}

/**
 * Reads, verifies, loads and warms a bundle, and compares it with its own golden answers, all on this thread.
 * @param schema of the configuration; the formulas of a bundle are its own
 * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH, MODEL_SCHEMA, MODEL_LOAD, MODEL_GOLDEN;
 * without a cross-check KERNEL_MISSING
 */
export async function loadModelSet(
  folder: string,
  schema: FeatureSchema,
  maxRows: number,
  options: PrepareOptions & OpenOptions = {},
): Promise<ModelSet> {
  // A thread that opens prepared models needs none of what reads them.
  const { prepareModels } = await import('./prepared_models.ts');
  return openModelSet(await prepareModels(folder, schema, options), maxRows, options);
}

/**
 * The part of loading that has to happen on the thread that scores.
 * @throws MinutehandError MODEL_LOAD, MODEL_GOLDEN
 */
export async function openModelSet(
  prepared: PreparedModels,
  maxRows: number,
  options: OpenOptions = {},
): Promise<ModelSet> {
  const pooled = await openPart(prepared, maxRows, options);
  const { groups = [], shape } = prepared;
  if (groups.length === 0) return pooled;
  const own: { name: string; pairs: readonly string[]; set: ModelSet }[] = [];
  try {
    for (const group of groups) {
      const { name, pairs } = group;
      own.push({ name, pairs, set: await openPart(group, maxRows, options) });
    }
  } catch (error) {
    for (const { set } of [{ set: pooled }, ...own]) await set.release();
    throw error;
  }
  return groupModelSets(pooled, own, maxRows, rowWidth(shape));
}

/** One bundle without groups, or one group. */
type Part = PreparedModels | PreparedGroup;

async function openPart(
  prepared: Part,
  maxRows: number,
  { quietly = async (work) => work() }: OpenOptions,
): Promise<ModelSet> {
  const scorers: Partial<Record<BundleModel, Scorer>> = {};
  try {
    const own = await openOwnModels(prepared, maxRows, quietly);
    for (const name of bundleModels(prepared.manifest)) {
      const model = prepared.models[name]!;
      if (model.engine !== 'onnxruntime-node') continue;
      await quietly(async () => {
        const path = pathOf(prepared, name);
        scorers[name] = await loadScorer(model.bytes, prepared.shape, path);
        await checkScorer(prepared, name, scorers[name]);
      });
    }
    const set = createModelSet(servicesOf(prepared), noveltyOf(prepared), own, scorers, maxRows);
    await warm(set, prepared, maxRows);
    return set;
  } catch (error) {
    await Promise.all(Object.values(scorers).map((scorer) => scorer.release()));
    throw error;
  }
}

function pathOf(prepared: Part, name: BundleModel): string {
  return modelPath(prepared.folder, name, 'name' in prepared ? prepared.name : undefined);
}

/** Takes the way of a bar often enough that the first bar does not find it cold. */
async function warm(set: ModelSet, { manifest, shape }: Part, maxRows: number): Promise<void> {
  const features = goldenFeatures(manifest.golden);
  const rows = Math.min(maxRows, features.length / rowWidth(shape));
  for (let run = 0; run < WARM_UP_RUNS; run++) await set.infer(features, run % 2 === 0 ? rows : 1);
}

/** The models that our own code serves, with the trees of all of them in one memory. */
interface OwnModels {
  /** null: none of them has trees. */
  readonly kernel: TreeKernel | null;
  readonly models: readonly OpenedModel[];
}

interface OpenedModel {
  readonly name: BundleModel;
  /** Indices of its trees in the kernel. */
  readonly trees: readonly number[];
  readonly answers: Float32Array;
  /** Makes the answers of those of the trees; null: they are the answers. */
  readonly graph: OpenedGraph | null;
}

async function openOwnModels(prepared: Part, maxRows: number, quietly: Quietly): Promise<OwnModels | null> {
  const own = bundleModels(prepared.manifest).flatMap((name) => {
    const model = prepared.models[name]!;
    return model.engine === 'onnxruntime-node' ? [] : [{ name, model }];
  });
  if (own.length === 0) return null;
  return quietly(() => {
    const golden = goldenFeatures(prepared.manifest.golden);
    const rows = golden.length / rowWidth(prepared.shape);
    const room = Math.max(maxRows, rows);
    const packed = own.flatMap(({ model }) => packedTreesOf(model));
    const kernel = packed.length === 0 ? null : openTreeKernel(packed, room);
    let trees = 0;
    const models = own.map(({ name, model }): OpenedModel => {
      const places = packedTreesOf(model).map(() => trees++);
      const answers = places.map((place) => kernel!.answers[place]!);
      if (model.engine === 'wasm-simd') return { name, trees: places, answers: answers[0]!, graph: null };
      const graph = openOwnGraph(model.graph, answers, room);
      return { name, trees: places, answers: graph.answers, graph };
    });
    const opened = { kernel, models };
    // The engine compiles what runs often once more, better, and keeps that for all later sets.
    for (let run = 0; run < WARM_UP_RUNS; run++) scoreAll(opened, golden, 1);
    for (let run = 0; run < WARM_UP_RUNS; run++) scoreAll(opened, golden, rows);
    for (const { name, answers } of models) checkGolden(prepared, name, answers);
    return opened;
  });
}

function scoreAll({ kernel, models }: OwnModels, features: Float32Array, rows: number): void {
  kernel?.score(features, rows);
  for (let i = 0; i < models.length; i++) models[i]!.graph?.compute(features, rows);
}

/** Warms the model. A graph that takes other shapes than its features shows here. */
async function checkScorer(prepared: Part, name: BundleModel, scorer: Scorer): Promise<void> {
  const golden = goldenFeatures(prepared.manifest.golden);
  const rows = golden.length / rowWidth(prepared.shape);
  let answers: Float32Array;
  try {
    await scorer.score(golden, rows);
    answers = await scorer.score(golden, rows);
  } catch (cause) {
    throw modelLoadError(pathOf(prepared, name), cause);
  }
  checkGolden(prepared, name, answers);
}

function checkGolden(prepared: Part, name: BundleModel, answers: Float32Array): void {
  const { golden } = prepared.manifest;
  for (let row = 0; row < golden.features.length; row++) {
    const expected = golden[name]?.[row];
    if (expected === undefined || !(Math.abs(answers[row]! - expected) <= GOLDEN_TOLERANCE)) {
      throw new MinutehandError('MODEL_GOLDEN', {
        seen: `${name} answers ${answers[row]} on golden row ${row} of ${ownerOf(prepared)}`,
        expected: String(expected),
      });
    }
  }
}

function ownerOf(prepared: Part): string {
  return 'name' in prepared ? `group ${prepared.name} of ${prepared.folder}` : prepared.folder;
}

/** Description of a set, without the tables, which are in the kernel's memory by then. */
type Services = Pick<ModelSet, 'manifest' | 'schema' | 'modelsHash' | 'engines' | 'engineNotes'>;

function servicesOf({ manifest, schema, modelsHash, models }: Part): Services {
  return {
    manifest,
    schema,
    modelsHash,
    engines: perBundleModel(bundleModels(manifest), (name) => models[name]!.engine),
    engineNotes: perBundleModel(bundleModels(manifest), (name) => models[name]!.note),
  };
}

/** Answers of a batch, as they are taken over from the models. */
interface Answers {
  /** @throws MinutehandError MODEL_OUTPUT */
  take(name: BundleModel, answers: Float32Array, rows: number): void;
  ranked(rows: number): BatchScores;
  /** The rows that novelty is measured of when it is asked for. */
  keep(features: Float32Array): void;
}

function createAnswers(
  { version, risk_quantiles }: ModelSet['manifest'],
  novelty: RowNovelty | null,
  maxRows: number,
): Answers {
  let batch: Float32Array = new Float32Array(0);
  const scores = {
    return_prob: new Float64Array(maxRows),
    risk_prob: new Float64Array(maxRows),
    risk_score: new Float64Array(maxRows),
    position_scale: new Float64Array(maxRows),
    result_sigmas: new Float64Array(maxRows).fill(NaN),
    ...(novelty && { novelty: (row: number) => novelty.inputs.of(batch, row * novelty.width + novelty.newest) }),
  };
  const targets = {
    ai1: scores.return_prob,
    ai2: scores.risk_prob,
    ai3: scores.position_scale,
    net: scores.result_sigmas,
  };
  return {
    take(name, answers, rows) {
      const target = targets[name];
      for (let row = 0; row < rows; row++) {
        const value = answers[row]!;
        if (!(value >= 0 && value <= 1))
          throw new MinutehandError('MODEL_OUTPUT', { seen: `${name} of ${version} answered ${value}` });
        target[row] = name === 'net' ? resultOfShare(value) : value;
      }
    },
    ranked(rows) {
      for (let row = 0; row < rows; row++) scores.risk_score[row] = riskRank(risk_quantiles, scores.risk_prob[row]!);
      return scores;
    },
    keep(features) {
      batch = features;
    },
  };
}

/** Novelty of the rows of a batch. */
interface RowNovelty {
  readonly inputs: InputNovelty;
  /** Numbers of a row, and where those of its newest bar begin. */
  readonly width: number;
  readonly newest: number;
}

function noveltyOf({ manifest, shape }: Pick<Part, 'manifest' | 'shape'>): RowNovelty | null {
  if (manifest.inputs === undefined) return null;
  const width = rowWidth(shape);
  return {
    inputs: new InputNovelty(manifest.inputs, manifest.features),
    width,
    newest: width - shape.columns,
  };
}

function createModelSet(
  services: Services,
  novelty: RowNovelty | null,
  opened: OwnModels | null,
  scorers: Partial<Record<BundleModel, Scorer>>,
  maxRows: number,
): ModelSet {
  const { manifest } = services;
  // The only one to hold the memory: who keeps a released set keeps no models.
  let own = opened;
  let isReleased = false;
  const { take, ranked, keep } = createAnswers(manifest, novelty, maxRows);
  const sessions = bundleModels(manifest).filter((name) => scorers[name] !== undefined);
  const askSessions = async (
    features: Float32Array,
    rows: number,
    only: readonly BundleModel[],
  ): Promise<BatchScores> => {
    for (const name of sessions) if (only.includes(name)) take(name, await scorers[name]!.score(features, rows), rows);
    return ranked(rows);
  };
  return {
    ...services,
    version: manifest.version,
    theta1: manifest.theta1,
    theta2: manifest.theta2,
    ...(manifest.expectation && { expectation: manifest.expectation }),
    ...(novelty && { novelty: novelty.inputs }),
    hasEdge: (pairId) => manifest.edge[pairId]?.no_edge === false,
    infer(features, rows, only) {
      if (rows > maxRows) throw new RangeError(`${rows} rows in a set for ${maxRows}`);
      if (isReleased) throw new Error(`models ${manifest.version} were released`);
      keep(features);
      if (own !== null && only !== undefined) askOwn(own, features, rows, only, take);
      else if (own !== null) {
        scoreAll(own, features, rows);
        for (let i = 0; i < own.models.length; i++) take(own.models[i]!.name, own.models[i]!.answers, rows);
      }
      return sessions.length === 0 ? ranked(rows) : askSessions(features, rows, only ?? sessions);
    },
    async release() {
      isReleased = true;
      own = null;
      for (const name of sessions) await scorers[name]!.release();
    },
  };
}

type Take = (name: BundleModel, answers: Float32Array, rows: number) => void;

/** Asks these models alone. */
function askOwn(
  { kernel, models }: OwnModels,
  features: Float32Array,
  rows: number,
  only: readonly BundleModel[],
  take: Take,
): void {
  for (const { name, trees, answers, graph } of models) {
    if (!only.includes(name)) continue;
    for (const place of trees) kernel!.score(features, rows, place);
    graph?.compute(features, rows);
    take(name, answers, rows);
  }
}
