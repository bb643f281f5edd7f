import type { InferenceSession } from '../onnxruntime.ts';
import { MinutehandError } from '../../errors.ts';
import { refuseUnservedGraph } from './graph_limits.ts';
import { INPUT_NAME, OUTPUT_NAME } from './onnx.ts';
import { categoryInput, type Preparation } from './preparation.ts';
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
 * @param x codes in place of texts, which the graph gets
 * @throws MinutehandError MODEL_LOAD when onnxruntime does not take the bytes
 */
export async function onnxAnswers(
  bytes: Uint8Array,
  x: Matrix,
  preparation: Preparation | null = null,
): Promise<Answers> {
  refuseUnservedGraph(bytes, 'the model');
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
      const values32 = x.values.subarray(from * x.columns, (from + rows) * x.columns);
      const inputs = inputsOf({ rows, columns: x.columns, values: values32 }, preparation);
      const tensors = Object.entries(inputs).map(([name, { values: own, width: columns }]) => [
        name,
        own instanceof Float32Array
          ? new Tensor('float32', own, [rows, columns])
          : new Tensor('string', own, [rows, columns]),
      ]);
      const result = await session.run(Object.fromEntries(tensors) as Record<string, InstanceType<typeof Tensor>>);
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

interface Input {
  readonly width: number;
  readonly values: Float32Array | string[];
}

/** The inputs of a graph by name: numbers, and texts by the codes of their columns; '' where one is missing. */
function inputsOf(x: Matrix, preparation: Preparation | null): Record<string, Input> {
  if (preparation === null || preparation.categories.length === 0)
    return { [INPUT_NAME]: { width: x.columns, values: x.values } };
  const { numbers, categories } = preparation;
  const { rows, columns, values } = x;
  const inputs: Record<string, Input> = {};
  if (numbers > 0) {
    const own = new Float32Array(rows * numbers);
    for (let row = 0; row < rows; row++)
      own.set(values.subarray(row * columns, row * columns + numbers), row * numbers);
    inputs[INPUT_NAME] = { width: numbers, values: own };
  }
  categories.forEach(({ name, values: texts }, i) => {
    const own = Array.from({ length: rows }, (_, row) => texts[values[row * columns + numbers + i]!] ?? '');
    inputs[categoryInput(name)] = { width: 1, values: own };
  });
  return inputs;
}
