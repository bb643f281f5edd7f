import {
  ATTRIBUTE,
  ELEMENT_FLOAT64,
  type OnnxAttribute,
  type OnnxNode,
} from '../../../../shared/bundle/onnx/schema.ts';

/** Makes the nodes of a graph, whose values and nodes all have the same prefix. */
export interface GraphNodes {
  /** A name with the prefix. */
  named(name: string): string;
  /** @param inputs and `result` without the prefix; the node is named after its result */
  node(operator: string, inputs: readonly string[], result: string, attributes?: OnnxAttribute[]): OnnxNode;
  /** A float32 number as a float64 scalar. */
  scalar(name: string, value: number): OnnxNode[];
  /** Float32 numbers as a float64 vector. */
  vector(name: string, values: ArrayLike<number>): OnnxNode[];
  /** A vector of int64. */
  integers(name: string, values: readonly number[]): OnnxNode;
}

export function graphNodes(prefix: string): GraphNodes {
  const named = (name: string): string => `${prefix}${name}`;
  const node: GraphNodes['node'] = (operator, inputs, result, attributes = []) => ({
    name: named(`${result}_of`),
    operator,
    inputs: inputs.map(named),
    outputs: [named(result)],
    attributes,
  });
  return {
    named,
    node,
    scalar: (name, value) => [
      node('Constant', [], `${name}32`, [{ name: 'value_float', type: ATTRIBUTE.FLOAT, number: value }]),
      node('Cast', [`${name}32`], name, castTo(ELEMENT_FLOAT64)),
    ],
    vector: (name, values) => [
      node('Constant', [], `${name}32`, [{ name: 'value_floats', type: ATTRIBUTE.FLOATS, floats: Array.from(values) }]),
      node('Cast', [`${name}32`], name, castTo(ELEMENT_FLOAT64)),
    ],
    integers: (name, values) =>
      node('Constant', [], name, [{ name: 'value_ints', type: ATTRIBUTE.INTS, integers: [...values] }]),
  };
}

/** Axis of the columns of [N, columns]: features, or answers. */
const COLUMN_AXIS = 1;

/** Attributes of an operator along an axis, such as Gather of columns, or Softmax over classes. */
export function alongAxis(axis = COLUMN_AXIS): OnnxAttribute[] {
  return [{ name: 'axis', type: ATTRIBUTE.INT, integer: axis }];
}

/** Attributes of a Cast. @param element type of the elements of its answer */
export function castTo(element: number): OnnxAttribute[] {
  return [{ name: 'to', type: ATTRIBUTE.INT, integer: element }];
}
