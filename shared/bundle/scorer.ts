import { InferenceSession, Tensor } from './onnxruntime.ts';
import { MinutehandError } from '../errors.ts';

/** One ONNX model in onnxruntime: float32 `features` [rows, columns] in, float32 `score` [rows, 1] out. */
export interface Scorer {
  /** Scores the first `rows` rows of `features`. The answer belongs to the caller until the next call. */
  score(features: Float32Array, rows: number): Promise<Float32Array>;
  release(): Promise<void>;
}

/** @throws MinutehandError MODEL_LOAD */
export async function loadScorer(bytes: Uint8Array, columns: number, name: string): Promise<Scorer> {
  const session = await createSession(bytes, name);
  if (session.inputNames.join() !== 'features' || session.outputNames.join() !== 'score') {
    await session.release();
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${name}: inputs ${session.inputNames.join()}, outputs ${session.outputNames.join()}`,
      expected: 'input features, output score',
    });
  }
  return {
    async score(features, rows) {
      const view = features.length === rows * columns ? features : features.subarray(0, rows * columns);
      const answer = await session.run({ features: new Tensor('float32', view, [rows, columns]) });
      return answer.score!.data as Float32Array;
    },
    release: () => session.release(),
  };
}

/** One thread and sequential execution: several sessions share two cores with the trainer, and the order of sums stays fixed. */
async function createSession(bytes: Uint8Array, name: string): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 4,
    });
  } catch (cause) {
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${name}: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}
