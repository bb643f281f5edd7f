import type { InferenceSession } from './onnxruntime.ts';
import { MinutehandError } from '../errors.ts';
import { refuseOutsideData } from './onnx/graph_limits.ts';

/** One model: float32 features [rows, columns], or [rows, bars, columns], in, one float32 answer per row out. */
export interface Scorer {
  /** Scores the first `rows` rows of `features`. The answer belongs to the caller until the next call. */
  score(features: Float32Array, rows: number): Float32Array | Promise<Float32Array>;
  release(): Promise<void>;
}

/** What a model gets for each row of a batch. */
export interface RowShape {
  /** Columns of the features. */
  readonly columns: number;
  /** Bars whose features it gets together, the oldest first; 1 = those of the newest alone. */
  readonly bars: number;
}

/** Numbers of each row of a batch. */
export function rowWidth({ columns, bars }: RowShape): number {
  return bars * columns;
}

/**
 * A model in onnxruntime. Its one input takes the features; its answer is the output `score`, `probabilities`, or the
 * only one, of one column, or of two as binary classifiers have it: the second is the probability. Blocks the thread
 * for some milliseconds.
 * @throws MinutehandError MODEL_LOAD
 */
export async function loadScorer(bytes: Uint8Array, { columns, bars }: RowShape, name: string): Promise<Scorer> {
  // Its library takes 50 ms to load; a process whose models all are trees for the WASM scorer never needs it.
  const { Tensor } = await import('./onnxruntime.ts');
  const session = await createSession(bytes, name);
  const { inputNames, outputNames } = session;
  const input = inputNames.length === 1 ? inputNames[0]! : null;
  const output =
    ['score', 'probabilities'].find((wanted) => outputNames.includes(wanted)) ??
    (outputNames.length === 1 ? outputNames[0]! : null);
  if (input === null || output === null) {
    await session.release();
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${name}: inputs ${inputNames.join()}, outputs ${outputNames.join()}`,
      expected: 'one input, an output score',
    });
  }
  const width = bars * columns;
  const shape = bars === 1 ? [columns] : [bars, columns];
  return {
    async score(features, rows) {
      const view = features.length === rows * width ? features : features.subarray(0, rows * width);
      const answer = (await session.run({ [input]: new Tensor('float32', view, [rows, ...shape]) }, [output]))[output]!;
      if (!(answer.data instanceof Float32Array)) throw new TypeError(`${output} is ${answer.type}, not float32`);
      if (answer.data.length === rows) return answer.data;
      const { data } = answer;
      if (data.length !== 2 * rows) throw new RangeError(`${output} has ${data.length} numbers for ${rows} rows`);
      return Float32Array.from({ length: rows }, (_, row) => data[2 * row + 1]!);
    },
    release: () => session.release(),
  };
}

/**
 * One thread and sequential execution: several sessions share two cores with the trainer, and the order of sums stays
 * fixed.
 */
async function createSession(bytes: Uint8Array, name: string): Promise<InferenceSession> {
  refuseOutsideData(bytes, name);
  const onnxruntime = await import('./onnxruntime.ts');
  try {
    return await onnxruntime.InferenceSession.create(bytes, {
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
