import { join } from 'node:path';
import { resultOfShare, type Expectation } from '../core/cost/expected_net.ts';
import { riskRank } from '../core/decide/risk_rank.ts';
import { MinutehandError } from '../errors.ts';
import type { FeatureSchema } from './feature_schema.ts';
import {
  bundleModels,
  goldenFeatures,
  modelFile,
  perBundleModel,
  type BundleModel,
  type PerBundleModel,
} from './bundle_models.ts';
import type { Manifest } from './manifest.ts';
import type { PreparedModels, PrepareOptions, ScoringEngine } from './prepared_models.ts';
import { loadScorer, type Scorer } from './scorer.ts';
import { openTreeKernel, type TreeKernel } from './tree_kernel/tree_kernel.ts';

export type { ScoringEngine } from './prepared_models.ts';

const GOLDEN_TOLERANCE = 1e-5;
const WARM_UP_RUNS = 8;

/**
 * The answers of the models for one batch; row i belongs to row i of the features. Overwritten by the next call.
 */
export interface BatchScores {
  readonly return_prob: Float64Array;
  /** Calibrated probability of AI2, before its rank is taken. */
  readonly risk_prob: Float64Array;
  readonly risk_score: Float64Array;
  readonly position_scale: Float64Array;
  /** Result before costs, in standard deviations of the spread; NaN where the bundle has no model of it. */
  readonly result_sigmas: Float64Array;
}

/** Models that are verified, warm and ready to be swapped in together. */
export interface ModelSet {
  readonly version: string;
  readonly modelsHash: string;
  readonly manifest: Manifest;
  readonly theta1: number;
  readonly theta2: number;
  readonly engines: PerBundleModel<ScoringEngine>;
  /** Reason for the engine of each model, as text. */
  readonly engineNotes: PerBundleModel<string>;
  /** Calibration of the expected result; bundles of before have none. */
  readonly expectation?: Expectation;
  hasEdge(pairId: string): boolean;
  /**
   * Scores the first `rows` rows of `features`, [rows × columns]. At once, and without allocating, when WASM serves all
   * models; else a promise.
   * @param only models to ask, of those that the set has; the answers of the others are undefined. Default: all
   * @throws RangeError more rows than the set was loaded for
   * @throws MinutehandError MODEL_OUTPUT when an answer is not within [0, 1]; at once or by the promise
   */
  infer(features: Float32Array, rows: number, only?: readonly BundleModel[]): BatchScores | Promise<BatchScores>;
  /** Gives memory and sessions back. Not to be used afterward. */
  release(): Promise<void>;
}

/** Runs work that blocks the thread for some milliseconds in an idle window. */
export type Quietly = <T>(work: () => T | Promise<T>) => Promise<T>;

export interface OpenOptions {
  /**
   * Waits until the thread may be blocked: called once for all models in WASM, and once for each one in onnxruntime.
   * Default: at once.
   */
  readonly quietly?: Quietly;
}

/**
 * Reads, verifies, loads and warms a bundle, and compares it with its own golden answers, all on this thread.
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
  { quietly = async (work) => work() }: OpenOptions = {},
): Promise<ModelSet> {
  const scorers: Partial<Record<BundleModel, Scorer>> = {};
  try {
    const kernel = await openTrees(prepared, maxRows, quietly);
    for (const name of bundleModels(prepared.manifest)) {
      const model = prepared.models[name]!;
      if (model.engine !== 'onnxruntime-node') continue;
      await quietly(async () => {
        const path = join(prepared.folder, modelFile(name));
        scorers[name] = await loadScorer(model.bytes, prepared.columns, path);
        await checkScorer(prepared, name, scorers[name]);
      });
    }
    const set = createModelSet(servicesOf(prepared), kernel, scorers, maxRows);
    await warm(set, prepared, maxRows);
    return set;
  } catch (error) {
    await Promise.all(Object.values(scorers).map((scorer) => scorer.release()));
    throw error;
  }
}

/** Takes the way of a bar often enough that the first bar does not find it cold. */
async function warm(set: ModelSet, { manifest, columns }: PreparedModels, maxRows: number): Promise<void> {
  const features = goldenFeatures(manifest.golden);
  const rows = Math.min(maxRows, features.length / columns);
  for (let run = 0; run < WARM_UP_RUNS; run++) await set.infer(features, run % 2 === 0 ? rows : 1);
}

/** The models that WASM serves, in one memory, and the index of each in its answers. */
interface Trees {
  readonly kernel: TreeKernel;
  readonly names: readonly BundleModel[];
}

async function openTrees(prepared: PreparedModels, maxRows: number, quietly: Quietly): Promise<Trees | null> {
  const names = bundleModels(prepared.manifest).filter((name) => prepared.models[name]!.engine === 'wasm-simd');
  const packed = names.flatMap((name) => {
    const model = prepared.models[name]!;
    return model.engine === 'wasm-simd' ? [model.packed] : [];
  });
  if (packed.length === 0) return null;
  return quietly(() => {
    const golden = goldenFeatures(prepared.manifest.golden);
    const rows = golden.length / prepared.columns;
    const kernel = openTreeKernel(packed, Math.max(maxRows, rows));
    // The engine compiles what runs often once more, better, and keeps that for all later sets.
    for (let run = 0; run < WARM_UP_RUNS; run++) kernel.score(golden, 1);
    for (let run = 0; run < WARM_UP_RUNS; run++) kernel.score(golden, rows);
    names.forEach((name, i) => checkGolden(prepared, name, kernel.answers[i]!));
    return { kernel, names };
  });
}

/** Warms the model. A graph that takes other shapes than its features shows here. */
async function checkScorer(prepared: PreparedModels, name: BundleModel, scorer: Scorer): Promise<void> {
  const golden = goldenFeatures(prepared.manifest.golden);
  const rows = golden.length / prepared.columns;
  let answers: Float32Array;
  try {
    await scorer.score(golden, rows);
    answers = await scorer.score(golden, rows);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new MinutehandError('MODEL_LOAD', { seen: `${name} of ${prepared.folder}: ${text}`, cause });
  }
  checkGolden(prepared, name, answers);
}

function checkGolden({ manifest, folder }: PreparedModels, name: BundleModel, answers: Float32Array): void {
  const { golden } = manifest;
  for (let row = 0; row < golden.features.length; row++) {
    const expected = golden[name]?.[row];
    if (expected === undefined || !(Math.abs(answers[row]! - expected) <= GOLDEN_TOLERANCE)) {
      throw new MinutehandError('MODEL_GOLDEN', {
        seen: `${name} answers ${answers[row]} on golden row ${row} of ${folder}`,
        expected: String(expected),
      });
    }
  }
}

/** Description of a set, without the tables, which are in the kernel's memory by then. */
type Services = Pick<ModelSet, 'manifest' | 'modelsHash' | 'engines' | 'engineNotes'>;

function servicesOf({ manifest, modelsHash, models }: PreparedModels): Services {
  return {
    manifest,
    modelsHash,
    engines: perBundleModel(bundleModels(manifest), (name) => models[name]!.engine),
    engineNotes: perBundleModel(bundleModels(manifest), (name) => models[name]!.note),
  };
}

function createModelSet(
  services: Services,
  opened: Trees | null,
  scorers: Partial<Record<BundleModel, Scorer>>,
  maxRows: number,
): ModelSet {
  const { manifest } = services;
  // The only one to hold the memory: who keeps a released set keeps no models.
  let trees = opened;
  let isReleased = false;
  const scores = {
    return_prob: new Float64Array(maxRows),
    risk_prob: new Float64Array(maxRows),
    risk_score: new Float64Array(maxRows),
    position_scale: new Float64Array(maxRows),
    result_sigmas: new Float64Array(maxRows).fill(NaN),
  };
  const targets = {
    ai1: scores.return_prob,
    ai2: scores.risk_prob,
    ai3: scores.position_scale,
    net: scores.result_sigmas,
  };
  const take = (name: BundleModel, answers: Float32Array, rows: number): void => {
    const target = targets[name];
    for (let row = 0; row < rows; row++) {
      const value = answers[row]!;
      if (!(value >= 0 && value <= 1))
        throw new MinutehandError('MODEL_OUTPUT', { seen: `${name} of ${manifest.version} answered ${value}` });
      target[row] = name === 'net' ? resultOfShare(value) : value;
    }
  };
  const ranked = (rows: number): BatchScores => {
    for (let row = 0; row < rows; row++)
      scores.risk_score[row] = riskRank(manifest.risk_quantiles, scores.risk_prob[row]!);
    return scores;
  };
  const sessions = bundleModels(manifest).filter((name) => scorers[name] !== undefined);
  const askSessions = async (
    features: Float32Array,
    rows: number,
    only: readonly BundleModel[],
  ): Promise<BatchScores> => {
    for (const name of sessions) if (only.includes(name)) take(name, await scorers[name]!.score(features, rows), rows);
    return ranked(rows);
  };
  const askTrees = (
    { kernel, names }: Trees,
    features: Float32Array,
    rows: number,
    only: readonly BundleModel[],
  ): void => {
    for (const [i, name] of names.entries()) {
      if (!only.includes(name)) continue;
      kernel.score(features, rows, i);
      take(name, kernel.answers[i]!, rows);
    }
  };
  return {
    ...services,
    version: manifest.version,
    theta1: manifest.theta1,
    theta2: manifest.theta2,
    ...(manifest.expectation && { expectation: manifest.expectation }),
    hasEdge: (pairId) => manifest.edge[pairId]?.no_edge === false,
    infer(features, rows, only) {
      if (rows > maxRows) throw new RangeError(`${rows} rows in a set for ${maxRows}`);
      if (isReleased) throw new Error(`models ${manifest.version} were released`);
      if (trees !== null && only !== undefined) askTrees(trees, features, rows, only);
      else if (trees !== null) {
        trees.kernel.score(features, rows);
        for (let i = 0; i < trees.names.length; i++) take(trees.names[i]!, trees.kernel.answers[i]!, rows);
      }
      return sessions.length === 0 ? ranked(rows) : askSessions(features, rows, only ?? sessions);
    },
    async release() {
      isReleased = true;
      trees = null;
      for (const name of sessions) await scorers[name]!.release();
    },
  };
}
