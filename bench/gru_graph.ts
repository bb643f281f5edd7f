import { encodeGraph, featuresInput, INPUT_NAME, OUTPUT_NAME } from '../shared/bundle/onnx/onnx.ts';
import { ATTRIBUTE, type OnnxAttribute, type OnnxNode } from '../shared/bundle/onnx/schema.ts';
import { createRng } from '../shared/rng.ts';

/** Units of the delivered `gru`. */
const UNITS = 32;
const GATES = 3;

/**
 * A GRU of the size of the delivered one with random weights, as PyTorch exports it: [N, bars, columns] to a
 * probability. A missing value counts as 0.
 */
export function gruGraph(columns: number, bars: number, seed: string): Uint8Array {
  const rng = createRng(seed);
  const random = (count: number): number[] => Array.from({ length: count }, () => (rng.uniform() - 0.5) / 3);
  const node = (
    operator: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: OnnxAttribute[] = [],
  ): OnnxNode => ({ name: `${outputs.at(-1)!}_of`, operator, inputs: [...inputs], outputs: [...outputs], attributes });
  const integers = (name: string, values: number[]): OnnxNode =>
    node('Constant', [], [name], [{ name: 'value_ints', type: ATTRIBUTE.INTS, integers: values }]);
  const weights = (name: string, ...shape: number[]): OnnxNode[] => [
    node(
      'Constant',
      [],
      [`${name}_flat`],
      [
        {
          name: 'value_floats',
          type: ATTRIBUTE.FLOATS,
          floats: random(shape.reduce((product, size) => product * size)),
        },
      ],
    ),
    integers(`${name}_shape`, shape),
    node('Reshape', [`${name}_flat`, `${name}_shape`], [name]),
  ];
  return encodeGraph({
    name: 'gru',
    inputs: [featuresInput(columns, bars)],
    nodes: [
      node('Constant', [], ['zero'], [{ name: 'value_float', type: ATTRIBUTE.FLOAT, number: 0 }]),
      node('IsNaN', [INPUT_NAME], ['missing']),
      node('Where', ['missing', 'zero', INPUT_NAME], ['known']),
      node('Tanh', ['known'], ['bounded']),
      node('Transpose', ['bounded'], ['by_bar'], [{ name: 'perm', type: ATTRIBUTE.INTS, integers: [1, 0, 2] }]),
      ...weights('of_inputs', 1, GATES * UNITS, columns),
      ...weights('of_states', 1, GATES * UNITS, UNITS),
      ...weights('biases', 1, 2 * GATES * UNITS),
      node(
        'GRU',
        ['by_bar', 'of_inputs', 'of_states', 'biases'],
        ['', 'last_state'],
        [
          { name: 'hidden_size', type: ATTRIBUTE.INT, integer: UNITS },
          { name: 'linear_before_reset', type: ATTRIBUTE.INT, integer: 1 },
        ],
      ),
      integers('row_shape', [-1, UNITS]),
      node('Reshape', ['last_state', 'row_shape'], ['state']),
      ...weights('dense', UNITS, 1),
      node('MatMul', ['state', 'dense'], ['logit']),
      node('Sigmoid', ['logit'], [OUTPUT_NAME]),
    ],
    width: 1,
    metadata: {},
  });
}
