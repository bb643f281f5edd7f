import { ELEMENT_FLOAT32, ELEMENT_FLOAT64, type OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';
import { barsOf, type Fitted, type GraphPlace } from '../contract/fitted.ts';
import { newestBar } from '../contract/newest_bar.ts';
import { joinedParts, type GraphPart } from '../contract/graph_part.ts';
import { castTo, graphNodes, type GraphNodes } from '../contract/graph_nodes.ts';
import { LEAST, rescaledNodes, type Rescaling } from '../contract/rescaled.ts';
import { barsOfMixture, type Mixture } from './mixture.ts';

/** Weights and intercept are float32 numbers. */
export interface MixtureGraph extends Omit<Mixture, 'learner'> {
  /** Of a sum that is a probability; null: the answer is the sum itself. */
  readonly scaling: Rescaling | null;
}

/** The graphs of the members, the weighted sum of their answers, and what makes a probability of it. */
export function mixturePart(
  { members, weights, of, intercept, scaling }: MixtureGraph,
  { input, output, prefix }: GraphPlace,
): GraphPart {
  const nodes = graphNodes(prefix);
  const { named, node, scalar } = nodes;
  const bars = barsOfMixture({ members });
  const newest = bars > 1 ? newestBar(nodes, input, bars) : null;
  const inputOf = (member: Fitted): string => (newest !== null && barsOf(member) === 1 ? newest.output : input);
  const weighed = members.flatMap((member, i): (OnnxNode[] | GraphPart)[] => [
    member.graph({ input: inputOf(member), output: named(`answer_${i}_32`), prefix: named(`member_${i}/`) }),
    [
      node('Cast', [`answer_${i}_32`], `answer_${i}`, castTo(ELEMENT_FLOAT64)),
      ...scalar(`weight_${i}`, weights[i]!),
      ...(of === 'logit' ? logitOf(nodes, i) : []),
      node('Mul', [of === 'logit' ? `logit_${i}` : `answer_${i}`, `weight_${i}`], `vote_${i}`),
    ],
  ]);
  const before = newest?.nodes ?? [];
  const sum = node(
    'Sum',
    members.map((_, i) => `vote_${i}`),
    'mean',
  );
  const last = (from: string): OnnxNode => ({
    ...node('Cast', [from], 'result', castTo(ELEMENT_FLOAT32)),
    outputs: [output],
  });
  if (intercept !== null)
    return joinedParts([
      before,
      of === 'logit' ? [...scalar('lowest', LEAST), ...scalar('highest', 1 - LEAST), ...scalar('unit', 1)] : [],
      ...weighed,
      [
        sum,
        ...scalar('shift', intercept),
        node('Add', ['mean', 'shift'], 'shifted'),
        node('Sigmoid', ['shifted'], 'mixed'),
        last('mixed'),
      ],
    ]);
  if (scaling === null) return joinedParts([before, ...weighed, [sum, last('mean')]]);
  return joinedParts([before, ...weighed, [sum, ...rescaledNodes(nodes, 'mean', scaling), last('probability')]]);
}

/** The logit of a probability that is kept inside (0, 1), as `rescaledLogits` computes it. */
function logitOf({ node }: GraphNodes, member: number): OnnxNode[] {
  return [
    node('Clip', [`answer_${member}`, 'lowest', 'highest'], `inside_${member}`),
    node('Sub', ['unit', `inside_${member}`], `rest_${member}`),
    node('Div', [`inside_${member}`, `rest_${member}`], `odds_${member}`),
    node('Log', [`odds_${member}`], `logit_${member}`),
  ];
}
