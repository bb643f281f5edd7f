import type { InferenceSession } from '../onnxruntime.ts';
import { MinutehandError } from '../../errors.ts';
import { INPUT_NAME, OUTPUT_NAME } from './onnx.ts';
import type { Matrix } from './tree_ensemble.ts';

/** Rows per call: the memory for answers and sums stays small. */
const BATCH_ROWS = 8192;

/** Answers of a model for each row: `values[row * width + answer]`. */
export interface Answers {
  readonly width: number;
  readonly values: Float32Array;
}

/**
 * The answers of a model of `encodeTreeModel` in onnxruntime, on one thread.
 * @throws MinutehandError MODEL_LOAD when onnxruntime does not take the bytes
 */
export async function onnxAnswers(bytes: Uint8Array, x: Matrix): Promise<Answers> {
  const { InferenceSession, Tensor } = await import('../onnxruntime.ts');
  const threads = { intraOpNumThreads: 1, interOpNumThreads: 1 };
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(bytes, { ...threads, logSeverityLevel: 4 });
  } catch (cause) {
    throw new MinutehandError('MODEL_LOAD', { seen: cause instanceof Error ? cause.message : String(cause), cause });
  }
  try {
    let width = 0;
    let values = new Float32Array(0);
    for (let from = 0; from < x.rows; from += BATCH_ROWS) {
      const rows = Math.min(BATCH_ROWS, x.rows - from);
      const batch = x.values.subarray(from * x.columns, (from + rows) * x.columns);
      const result = await session.run({ [INPUT_NAME]: new Tensor('float32', batch, [rows, x.columns]) });
      const { data, dims } = result[OUTPUT_NAME]!;
      if (from === 0) {
        width = dims[1]!;
        values = new Float32Array(x.rows * width);
      }
      values.set(data as Float32Array, from * width);
    }
    return { width, values };
  } finally {
    await session.release();
  }
}
