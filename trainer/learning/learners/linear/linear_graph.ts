import {
  ATTRIBUTE,
  ELEMENT_FLOAT32,
  ELEMENT_FLOAT64,
  type OnnxAttribute,
  type OnnxNode,
} from '../../../../shared/bundle/onnx/schema.ts';
import type { GraphPlace } from '../contract/fitted.ts';

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
  const named = (name: string): string => `${prefix}${name}`;
  const node = (
    operator: string,
    inputs: readonly string[],
    result: string,
    attributes: OnnxAttribute[] = [],
  ): OnnxNode => ({ name: named(`${result}_of`), operator, inputs: [...inputs], outputs: [named(result)], attributes });
  const castTo = (element: number): OnnxAttribute[] => [{ name: 'to', type: ATTRIBUTE.INT, integer: element }];
  const integers = (name: string, values: readonly number[]): OnnxNode =>
    node('Constant', [], name, [{ name: 'value_ints', type: ATTRIBUTE.INTS, integers: [...values] }]);
  /** Float32 numbers as a float64 vector. */
  const numbers = (name: string, values: ArrayLike<number>): OnnxNode[] => [
    node('Constant', [], `${name}32`, [{ name: 'value_floats', type: ATTRIBUTE.FLOATS, floats: Array.from(values) }]),
    node('Cast', [named(`${name}32`)], name, castTo(ELEMENT_FLOAT64)),
  ];
  const scalar = (name: string, value: number): OnnxNode[] => [
    node('Constant', [], `${name}32`, [{ name: 'value_float', type: ATTRIBUTE.FLOAT, number: value }]),
    node('Cast', [named(`${name}32`)], name, castTo(ELEMENT_FLOAT64)),
  ];
  const at = (...names: string[]): string[] => names.map(named);
  return [
    integers('columns', columns),
    node('Gather', [input, named('columns')], 'used32', [{ name: 'axis', type: ATTRIBUTE.INT, integer: 1 }]),
    node('Cast', at('used32'), 'used', castTo(ELEMENT_FLOAT64)),
    ...numbers('mean', mean),
    ...numbers('inverse', inverse),
    ...numbers('coefficients', coefficients),
    ...numbers('intercept', [intercept]),
    ...scalar('zero', 0),
    ...scalar('lowest', -clip),
    ...scalar('highest', clip),
    node('Sub', at('used', 'mean'), 'centered'),
    node('Mul', at('centered', 'inverse'), 'standardized'),
    node('IsNaN', at('standardized'), 'missing'),
    node('Where', at('missing', 'zero', 'standardized'), 'known'),
    node('Clip', at('known', 'lowest', 'highest'), 'clipped'),
    node('MatMul', at('clipped', 'coefficients'), 'sum'),
    node('Add', at('sum', 'intercept'), 'logit'),
    node('Sigmoid', at('logit'), 'probability'),
    integers('one_column', [-1, 1]),
    node('Reshape', at('probability', 'one_column'), 'column'),
    { ...node('Cast', at('column'), 'answer', castTo(ELEMENT_FLOAT32)), outputs: [output] },
  ];
}
