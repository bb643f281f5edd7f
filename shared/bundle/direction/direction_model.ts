import { join } from 'node:path';
import { MinutehandError } from '../../errors.ts';
import { joinedFloat32 } from '../../joined_numbers.ts';
import { sequenceBars } from '../../core/features/windows.ts';
import { goldenFeatures } from '../bundle_models.ts';
import { bundleInstrumentSchema, type InstrumentSchema } from '../feature_schema.ts';
import { InputNovelty } from '../input_novelty.ts';
import { onnxAnswers } from '../onnx/answers.ts';
import { modelLoadError } from '../onnx/model_load_error.ts';
import { decodeTreeModel } from '../onnx/tree_graph.ts';
import type { TreeModel } from '../onnx/tree_ensemble.ts';
import type { ScoringEngine } from '../scoring_engine.ts';
import { orRelease } from '../or_release.ts';
import { packedTreesOf, readOwnModel, type ReadOwnModel } from '../own_model.ts';
import { openRowSession, rowWidth, type RowShape } from '../scorer.ts';
import { checkAnswers, checkNote, checkRows, hardRows } from '../tree_kernel/cross_check.ts';
import { kernelModule } from '../tree_kernel/tree_kernel.ts';
import { readDirectionBundle } from './direction_bundle.ts';
import { DIRECTION_FILE, directionBars, type DirectionManifest } from './direction_manifest.ts';
import {
  CLASSES,
  openDirectionSession,
  openOwnScoring,
  type DirectionScoring,
  type DirectionSession,
  type OwnDirectionScoring,
} from './direction_scoring.ts';
import { refuseOtherShapes } from './direction_shapes.ts';

/** Logits beyond 8 are float32 sums of hundreds of leaves in onnxruntime: some 1e-6 of a probability. */
const TOLERANCE = 1e-5;
/** Of a sum of probabilities from 1: rounding of float16 networks stays below, logits do not. */
const SUM_TOLERANCE = 1e-3;
const WARM_UP_RUNS = 8;

/** A verified direction model, ready to score. */
export interface DirectionModel {
  readonly manifest: DirectionManifest;
  readonly modelsHash: string;
  readonly engine: ScoringEngine;
  /** What was compared, or why onnxruntime scores it. */
  readonly engineNote: string;
  /** Of its rows, where they have formulas or a sequence; absent: they are the newest hand-written features. */
  readonly rowSchema?: InstrumentSchema;
  /** Measures how unlike its training rows an input is; absent: the bundle does not describe them. */
  readonly novelty?: InputNovelty;
  /**
   * Rows on which our own code was compared with onnxruntime, or onnxruntime with the golden answers where it scores;
   * and the largest difference of a probability.
   */
  readonly check: { readonly rows: number; readonly largestDifference: number };
  /**
   * Probabilities of the first `rows` rows of `features`, by row: up, down, range; they belong to the caller until the
   * next call. At once, and without allocating, when our own code scores; else a promise.
   * @throws RangeError more rows than it was loaded for
   * @throws MinutehandError MODEL_OUTPUT when probabilities are not within [0, 1], or do not add up to 1; at once or by
   * the promise
   */
  infer(features: Float32Array, rows: number): Float64Array | Promise<Float64Array>;
  /** Gives memory and sessions back. Not to be used afterward. */
  release(): Promise<void>;
}

/** A verified bundle without anything that is bound to a thread. */
export interface PreparedDirection extends Pick<DirectionModel, 'manifest' | 'modelsHash' | 'check' | 'rowSchema'> {
  readonly folder: string;
  readonly scoring: DirectionScoring;
}

/** The same of a model that our own code scores. */
export interface OwnDirection extends PreparedDirection {
  readonly scoring: OwnDirectionScoring;
}

/** Reads, verifies and opens a bundle, with its own formulas. @throws MinutehandError as prepareDirection */
export async function loadDirectionModel(
  folder: string,
  schema: InstrumentSchema,
  maxRows: number,
): Promise<DirectionModel> {
  return openDirection(await prepareDirection(folder, schema), maxRows);
}

/**
 * Reads and verifies a bundle, and finds out what scores it: our own code where the graph is trees and a softmax, or
 * trees and arithmetic around them, which is compared with onnxruntime on rows at all thresholds; else onnxruntime. Any
 * has to give the golden answers.
 * @param configured schema of this version; the formulas of a bundle are its own
 * @throws MinutehandError MODEL_MISSING, MODEL_SIGNATURE, MODEL_MANIFEST, MODEL_HASH, MODEL_SCHEMA, MODEL_LOAD,
 * MODEL_GOLDEN, KERNEL_MISSING
 */
export async function prepareDirection(folder: string, configured: InstrumentSchema): Promise<PreparedDirection> {
  const { manifest, modelsHash, model: bytes } = readDirectionBundle(folder);
  const schema = bundleInstrumentSchema(configured, manifest);
  if (manifest.feature_schema !== schema.hash)
    throw new MinutehandError('MODEL_SCHEMA', {
      seen: `feature schema ${manifest.feature_schema} in ${folder}`,
      expected: schema.hash,
    });
  const shape: RowShape = { columns: schema.definitions.length, bars: sequenceBars(schema.windows) };
  const graph: DirectionGraph = { folder, manifest, bytes, shape };
  const { formulas, sequence } = schema.windows;
  const isOwn = formulas !== undefined || sequence !== undefined;
  const known = { folder, manifest, modelsHash, ...(isOwn && { rowSchema: schema }) };
  const trees = shape.bars === 1 ? treesOf(bytes) : null;
  return { ...known, ...(trees === null ? await prepareOther(graph) : await prepareTrees(graph, trees)) };
}

/** A graph of a bundle. */
interface DirectionGraph {
  readonly folder: string;
  readonly manifest: DirectionManifest;
  readonly bytes: Uint8Array;
  readonly shape: RowShape;
}

type Scored = Pick<PreparedDirection, 'scoring' | 'check'>;

/** null: another graph than trees and a softmax. */
function treesOf(bytes: Uint8Array): TreeModel | null {
  try {
    const { model } = decodeTreeModel(bytes);
    return model.link === 'softmax' ? model : null;
  } catch (error) {
    if (error instanceof MinutehandError) return null;
    throw error;
  }
}

async function prepareTrees(graph: DirectionGraph, trees: TreeModel): Promise<Scored> {
  const { folder, manifest, bytes, shape } = graph;
  const { columns } = shape;
  const classes = trees.ensembles.length;
  if (classes !== CLASSES || trees.ensembles.some((own) => own.columns !== columns))
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${classes} × ${trees.link} of ${trees.ensembles[0]!.columns} columns in ${folder}`,
      expected: `3 × softmax of ${columns} columns`,
    });
  const hard = trees.ensembles.map((own, k) => checkRows(own, `${manifest.files[DIRECTION_FILE].sha256}/${k}`));
  const rows = joinedFloat32([goldenFeatures(manifest.golden), ...hard]);
  const count = rows.length / columns;
  const expected = (await onnxAnswers(bytes, { rows: count, columns, values: rows })).values;
  const answers = openOwnScoring({ engine: 'wasm-simd', trees, note: '' }, count)(rows, count);
  const largestDifference = largest(answers, expected);
  if (!(largestDifference <= TOLERANCE))
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${folder}: WASM answers differ by up to ${largestDifference} from onnxruntime`,
      expected: `at most ${TOLERANCE}`,
    });
  checkGolden(manifest, answers, folder);
  const check = { rows: count, largestDifference };
  return { check, scoring: { engine: 'wasm-simd', trees, note: checkNote(check) } };
}

async function prepareOther(graph: DirectionGraph): Promise<Scored> {
  const { folder, manifest, bytes, shape } = graph;
  const { columns, bars } = shape;
  const path = join(folder, DIRECTION_FILE);
  refuseOtherShapes(bytes, shape, path);
  const width = rowWidth(shape);
  if (manifest.golden.features.some((row) => row.length !== width))
    throw new MinutehandError('MODEL_MANIFEST', { seen: `golden rows of the wrong length in ${folder}` });
  if (bars > 1) return prepareSession(graph, `a sequence of ${bars} bars`);
  const own = readOwn(bytes);
  if ('refusal' in own) return prepareSession(graph, own.refusal);
  const seed = manifest.files[DIRECTION_FILE].sha256;
  const rows = joinedFloat32([goldenFeatures(manifest.golden), ...hardRows(own, seed)]);
  const session = await openRowSession(bytes, shape, path);
  let check: DirectionModel['check'];
  try {
    check = checkAnswers(own.model, columns, rows, await session.run(rows, rows.length / columns));
  } catch (cause) {
    throw unusable(path, cause);
  } finally {
    await session.release();
  }
  if (!(check.largestDifference <= TOLERANCE))
    return prepareSession(graph, `our own answers differ by up to ${check.largestDifference}`);
  const scoring: DirectionScoring = { engine: 'own-graph', graph: own.model.graph, note: checkNote(check) };
  const golden = manifest.golden.features.length;
  refuseWrongGolden(manifest, openOwnScoring(scoring, golden)(goldenFeatures(manifest.golden), golden), folder);
  return { check, scoring };
}

type OwnDirectionGraph = ReadOwnModel & { readonly model: { readonly engine: 'own-graph' } };

/** A graph that our own code scores, or why it does not. */
function readOwn(bytes: Uint8Array): OwnDirectionGraph | { readonly refusal: string } {
  try {
    const own = readOwnModel(bytes);
    if (own.model.engine !== 'own-graph') return { refusal: 'trees of one answer a row' };
    if (packedTreesOf(own.model).length > 0) kernelModule();
    return own as OwnDirectionGraph;
  } catch (error) {
    if (!(error instanceof MinutehandError)) throw error;
    if (error.code === 'KERNEL_MISSING') return { refusal: `${error.message} ${error.next}` };
    return { refusal: `more than trees and arithmetic: ${error.seen}` };
  }
}

function unusable(path: string, cause: unknown): MinutehandError {
  return cause instanceof MinutehandError ? cause : modelLoadError(path, cause);
}

/** @param note why our own code does not score it */
async function prepareSession(graph: DirectionGraph, note: string): Promise<Scored> {
  const { folder, manifest, bytes, shape } = graph;
  const session = await openDirectionSession(bytes, shape, join(folder, DIRECTION_FILE));
  try {
    const answers = await goldenAnswers(session, manifest, folder);
    const rows = manifest.golden.features.length;
    const check = { rows, largestDifference: largest(answers, manifest.golden.probabilities.flat()) };
    return { check, scoring: { engine: 'onnxruntime-node', bytes, note } };
  } finally {
    await session.release();
  }
}

/** @throws MinutehandError MODEL_LOAD for a graph that gives no probabilities, MODEL_GOLDEN for other ones */
async function goldenAnswers(
  session: DirectionSession,
  manifest: DirectionManifest,
  folder: string,
): Promise<Float64Array> {
  const path = join(folder, DIRECTION_FILE);
  let answers: Float64Array;
  try {
    answers = await session.score(goldenFeatures(manifest.golden), manifest.golden.features.length);
  } catch (cause) {
    throw unusable(path, cause);
  }
  refuseWrongGolden(manifest, answers, folder);
  return answers;
}

/** @throws MinutehandError MODEL_LOAD for answers that are no probabilities, MODEL_GOLDEN for other ones */
function refuseWrongGolden(manifest: DirectionManifest, answers: Float64Array, folder: string): void {
  for (let row = 0; row < manifest.golden.features.length; row++) {
    if (!areProbabilities(answers, row))
      throw new MinutehandError('MODEL_LOAD', {
        seen: `${join(folder, DIRECTION_FILE)} answers ${answersText(answers, row)} on golden row ${row}`,
        expected: 'probabilities of up, down and range, which add up to 1: logits need a Softmax as the last operator',
      });
  }
  checkGolden(manifest, answers, folder);
}

/**
 * Opens a prepared model on this thread, and warms it.
 * @param maxRows of one call
 * @throws MinutehandError KERNEL_MISSING, MODEL_MANIFEST, MODEL_LOAD, MODEL_GOLDEN
 */
export async function openDirection(prepared: PreparedDirection, maxRows: number): Promise<DirectionModel> {
  const { scoring, ...known } = prepared;
  if (scoring.engine !== 'onnxruntime-node') return openOwnDirection({ ...known, scoring }, maxRows);
  const { manifest } = known;
  const session = await openSession(prepared, scoring.bytes);
  let isReleased = false;
  return {
    ...describe(prepared),
    async infer(features, rows) {
      if (rows > maxRows) throw new RangeError(`${rows} rows in a direction model for ${maxRows}`);
      if (isReleased) throw new Error(`the direction model ${manifest.version} was released`);
      const probabilities = await session.score(features, rows);
      refuseOthers(manifest.version, probabilities, rows);
      return probabilities;
    },
    async release() {
      if (isReleased) return;
      isReleased = true;
      await session.release();
    },
  };
}

/** The same of a model that our own code scores, at once. @throws MinutehandError KERNEL_MISSING, MODEL_MANIFEST */
export function openOwnDirection(prepared: OwnDirection, maxRows: number): DirectionModel {
  const { manifest } = prepared;
  const score = openOwnScoring(prepared.scoring, maxRows);
  return {
    ...describe(prepared),
    infer(features, wanted) {
      const probabilities = score(features, wanted);
      refuseOthers(manifest.version, probabilities, wanted);
      return probabilities;
    },
    release: () => Promise.resolve(),
  };
}

/** All of a model but its scores. */
function describe({
  folder: _folder,
  scoring,
  ...known
}: PreparedDirection): Omit<DirectionModel, 'infer' | 'release'> {
  const { manifest } = known;
  return {
    ...known,
    engine: scoring.engine,
    engineNote: scoring.note,
    ...(manifest.inputs && { novelty: new InputNovelty(manifest.inputs, manifest.features) }),
  };
}

async function openSession({ manifest, folder }: PreparedDirection, bytes: Uint8Array): Promise<DirectionSession> {
  const shape: RowShape = { columns: manifest.features.length, bars: directionBars(manifest) };
  const opened = await openDirectionSession(bytes, shape, join(folder, DIRECTION_FILE));
  return orRelease(opened, async (session) => {
    await goldenAnswers(session, manifest, folder);
    const golden = goldenFeatures(manifest.golden);
    for (let run = 0; run < WARM_UP_RUNS; run++) await session.score(golden, 1);
  });
}

/** @throws MinutehandError MODEL_OUTPUT for numbers that are no probabilities of the first rows */
function refuseOthers(version: string, answers: Float64Array, rows: number): void {
  for (let row = 0; row < rows; row++)
    if (!areProbabilities(answers, row))
      throw new MinutehandError('MODEL_OUTPUT', { seen: `${version} answered ${answersText(answers, row)}` });
}

/** Whether the answers to a row are probabilities, which add up to 1. */
function areProbabilities(answers: Float64Array, row: number): boolean {
  let sum = 0;
  for (let i = row * CLASSES; i < (row + 1) * CLASSES; i++) {
    const probability = answers[i]!;
    if (!(probability >= 0 && probability <= 1)) return false;
    sum += probability;
  }
  return Math.abs(sum - 1) <= SUM_TOLERANCE;
}

function answersText(answers: Float64Array, row: number): string {
  return answers.subarray(row * CLASSES, (row + 1) * CLASSES).join(', ');
}

function largest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < b.length; i++) {
    const distance = Math.abs(a[i]! - b[i]!);
    most = Number.isNaN(distance) ? Infinity : Math.max(most, distance);
  }
  return most;
}

function checkGolden({ golden }: DirectionManifest, answers: Float64Array, folder: string): void {
  golden.features.forEach((_, row) => {
    for (let k = 0; k < CLASSES; k++) {
      const expected = golden.probabilities[row]?.[k];
      const seen = answers[row * CLASSES + k]!;
      if (expected === undefined || !(Math.abs(seen - expected) <= TOLERANCE))
        throw new MinutehandError('MODEL_GOLDEN', {
          seen: `direction answers ${seen} on golden row ${row} of ${folder}`,
          expected: String(expected),
        });
    }
  });
}
