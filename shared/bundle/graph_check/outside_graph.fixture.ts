import { encodeGraph, featuresInput, INPUT_NAME, OUTPUT_NAME } from '../onnx/onnx.ts';
import { ATTRIBUTE, type OnnxNode } from '../onnx/schema.ts';

export const node = (
  operator: string,
  inputs: string[],
  output: string,
  attributes: OnnxNode['attributes'] = [],
): OnnxNode => ({ name: `${output}_of`, operator, inputs, outputs: [output], attributes });
export const integer = (name: string, value: number) => [{ name, type: ATTRIBUTE.INT, integer: value }];
export const integers = (output: string, values: number[]): OnnxNode =>
  node('Constant', [], output, [{ name: 'value_ints', type: ATTRIBUTE.INTS, integers: values }]);
export const number = (output: string, value: number): OnnxNode =>
  node('Constant', [], output, [{ name: 'value_float', type: ATTRIBUTE.FLOAT, number: value }]);

/**
 * A graph as another program may write it: the sigmoid of the first column, where it is known, and of what these nodes
 * make of it.
 * @param width of the output, each of whose columns is that
 * @param nodes from `known` [N, 1] to `more`, which is added; absent: nothing is added
 */
export function outsideGraph(columns: number, nodes: readonly OnnxNode[], width = 1): Uint8Array {
  return encodeGraph({
    name: 'outside',
    inputs: [featuresInput(columns)],
    nodes: [
      number('zero', 0),
      integers('first', [0]),
      node('Gather', [INPUT_NAME, 'first'], 'one', integer('axis', 1)),
      node('IsNaN', ['one'], 'missing'),
      node('Where', ['missing', 'zero', 'one'], 'known'),
      ...nodes,
      node('Add', ['known', nodes.length === 0 ? 'zero' : 'more'], 'logit'),
      node('Sigmoid', ['logit'], 'probability'),
      node('Concat', new Array<string>(width).fill('probability'), OUTPUT_NAME, integer('axis', 1)),
    ],
    width,
    metadata: {},
  });
}

const SHIFT = [
  integers('one_row', [1]),
  integers('all_rows', [2 ** 31 - 1]),
  integers('rows', [0]),
  node('Slice', ['known', 'one_row', 'all_rows', 'rows'], 'later'),
  node('Slice', ['known', 'rows', 'one_row', 'rows'], 'head'),
  node('Concat', ['later', 'head'], 'more', integer('axis', 0)),
];
const POSITION = [
  node('Mul', ['known', 'zero'], 'nothing'),
  number('unit', 1e-6),
  node('Add', ['nothing', 'unit'], 'units'),
  integers('along', [0]),
  node('Squeeze', ['along'], 'axis'),
  node('CumSum', ['units', 'axis'], 'more'),
];
/** Nodes by what the answer to a row depends on beside it. */
export const DEPENDENT: Readonly<Record<string, readonly OnnxNode[]>> = {
  'the next row': SHIFT,
  'the next row by a hair': [
    ...SHIFT.slice(0, -1),
    node('Concat', ['later', 'head'], 'next', integer('axis', 0)),
    number('hair', 1e-5),
    node('Mul', ['next', 'hair'], 'more'),
  ],
  'the first row': [integers('head', [0]), node('Gather', ['known', 'head'], 'more', integer('axis', 0))],
  'the mean of the batch': [
    node('ReduceMean', ['known'], 'more', [{ name: 'axes', type: ATTRIBUTE.INTS, integers: [0] }]),
  ],
  'all rows before it': [
    integers('along', [0]),
    node('Squeeze', ['along'], 'axis'),
    node('CumSum', ['known', 'axis'], 'more'),
  ],
  'its place in the batch': POSITION,
  'the size of the batch': [
    node('Shape', ['known'], 'dimensions'),
    integers('head', [0]),
    node('Gather', ['dimensions', 'head'], 'count'),
    node('Cast', ['count'], 'more', integer('to', 1)),
  ],
};

/** 2^29 numbers that fill 2 GB, in less than a kilobyte. */
export const LARGE: readonly OnnxNode[] = [
  integers('numbers', [2 ** 29]),
  node('ConstantOfShape', ['numbers'], 'many'),
  node('ReduceMean', ['many'], 'more', integer('keepdims', 0)),
];

export const RANDOM: readonly OnnxNode[] = [node('RandomUniformLike', ['known'], 'more')];
