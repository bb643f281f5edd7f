import { ELEMENT_FLOAT32, ELEMENT_FLOAT64, type OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';
import type { Fitted, GraphPlace } from '../contract/fitted.ts';
import { castTo, graphNodes } from '../contract/graph_nodes.ts';
import { rescaledNodes, type Rescaling } from '../contract/rescaled.ts';

export interface VoteGraph {
  readonly members: readonly Fitted[];
  /** Float32 numbers, one per member. */
  readonly weights: Float64Array;
  /** null: the answer is the mean itself. */
  readonly scaling: Rescaling | null;
}

/** The graphs of the members, the weighted mean of their answers and, if there is a scaling, a Sigmoid of its logit. */
export function voteNodes({ members, weights, scaling }: VoteGraph, { input, output, prefix }: GraphPlace): OnnxNode[] {
  const nodes = graphNodes(prefix);
  const { named, node, scalar } = nodes;
  const voted = members.flatMap((member, i): OnnxNode[] => [
    ...member.graph({ input, output: named(`answer_${i}_32`), prefix: named(`member_${i}/`) }),
    node('Cast', [`answer_${i}_32`], `answer_${i}`, castTo(ELEMENT_FLOAT64)),
    ...scalar(`weight_${i}`, weights[i]!),
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
  return [...voted, sum, ...rescaledNodes(nodes, 'mean', scaling), last('probability')];
}
