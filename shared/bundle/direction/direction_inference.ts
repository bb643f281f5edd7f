import { MinutehandError } from '../../errors.ts';
import { CLASSES, openOwnScoring, type DirectionSession, type OwnDirectionScoring } from './direction_scoring.ts';

/** Of a sum of probabilities from 1: rounding of float16 networks stays below, logits do not. */
const SUM_TOLERANCE = 1e-3;

/** What answers with the probabilities of a direction model. */
export interface DirectionInference {
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

export interface InferenceOptions {
  /** Of the model, in errors. */
  readonly name: string;
  /** Of one call. */
  readonly maxRows: number;
}

/** By our own code, at once. @throws MinutehandError KERNEL_MISSING */
export function ownInference(scoring: OwnDirectionScoring, { name, maxRows }: InferenceOptions): DirectionInference {
  const score = openOwnScoring(scoring, maxRows);
  return {
    infer(features, wanted) {
      const probabilities = score(features, wanted);
      refuseOthers(name, probabilities, wanted);
      return probabilities;
    },
    release: () => Promise.resolve(),
  };
}

/** By onnxruntime. @param session belongs to the inference from now on */
export function inferenceOf(session: DirectionSession, { name, maxRows }: InferenceOptions): DirectionInference {
  let isReleased = false;
  return {
    async infer(features, rows) {
      if (rows > maxRows) throw new RangeError(`${rows} rows in a direction model for ${maxRows}`);
      if (isReleased) throw new Error(`the direction model ${name} was released`);
      const probabilities = await session.score(features, rows);
      refuseOthers(name, probabilities, rows);
      return probabilities;
    },
    async release() {
      if (isReleased) return;
      isReleased = true;
      await session.release();
    },
  };
}

/** @throws MinutehandError MODEL_OUTPUT for numbers that are no probabilities of the first rows */
function refuseOthers(name: string, answers: Float64Array, rows: number): void {
  for (let row = 0; row < rows; row++)
    if (!areProbabilities(answers, row))
      throw new MinutehandError('MODEL_OUTPUT', { seen: `${name} answered ${answersText(answers, row)}` });
}

/** Whether the answers to a row are probabilities, which add up to 1. */
export function areProbabilities(answers: Float64Array, row: number): boolean {
  let sum = 0;
  for (let i = row * CLASSES; i < (row + 1) * CLASSES; i++) {
    const probability = answers[i]!;
    if (!(probability >= 0 && probability <= 1)) return false;
    sum += probability;
  }
  return Math.abs(sum - 1) <= SUM_TOLERANCE;
}

export function answersText(answers: Float64Array, row: number): string {
  return answers.subarray(row * CLASSES, (row + 1) * CLASSES).join(', ');
}
