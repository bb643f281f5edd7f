import { perModel } from '../core/features/feature.ts';
import { sequenceBars } from '../core/features/windows.ts';
import { createRng } from '../rng.ts';
import type { FeatureSchema } from './feature_schema.ts';
import { encodeGraph, featuresInput, INPUT_NAME, OUTPUT_NAME } from './onnx/onnx.ts';
import { ATTRIBUTE, type OnnxAttribute, type OnnxNode } from './onnx/schema.ts';
import { writeRandomBundle } from './random_bundle.fixture.ts';
import { loadScorer } from './scorer.ts';

/**
 * A graph that reads a sequence: the sigmoid of how far the mean of the newest row, and half of that of all rows, is
 * above that of the oldest. A missing value counts as 0.
 * @param tilt added before the sigmoid
 */
export function sequenceModel(columns: number, bars: number, tilt: number): Uint8Array {
  const node = (
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: OnnxAttribute[] = [],
  ): OnnxNode => ({ name: `${output}_of`, operator, inputs: [...inputs], outputs: [output], attributes });
  const number = (output: string, value: number): OnnxNode =>
    node('Constant', [], output, [{ name: 'value_float', type: ATTRIBUTE.FLOAT, number: value }]);
  const integers = (output: string, values: number[]): OnnxNode =>
    node('Constant', [], output, [{ name: 'value_ints', type: ATTRIBUTE.INTS, integers: values }]);
  const meanOf = (input: string, output: string): OnnxNode =>
    node('ReduceMean', [input], output, [
      { name: 'axes', type: ATTRIBUTE.INTS, integers: [1, 2] },
      { name: 'keepdims', type: ATTRIBUTE.INT, integer: 0 },
    ]);
  const barAt = (place: string, output: string): OnnxNode =>
    node('Gather', ['bounded', place], output, [{ name: 'axis', type: ATTRIBUTE.INT, integer: 1 }]);
  return encodeGraph({
    name: 'sequence',
    inputs: [featuresInput(columns, bars)],
    nodes: [
      number('zero', 0),
      number('half', 0.5),
      number('tilt', tilt),
      integers('first', [0]),
      integers('newest', [bars - 1]),
      integers('column', [-1, 1]),
      node('IsNaN', [INPUT_NAME], 'missing'),
      node('Where', ['missing', 'zero', INPUT_NAME], 'known'),
      node('Tanh', ['known'], 'bounded'),
      barAt('first', 'oldest_bar'),
      barAt('newest', 'newest_bar'),
      meanOf('oldest_bar', 'oldest_mean'),
      meanOf('newest_bar', 'newest_mean'),
      meanOf('bounded', 'mean'),
      node('Mul', ['mean', 'half'], 'half_mean'),
      node('Sub', ['newest_mean', 'oldest_mean'], 'rise'),
      node('Add', ['rise', 'half_mean'], 'sum'),
      node('Add', ['sum', 'tilt'], 'logit'),
      node('Sigmoid', ['logit'], 'probability'),
      node('Reshape', ['probability', 'column'], OUTPUT_NAME),
    ],
    width: 1,
    metadata: {},
  });
}

const GOLDEN_ROWS = 2;

/** Writes a bundle of such graphs. @returns its folder */
export async function writeSequenceBundle(
  modelsFolder: string,
  { schema, seed, created }: { readonly schema: FeatureSchema; readonly seed: string; readonly created: Date },
): Promise<string> {
  const columns = schema.definitions.length;
  const bars = sequenceBars(schema.windows);
  const rng = createRng(seed);
  const models = perModel(() => sequenceModel(columns, bars, rng.uniform() - 0.5));
  const rows = Float32Array.from({ length: GOLDEN_ROWS * bars * columns }, () => rng.normal());
  const answers: Partial<Record<keyof typeof models, number[]>> = {};
  for (const name of ['ai1', 'ai2', 'ai3'] as const) {
    const scorer = await loadScorer(models[name], { columns, bars }, name);
    answers[name] = [...(await scorer.score(rows, GOLDEN_ROWS))];
    await scorer.release();
  }
  const features = Array.from({ length: GOLDEN_ROWS }, (_, row) => [
    ...rows.subarray(row * bars * columns, (row + 1) * bars * columns),
  ]);
  const golden = { features, ai1: answers.ai1!, ai2: answers.ai2!, ai3: answers.ai3! };
  return writeRandomBundle(modelsFolder, { schema, trees: 1, leaves: 2, seed, created, models, golden });
}
