import { softmaxAt } from '../../elementary.ts';
import type { TreeModel } from '../onnx/tree_ensemble.ts';
import type { OwnGraph } from '../own_graph/own_graph.ts';
import { openOwnModel } from '../own_model.ts';
import { openRowSession, rowWidth, type RowShape } from '../scorer.ts';
import { packTrees } from '../tree_kernel/pack.ts';
import { openTreeKernel } from '../tree_kernel/tree_kernel.ts';

/** Up, down, range. */
export const CLASSES = 3;

/**
 * Probabilities of the first `rows` rows of `features`, by row: up, down, range. They belong to the caller until the
 * next call.
 */
export type ScoreDirections = (features: Float32Array, rows: number) => Float64Array;

/** What scores a direction model, as plain data that may be passed to another thread. */
export type DirectionScoring = { readonly note: string } & (
  | { readonly engine: 'wasm-simd'; readonly trees: TreeModel }
  | { readonly engine: 'own-graph'; readonly graph: OwnGraph }
  | { readonly engine: 'onnxruntime-node'; readonly bytes: Uint8Array }
);

/** The part that answers at once and without a promise. */
export type OwnDirectionScoring = Exclude<DirectionScoring, { readonly engine: 'onnxruntime-node' }>;

/** @param maxRows of one call @throws MinutehandError KERNEL_MISSING */
export function openOwnScoring(scoring: OwnDirectionScoring, maxRows: number): ScoreDirections {
  if (scoring.engine === 'wasm-simd') return softmaxScorer(scoring.trees, maxRows);
  const score = openOwnModel(scoring, maxRows);
  const probabilities = new Float64Array(maxRows * CLASSES);
  return (features, rows) => {
    if (rows > maxRows) throw new RangeError(`${rows} rows in a direction model for ${maxRows}`);
    const answers = score(features, rows);
    for (let i = 0; i < rows * CLASSES; i++) probabilities[i] = answers[i]!;
    return probabilities;
  };
}

/** Softmax over the classes' sums, which WASM scores in one call; the result is overwritten by the next one. */
export function softmaxScorer({ ensembles }: TreeModel, maxRows: number): ScoreDirections {
  const kernel = openTreeKernel(
    ensembles.map((own) => packTrees(own, 'none')),
    maxRows,
  );
  const classes = ensembles.length;
  const probabilities = new Float64Array(maxRows * classes);
  return (features, rows) => {
    kernel.score(features, rows);
    for (let row = 0; row < rows; row++) {
      const first = row * classes;
      for (let k = 0; k < classes; k++) probabilities[first + k] = kernel.answers[k]![row]!;
      softmaxAt(probabilities, first, classes);
    }
    return probabilities;
  };
}

/** A direction model in onnxruntime. */
export interface DirectionSession {
  /** As `ScoreDirections`, by a promise. @throws RangeError when an answer has not three numbers a row */
  score(features: Float32Array, rows: number): Promise<Float64Array>;
  release(): Promise<void>;
}

/**
 * Opens a graph float32 [N, columns], or [N, bars, columns], → float32 [N, 3]. Each row is scored by a call of its
 * own: what an instrument is answered does not depend, not even in its last bit, on which others are scored with it,
 * so that a replay, an explanation and a backtest, which batch differently, give the same probabilities. Blocks the
 * thread for some milliseconds.
 * @throws MinutehandError MODEL_LOAD
 */
export async function openDirectionSession(
  bytes: Uint8Array,
  shape: RowShape,
  path: string,
): Promise<DirectionSession> {
  const session = await openRowSession(bytes, shape, path);
  const width = rowWidth(shape);
  return {
    async score(features, rows) {
      const probabilities = new Float64Array(rows * CLASSES);
      for (let row = 0; row < rows; row++) {
        const answers = await session.run(features.subarray(row * width, (row + 1) * width), 1);
        if (answers.length !== CLASSES)
          throw new RangeError(`${session.output} has ${answers.length} numbers a row, not 3: up, down, range`);
        probabilities.set(answers, row * CLASSES);
      }
      return probabilities;
    },
    release: () => session.release(),
  };
}
