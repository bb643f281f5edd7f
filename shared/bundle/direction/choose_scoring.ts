import { MinutehandError } from '../../errors.ts';
import { joinedFloat32 } from '../../joined_numbers.ts';
import { checkGraph } from '../graph_check/graph_check.ts';
import { onnxAnswers } from '../onnx/answers.ts';
import { modelLoadError } from '../onnx/model_load_error.ts';
import { decodeTreeModel } from '../onnx/tree_graph.ts';
import type { TreeModel } from '../onnx/tree_ensemble.ts';
import { packedTreesOf, readOwnModel, type ReadOwnModel } from '../own_model.ts';
import { openRowSession, type RowShape, rowWidth } from '../scorer.ts';
import { checkAnswers, checkNote, checkRows, differenceNote, hardRows } from '../tree_kernel/cross_check.ts';
import { kernelRefusal } from '../tree_kernel/tree_kernel.ts';
import {
  CLASSES,
  type DirectionScoring,
  type DirectionSession,
  openDirectionSession,
  openOwnScoring,
  type OwnDirectionScoring,
} from './direction_scoring.ts';
import { readModel } from '../onnx/read_model.ts';
import { ELEMENT_FLOAT32, type OnnxModel, type OnnxValue } from '../onnx/schema.ts';

/**
 * Refuses a graph whose declared shapes are not those of a direction model: float32 [N, columns], or
 * [N, bars, columns], to [N, 3]. What a graph does not declare shows when it is run.
 * @throws MinutehandError MODEL_LOAD
 */
function refuseOtherShapes(bytes: Uint8Array, shape: RowShape, path: string): void {
  const { columns, bars } = shape;
  const input = bars === 1 ? `[N, ${columns}]` : `[N, ${bars}, ${columns}]`;
  const expected = `float32 ${input} → float32 [N, 3]: up, down, range`;
  const refusal = readModel(bytes, expected, (model) => shapeRefusal(model, shape));
  if (refusal !== null) throw new MinutehandError('MODEL_LOAD', { seen: `${path} ${refusal}`, expected });
}

function shapeRefusal({ graph }: OnnxModel, { columns, bars }: RowShape): string | null {
  const { inputs, outputs } = graph;
  // Earlier versions of ONNX list weights among the inputs; onnxruntime knows which they are.
  if (inputs.length === 1) {
    const [input] = inputs as [OnnxValue];
    const { elementType, sizes } = declared(input);
    if (sizes !== null) {
      const wanted = bars === 1 ? [columns] : [bars, columns];
      const own = sizes.slice(1);
      if (own.length === 2 && bars === 1)
        return `takes a sequence of ${own[0] || 'some'} bars, and its manifest states none (windows.sequence)`;
      if (own.length !== wanted.length) return `takes ${sizes.length} dimensions`;
      if (bars > 1 && own[0] !== 0 && own[0] !== bars) return `takes a sequence of ${own[0]} bars`;
      if (own.at(-1) !== 0 && own.at(-1) !== columns) return `takes ${own.at(-1)} features`;
    }
    if (elementType !== null && elementType !== ELEMENT_FLOAT32) return `takes features of element type ${elementType}`;
  }
  if (outputs.length === 1) {
    const { sizes } = declared(outputs[0]!);
    const classes = sizes?.[1] ?? 0;
    if (classes !== 0 && classes !== CLASSES) return `answers with ${classes} numbers a row`;
  }
  return null;
}

/** @returns sizes of the dimensions, 0 where one is free; null for what is not declared */
function declared({ type }: OnnxValue): { readonly elementType: number | null; readonly sizes: number[] | null } {
  const { elementType = null, shape } = type?.tensor ?? {};
  return { elementType, sizes: shape?.dimensions?.map(({ size = 0 }) => size) ?? null };
}

/** Logits beyond 8 are float32 sums of hundreds of leaves in onnxruntime: some 1e-6 of a probability. */
export const ANSWER_TOLERANCE = 1e-5;

/** The graph of a direction model. */
export interface DirectionGraph {
  readonly bytes: Uint8Array;
  readonly shape: RowShape;
  /** Of the file, in errors. */
  readonly path: string;
  /** Of random rows. */
  readonly seed: string;
  /** Rows whose answers are wanted, [rows × numbers of a row]; asked for once the shapes of the graph are right. */
  rows(): Float32Array;
  /** Opens our own code for trees; another one in tests. */
  readonly openTrees?: typeof openOwnScoring;
}

export interface ChosenScoring {
  readonly scoring: DirectionScoring;
  /** To the rows of the graph, by row: up, down, range. */
  readonly answers: Float64Array;
  /** Rows on which our own code was compared with onnxruntime; null: onnxruntime scores. */
  readonly check: { readonly rows: number; readonly largestDifference: number } | null;
}

/**
 * Finds out what scores a graph: our own code where it is trees and a softmax, or trees and arithmetic around them,
 * which is compared with onnxruntime on rows at all thresholds; else, and where our own code is missing or differs,
 * onnxruntime.
 * @throws MinutehandError MODEL_LOAD, and what `rows` throws
 */
export async function chooseScoring(graph: DirectionGraph): Promise<ChosenScoring> {
  const { bytes, shape, path } = graph;
  const trees = shape.bars === 1 ? treesOf(bytes) : null;
  if (trees !== null) return chooseTrees(graph, trees);
  refuseOtherShapes(bytes, shape, path);
  const rows = graph.rows();
  if (shape.bars > 1) return chooseSession(graph, rows, `a sequence of ${shape.bars} bars`);
  const own = readOwn(bytes);
  if ('refusal' in own) return chooseSession(graph, rows, own.refusal);
  const check = await compareOwn(graph, rows, own);
  if (!(check.largestDifference <= ANSWER_TOLERANCE)) return chooseSession(graph, rows, differenceNote(check));
  const scoring: OwnDirectionScoring = { engine: 'own-graph', graph: own.model.graph, note: checkNote(check) };
  const count = rows.length / shape.columns;
  return { scoring, check, answers: openOwnScoring(scoring, count)(rows, count) };
}

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

async function chooseTrees(graph: DirectionGraph, trees: TreeModel): Promise<ChosenScoring> {
  const { bytes, shape, path, seed, openTrees = openOwnScoring } = graph;
  const { columns } = shape;
  const classes = trees.ensembles.length;
  if (classes !== CLASSES || trees.ensembles.some((own) => own.columns !== columns))
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${classes} × ${trees.link} of ${trees.ensembles[0]!.columns} columns in ${path}`,
      expected: `3 × softmax of ${columns} columns`,
    });
  const wanted = graph.rows();
  const refusal = kernelRefusal();
  if (refusal !== null) return chooseSession(graph, wanted, refusal);
  const hard = trees.ensembles.map((own, k) => checkRows(own, `${seed}/${k}`));
  const rows = joinedFloat32([wanted, ...hard]);
  const count = rows.length / columns;
  const expected = (await onnxAnswers(bytes, { rows: count, columns, values: rows })).values;
  const answers = openTrees({ engine: 'wasm-simd', trees, note: '' }, count)(rows, count);
  const check = { rows: count, largestDifference: largestDifference(answers, expected) };
  if (!(check.largestDifference <= ANSWER_TOLERANCE)) return chooseSession(graph, wanted, differenceNote(check));
  return { scoring: { engine: 'wasm-simd', trees, note: checkNote(check) }, answers, check };
}

type OwnDirectionGraph = ReadOwnModel & { readonly model: { readonly engine: 'own-graph' } };

/** A graph that our own code scores, or why it does not. */
function readOwn(bytes: Uint8Array): OwnDirectionGraph | { readonly refusal: string } {
  try {
    const own = readOwnModel(bytes);
    if (own.model.engine !== 'own-graph') return { refusal: 'trees of one answer a row' };
    const refusal = packedTreesOf(own.model).length > 0 ? kernelRefusal() : null;
    return refusal === null ? (own as OwnDirectionGraph) : { refusal };
  } catch (error) {
    if (!(error instanceof MinutehandError)) throw error;
    return { refusal: `more than trees and arithmetic: ${error.seen}` };
  }
}

async function compareOwn(
  { bytes, shape, path, seed }: DirectionGraph,
  wanted: Float32Array,
  own: OwnDirectionGraph,
): Promise<NonNullable<ChosenScoring['check']>> {
  const { columns } = shape;
  const rows = joinedFloat32([wanted, ...hardRows(own, seed)]);
  const session = await openRowSession(bytes, shape, path);
  try {
    return checkAnswers(own.model, columns, rows, await session.run(rows, rows.length / columns));
  } catch (cause) {
    throw unusable(path, cause);
  } finally {
    await session.release();
  }
}

/** @param note why our own code does not score it */
async function chooseSession(
  { bytes, shape, path }: DirectionGraph,
  wanted: Float32Array,
  note: string,
): Promise<ChosenScoring> {
  // The bundle may be of another home, which has checked nothing.
  await checkGraph(bytes, shape, path);
  const session = await openDirectionSession(bytes, shape, path);
  try {
    const answers = await sessionAnswers(session, wanted, { rows: wanted.length / rowWidth(shape), path });
    return { scoring: { engine: 'onnxruntime-node', bytes, note }, answers, check: null };
  } finally {
    await session.release();
  }
}

/** @throws MinutehandError MODEL_LOAD where the graph does not run */
export async function sessionAnswers(
  session: DirectionSession,
  features: Float32Array,
  { rows, path }: { readonly rows: number; readonly path: string },
): Promise<Float64Array> {
  try {
    return await session.score(features, rows);
  } catch (cause) {
    throw unusable(path, cause);
  }
}

function unusable(path: string, cause: unknown): MinutehandError {
  return cause instanceof MinutehandError ? cause : modelLoadError(path, cause);
}

/** Infinity where a number is none. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < b.length; i++) {
    const distance = Math.abs(a[i]! - b[i]!);
    most = Number.isNaN(distance) ? Infinity : Math.max(most, distance);
  }
  return most;
}
