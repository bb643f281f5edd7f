import type { InferenceSession } from './onnxruntime.ts';
import { MinutehandError } from '../errors.ts';
import { refuseUnservedGraph } from './onnx/graph_limits.ts';
import { modelLoadError } from './onnx/model_load_error.ts';

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

/** A model in onnxruntime whose answers to a row may be several. */
export interface RowSession {
  /** Name of the output that `run` returns. */
  readonly output: string;
  /**
   * The answers to the first `rows` rows of `features`, row by row.
   * @throws TypeError when they are not float32
   */
  run(features: Float32Array, rows: number): Promise<Float32Array>;
  release(): Promise<void>;
}

/**
 * A model in onnxruntime. Its one input takes the features; its answer is the output `score`, `probabilities`, or the
 * only one, of one column, or of two as binary classifiers have it: the second is the probability. Blocks the thread
 * for some milliseconds.
 * @throws MinutehandError MODEL_LOAD
 */
export async function loadScorer(bytes: Uint8Array, shape: RowShape, name: string): Promise<Scorer> {
  const session = await openRowSession(bytes, shape, name);
  return {
    async score(features, rows) {
      const data = await session.run(features, rows);
      if (data.length === rows) return data;
      if (data.length !== 2 * rows)
        throw new RangeError(`${session.output} has ${data.length} numbers for ${rows} rows`);
      return Float32Array.from({ length: rows }, (_, row) => data[2 * row + 1]!);
    },
    release: () => session.release(),
  };
}

/**
 * A model in onnxruntime. Its one input takes the features; its answers are the output `score`, `probabilities`, or the
 * only one. Blocks the thread for some milliseconds.
 * @throws MinutehandError MODEL_LOAD
 */
export async function openRowSession(
  bytes: Uint8Array,
  { columns, bars }: RowShape,
  name: string,
): Promise<RowSession> {
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
    output,
    async run(features, rows) {
      const view = features.length === rows * width ? features : features.subarray(0, rows * width);
      const answer = (await session.run({ [input]: new Tensor('float32', view, [rows, ...shape]) }, [output]))[output]!;
      if (!(answer.data instanceof Float32Array)) throw new TypeError(`${output} is ${answer.type}, not float32`);
      return answer.data;
    },
    release: () => session.release(),
  };
}

/**
 * One thread and sequential execution: several sessions share two cores with the trainer, and the order of sums stays
 * fixed.
 */
async function createSession(bytes: Uint8Array, name: string): Promise<InferenceSession> {
  refuseUnservedGraph(bytes, name);
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
    throw modelLoadError(name, cause);
  }
}
