import {
  ATTRIBUTE,
  ELEMENT_FLOAT32,
  ELEMENT_FLOAT64,
  type OnnxAttribute,
  type OnnxNode,
} from '../../../../shared/bundle/onnx/schema.ts';
import type { Fitted, GraphPlace } from '../contract/fitted.ts';

export interface VoteGraph {
  readonly members: readonly Fitted[];
  /** Float32 numbers, one per member. */
  readonly weights: Float64Array;
  /** Float32 numbers: margins are multiplied and shifted; null: the answer is the mean itself. */
  readonly scaling: { readonly slope: number; readonly intercept: number } | null;
  /** Probabilities are kept that far from 0 and 1 before their logit is taken; a float32 number. */
  readonly least: number;
}

/** The graphs of the members, the weighted mean of their answers and, if there is a scaling, a Sigmoid of its logit. */
export function voteNodes(
  { members, weights, scaling, least }: VoteGraph,
  { input, output, prefix }: GraphPlace,
): OnnxNode[] {
  const named = (name: string): string => `${prefix}${name}`;
  const node = (
    operator: string,
    inputs: readonly string[],
    result: string,
    attributes: OnnxAttribute[] = [],
  ): OnnxNode => ({
    name: named(`${result}_of`),
    operator,
    inputs: inputs.map(named),
    outputs: [named(result)],
    attributes,
  });
  const castTo = (element: number): OnnxAttribute[] => [{ name: 'to', type: ATTRIBUTE.INT, integer: element }];
  const number = (name: string, value: number): OnnxNode[] => [
    node('Constant', [], `${name}32`, [{ name: 'value_float', type: ATTRIBUTE.FLOAT, number: value }]),
    node('Cast', [`${name}32`], name, castTo(ELEMENT_FLOAT64)),
  ];
  const voted = members.flatMap((member, i): OnnxNode[] => [
    ...member.graph({ input, output: named(`answer_${i}_32`), prefix: named(`member_${i}/`) }),
    node('Cast', [`answer_${i}_32`], `answer_${i}`, castTo(ELEMENT_FLOAT64)),
    ...number(`weight_${i}`, weights[i]!),
    node('Mul', [`answer_${i}`, `weight_${i}`], `vote_${i}`),
  ]);
  const sum = node(
    'Sum',
    members.map((_, i) => `vote_${i}`),
    'mean',
  );
  const last = (from: string): OnnxNode => ({
    ...node('Cast', [from], 'result', castTo(ELEMENT_FLOAT32)),
    outputs: [output],
  });
  if (scaling === null) return [...voted, sum, last('mean')];
  return [
    ...voted,
    sum,
    ...number('least', least),
    ...number('most', 1 - least),
    ...number('one', 1),
    ...number('slope', scaling.slope),
    ...number('intercept', scaling.intercept),
    node('Clip', ['mean', 'least', 'most'], 'inside'),
    node('Sub', ['one', 'inside'], 'rest'),
    node('Div', ['inside', 'rest'], 'odds'),
    node('Log', ['odds'], 'logit'),
    node('Mul', ['logit', 'slope'], 'scaled'),
    node('Add', ['scaled', 'intercept'], 'margin'),
    node('Sigmoid', ['margin'], 'probability'),
    last('probability'),
  ];
}
