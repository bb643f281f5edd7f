import { ATTRIBUTE, ELEMENT_FLOAT64, type OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';
import { castTo, type GraphNodes } from '../contract/graph_nodes.ts';

/** What is done with the columns before a model gets them. Each list has a number per column of the model. */
export interface ColumnPreparation {
  /** In place of missing values; null: they stay missing. */
  readonly impute: readonly number[] | null;
  /** Subtracted; null: nothing. */
  readonly mean: readonly number[] | null;
  /** Divided by, each other than 0; null: by nothing. */
  readonly scale: readonly number[] | null;
}

/**
 * The nodes of a preparation, computed in float64 as most programs do.
 * @param from float32, [N, columns] @returns the nodes, the last of which makes `prepared`, float64
 */
export function preparationNodes(
  nodes: GraphNodes,
  from: string,
  { impute, mean, scale }: ColumnPreparation,
): OnnxNode[] {
  const { node } = nodes;
  const made: OnnxNode[] = [node('Cast', [from], 'wide', castTo(ELEMENT_FLOAT64))];
  let last = 'wide';
  if (impute !== null) {
    made.push(...doubles(nodes, 'imputed', impute), node('IsNaN', [from], 'missing'));
    made.push(node('Where', ['missing', 'imputed', last], 'known'));
    last = 'known';
  }
  if (mean !== null) {
    made.push(...doubles(nodes, 'mean', mean), node('Sub', [last, 'mean'], 'centered'));
    last = 'centered';
  }
  if (scale !== null) {
    made.push(...doubles(nodes, 'scale', scale), node('Div', [last, 'scale'], 'standardized'));
    last = 'standardized';
  }
  return [...made, node('Identity', [last], 'prepared')];
}

/** A float64 vector as the sum of three float32 ones, which is exact for numbers of usual size. */
function doubles({ node }: GraphNodes, name: string, values: readonly number[]): OnnxNode[] {
  const first = values.map(Math.fround);
  const second = values.map((value, i) => Math.fround(value - first[i]!));
  const third = values.map((value, i) => Math.fround(value - first[i]! - second[i]!));
  const part = (suffix: string, floats: number[]): OnnxNode[] => [
    node('Constant', [], `${name}_${suffix}32`, [{ name: 'value_floats', type: ATTRIBUTE.FLOATS, floats }]),
    node('Cast', [`${name}_${suffix}32`], `${name}_${suffix}`, castTo(ELEMENT_FLOAT64)),
  ];
  return [
    ...part('first', first),
    ...part('second', second),
    ...part('third', third),
    node('Add', [`${name}_first`, `${name}_second`], `${name}_two`),
    node('Add', [`${name}_two`, `${name}_third`], name),
  ];
}
