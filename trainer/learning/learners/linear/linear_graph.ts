import { ATTRIBUTE, ELEMENT_FLOAT32, ELEMENT_FLOAT64, type OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';
import type { GraphPlace } from '../contract/fitted.ts';
import { castTo, graphNodes } from '../contract/graph_nodes.ts';

/** A sigmoid of a linear function of standardized columns. All numbers are float32 ones. */
export interface LinearGraph {
  /** Columns of the features that it uses. */
  readonly columns: readonly number[];
  /** One of each per used column. */
  readonly mean: Float64Array;
  readonly inverse: Float64Array;
  readonly coefficients: Float64Array;
  readonly intercept: number;
  /** Standardized values further out than this count as this. */
  readonly clip: number;
}

/**
 * Gather → standardize → missing = 0 → clip → product with the coefficients → Sigmoid, in float64 but for input and
 * answer: a column whose deviation is small beside its mean has no digits left in float32.
 */
export function linearNodes(
  { columns, mean, inverse, coefficients, intercept, clip }: LinearGraph,
  { input, output, prefix }: GraphPlace,
): OnnxNode[] {
  const { named, node, scalar, integers } = graphNodes(prefix);
  /** Float32 numbers as a float64 vector. */
  const numbers = (name: string, values: ArrayLike<number>): OnnxNode[] => [
    node('Constant', [], `${name}32`, [{ name: 'value_floats', type: ATTRIBUTE.FLOATS, floats: Array.from(values) }]),
    node('Cast', [`${name}32`], name, castTo(ELEMENT_FLOAT64)),
  ];
  return [
    integers('columns', columns),
    {
      ...node('Gather', [], 'used32', [{ name: 'axis', type: ATTRIBUTE.INT, integer: 1 }]),
      inputs: [input, named('columns')],
    },
    node('Cast', ['used32'], 'used', castTo(ELEMENT_FLOAT64)),
    ...numbers('mean', mean),
    ...numbers('inverse', inverse),
    ...numbers('coefficients', coefficients),
    ...numbers('intercept', [intercept]),
    ...scalar('zero', 0),
    ...scalar('lowest', -clip),
    ...scalar('highest', clip),
    node('Sub', ['used', 'mean'], 'centered'),
    node('Mul', ['centered', 'inverse'], 'standardized'),
    node('IsNaN', ['standardized'], 'missing'),
    node('Where', ['missing', 'zero', 'standardized'], 'known'),
    node('Clip', ['known', 'lowest', 'highest'], 'clipped'),
    node('MatMul', ['clipped', 'coefficients'], 'sum'),
    node('Add', ['sum', 'intercept'], 'logit'),
    node('Sigmoid', ['logit'], 'probability'),
    integers('one_column', [-1, 1]),
    node('Reshape', ['probability', 'one_column'], 'column'),
    { ...node('Cast', ['column'], 'answer', castTo(ELEMENT_FLOAT32)), outputs: [output] },
  ];
}
