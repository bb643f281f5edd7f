import { ELEMENT_FLOAT32, ELEMENT_FLOAT64, type OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';
import { barsOf, type Fitted, type GraphPlace, type MarginScaling } from '../contract/fitted.ts';
import { newestBar } from '../contract/newest_bar.ts';
import { joinedParts, type GraphPart } from '../contract/graph_part.ts';
import { castTo, graphNodes, alongAxis, type GraphNodes } from '../contract/graph_nodes.ts';
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
  const { node, scalar } = nodes;
  const before = newestOf(nodes, members, input);
  const weighed = weighedNodes(nodes, { members, weights }, before, of === 'logit' ? logitOf : null);
  const sum = sumOf(nodes, members);
  const last = answerOf(nodes, output);
  if (intercept !== null)
    return joinedParts([
      before.nodes,
      of === 'logit' ? [...scalar('lowest', LEAST), ...scalar('highest', 1 - LEAST), ...scalar('unit', 1)] : [],
      ...weighed,
      [
        sum,
        ...scalar('shift', intercept[0]!),
        node('Add', ['mean', 'shift'], 'shifted'),
        node('Sigmoid', ['shifted'], 'mixed'),
        last('mixed'),
      ],
    ]);
  if (scaling === null) return joinedParts([before.nodes, ...weighed, [sum, last('mean')]]);
  return joinedParts([before.nodes, ...weighed, [sum, ...rescaledNodes(nodes, 'mean', scaling), last('probability')]]);
}

/** The mean of the probabilities of classes that the members have, [N, classes]. */
export function classMeanPart({ members, weights }: WeighedMembers, { input, output, prefix }: GraphPlace): GraphPart {
  const nodes = graphNodes(prefix);
  const before = newestOf(nodes, members, input);
  return joinedParts([
    before.nodes,
    ...weighedNodes(nodes, { members, weights }, before, null),
    [sumOf(nodes, members), answerOf(nodes, output)('mean')],
  ]);
}

/** Sums of the probabilities of classes, or of their logarithms, that are margins when they are scaled. */
export interface ClassMarginGraph extends WeighedMembers, Pick<Mixture, 'of'> {
  /** Float32 numbers, one of each per class. */
  readonly scaling: MarginScaling;
}

/** The graphs of the members, the weighted sums, and the softmax of these, scaled. */
export function classMarginPart(
  { members, weights, of, scaling }: ClassMarginGraph,
  { input, output, prefix }: GraphPlace,
): GraphPart {
  const nodes = graphNodes(prefix);
  const { node, scalar, vector } = nodes;
  const before = newestOf(nodes, members, input);
  return joinedParts([
    before.nodes,
    of === 'logit' ? [...scalar('lowest', LEAST), ...scalar('highest', 1)] : [],
    ...weighedNodes(nodes, { members, weights }, before, of === 'logit' ? logarithmOf : null),
    [
      sumOf(nodes, members),
      ...vector('slopes', scaling.slope),
      ...vector('intercepts', scaling.intercept),
      node('Mul', ['mean', 'slopes'], 'scaled'),
      node('Add', ['scaled', 'intercepts'], 'margins'),
      node('Softmax', ['margins'], 'mixed', alongAxis()),
      answerOf(nodes, output)('mixed'),
    ],
  ]);
}

type WeighedMembers = Pick<Mixture, 'members' | 'weights'>;

/** What the members read. */
interface MemberInput {
  readonly nodes: readonly OnnxNode[];
  of(member: Fitted): string;
}

/** With a member of several bars, those of one bar read the newest. */
function newestOf(nodes: GraphNodes, members: readonly Fitted[], input: string): MemberInput {
  const bars = barsOfMixture({ members });
  if (bars === 1) return { nodes: [], of: () => input };
  const newest = newestBar(nodes, input, bars);
  return { nodes: newest.nodes, of: (member) => (barsOf(member) === 1 ? newest.output : input) };
}

/** What is made of the answers of a member before it is weighed: nodes, the last of which names its result. */
type Transform = (nodes: GraphNodes, member: number) => OnnxNode[];

/** @param transform null: the answers themselves are weighed */
function weighedNodes(
  nodes: GraphNodes,
  { members, weights }: WeighedMembers,
  input: MemberInput,
  transform: Transform | null,
): (OnnxNode[] | GraphPart)[] {
  const { named, node, scalar } = nodes;
  const weighedName = transform === null ? 'answer' : 'logit';
  return members.flatMap((member, i): (OnnxNode[] | GraphPart)[] => [
    member.graph({ input: input.of(member), output: named(`answer_${i}_32`), prefix: named(`member_${i}/`) }),
    [
      node('Cast', [`answer_${i}_32`], `answer_${i}`, castTo(ELEMENT_FLOAT64)),
      ...scalar(`weight_${i}`, weights[i]!),
      ...(transform?.(nodes, i) ?? []),
      node('Mul', [`${weighedName}_${i}`, `weight_${i}`], `vote_${i}`),
    ],
  ]);
}

function sumOf({ node }: GraphNodes, members: readonly Fitted[]): OnnxNode {
  return node(
    'Sum',
    members.map((_, i) => `vote_${i}`),
    'mean',
  );
}

function answerOf({ node }: GraphNodes, output: string): (from: string) => OnnxNode {
  return (from) => ({ ...node('Cast', [from], 'result', castTo(ELEMENT_FLOAT32)), outputs: [output] });
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

/** The logarithms of probabilities of classes that are kept above 0, as `classMargins` computes them. */
function logarithmOf({ node }: GraphNodes, member: number): OnnxNode[] {
  return [
    node('Clip', [`answer_${member}`, 'lowest', 'highest'], `inside_${member}`),
    node('Log', [`inside_${member}`], `logit_${member}`),
  ];
}
