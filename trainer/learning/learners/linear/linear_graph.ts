import { ELEMENT_FLOAT32, ELEMENT_FLOAT64, type OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';
import type { GraphPlace } from '../contract/fitted.ts';
import { castTo, graphNodes, alongAxis, type GraphNodes } from '../contract/graph_nodes.ts';

/** Standardized columns of the features. All numbers are float32 ones. */
interface StandardizedColumns {
  /** Columns of the features that it uses. */
  readonly columns: readonly number[];
  /** One of each per used column. */
  readonly mean: Float64Array;
  readonly inverse: Float64Array;
  /** Standardized values further out than this count as this. */
  readonly clip: number;
}

/** A sigmoid of a linear function of standardized columns. */
export interface LinearGraph extends StandardizedColumns {
  /** One per used column. */
  readonly coefficients: Float64Array;
  readonly intercept: number;
}

/** A softmax of linear functions of standardized columns. */
export interface MultinomialGraph extends StandardizedColumns {
  /** [classes], each with one per used column. */
  readonly coefficients: readonly Float64Array[];
  /** [classes] */
  readonly intercepts: readonly number[];
}

/**
 * Gather → standardize → missing = 0 → clip → product with the coefficients → Sigmoid, in float64 but for input and
 * answer: a column whose deviation is small beside its mean has no digits left in float32.
 */
export function linearNodes(
  { coefficients, intercept, ...standardized }: LinearGraph,
  { input, output, prefix }: GraphPlace,
): OnnxNode[] {
  const nodes = graphNodes(prefix);
  const { node, integers, vector } = nodes;
  return [
    ...standardizedNodes(nodes, input, standardized, [
      ...vector('coefficients', coefficients),
      ...vector('intercept', [intercept]),
    ]),
    node('MatMul', ['clipped', 'coefficients'], 'sum'),
    node('Add', ['sum', 'intercept'], 'logit'),
    node('Sigmoid', ['logit'], 'probability'),
    integers('one_column', [-1, 1]),
    node('Reshape', ['probability', 'one_column'], 'column'),
    { ...node('Cast', ['column'], 'answer', castTo(ELEMENT_FLOAT32)), outputs: [output] },
  ];
}

/**
 * As `linearNodes`, with the product of each class as a column, and a Softmax over the columns: [N, classes].
 */
export function multinomialNodes(
  { coefficients, intercepts, ...standardized }: MultinomialGraph,
  { input, output, prefix }: GraphPlace,
): OnnxNode[] {
  const nodes = graphNodes(prefix);
  const { node, integers, vector } = nodes;
  return [
    ...standardizedNodes(nodes, input, standardized, [
      ...coefficients.flatMap((own, k) => vector(`coefficients_${k}`, own)),
      ...vector('intercepts', intercepts),
      integers('one_column', [-1, 1]),
    ]),
    ...coefficients.flatMap((_, k) => [
      node('MatMul', ['clipped', `coefficients_${k}`], `sum_${k}`),
      node('Reshape', [`sum_${k}`, 'one_column'], `column_${k}`),
    ]),
    node(
      'Concat',
      coefficients.map((_, k) => `column_${k}`),
      'sums',
      alongAxis(),
    ),
    node('Add', ['sums', 'intercepts'], 'logits'),
    node('Softmax', ['logits'], 'probabilities', alongAxis()),
    { ...node('Cast', ['probabilities'], 'answer', castTo(ELEMENT_FLOAT32)), outputs: [output] },
  ];
}

/**
 * The nodes that make `clipped`, float64 [N, used columns].
 * @param input name of the features
 * @param constants nodes of the constants that are read behind it
 */
function standardizedNodes(
  nodes: GraphNodes,
  input: string,
  { columns, mean, inverse, clip }: StandardizedColumns,
  constants: readonly OnnxNode[],
): OnnxNode[] {
  const { named, node, scalar, integers, vector } = nodes;
  return [
    integers('columns', columns),
    {
      ...node('Gather', [], 'used32', alongAxis()),
      inputs: [input, named('columns')],
    },
    node('Cast', ['used32'], 'used', castTo(ELEMENT_FLOAT64)),
    ...vector('mean', mean),
    ...vector('inverse', inverse),
    ...constants,
    ...scalar('zero', 0),
    ...scalar('lowest', -clip),
    ...scalar('highest', clip),
    node('Sub', ['used', 'mean'], 'centered'),
    node('Mul', ['centered', 'inverse'], 'standardized'),
    node('IsNaN', ['standardized'], 'missing'),
    node('Where', ['missing', 'zero', 'standardized'], 'known'),
    node('Clip', ['known', 'lowest', 'highest'], 'clipped'),
  ];
}
