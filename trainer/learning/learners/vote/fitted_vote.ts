import { encodeGraph, featuresInput, INPUT_NAME, OUTPUT_NAME } from '../../../../shared/bundle/onnx/onnx.ts';
import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { ln, sigmoid } from '../../../../shared/elementary.ts';
import type { Fitted, MarginScaling } from '../contract/fitted.ts';
import { voteNodes } from './vote_graph.ts';

export const VOTE_NAME = 'vote';

/** A float32 number, and 1 minus it as well: 2 to the power of −20. */
const LEAST = 2 ** -20;

/** The weighted mean of the probabilities of its members. */
export interface FittedVote extends Fitted {
  readonly members: readonly Fitted[];
  /** One per member, float32 numbers. */
  readonly weights: Float64Array;
}

/** @param weights one per member, which sum to 1 */
export function fittedVote(
  members: readonly Fitted[],
  weights: Float64Array,
  scaling: { readonly slope: number; readonly intercept: number } | null = null,
): FittedVote {
  const columns = members[0]!.columns;
  const own = weights.map(Math.fround);
  const served = scaling && { slope: Math.fround(scaling.slope), intercept: Math.fround(scaling.intercept) };
  const meanOf = (answersOf: (member: Fitted) => Float64Array): Float64Array => {
    const answers = members.map(answersOf);
    return answers[0]!.map((_, row) => answers.reduce((sum, of, i) => sum + own[i]! * of[row]!, 0));
  };
  const logits = (mean: Float64Array): Float64Array =>
    mean.map((value) => {
      const inside = Math.min(Math.max(value, LEAST), 1 - LEAST);
      const logit = ln(inside / (1 - inside));
      return served === null ? logit : served.slope * logit + served.intercept;
    });
  const answersOf = (mean: Float64Array): Float64Array => (served === null ? mean : logits(mean).map(sigmoid));
  const fitted: FittedVote = {
    learner: VOTE_NAME,
    columns,
    link: 'sigmoid',
    width: 1,
    iterations: members.reduce((sum, { iterations }) => sum + (iterations ?? 0), 0),
    members,
    weights: own,
    openMargins() {
      return (x) => [Float32Array.from(logits(meanOf((member) => member.answers(x))))];
    },
    answers: (x: Matrix) => answersOf(meanOf((member) => member.answers(x))).map(Math.fround),
    exactAnswers: (x: Matrix) => answersOf(meanOf((member) => member.exactAnswers(x))),
    withMargins: (by) => fittedVote(members, own, composed(scaling, by)),
    columnUses() {
      const uses = new Int32Array(columns);
      for (const member of members) member.columnUses().forEach((count, column) => (uses[column]! += count));
      return uses;
    },
    graph: (place) => voteNodes({ members, weights: own, scaling: served, least: LEAST }, place),
    toOnnx: ({ metadata }) =>
      encodeGraph({
        name: 'weighted_vote',
        inputs: [featuresInput(columns)],
        nodes: fitted.graph({ input: INPUT_NAME, output: OUTPUT_NAME, prefix: '' }),
        width: 1,
        metadata: {
          ...metadata,
          members: members.map(({ learner }) => learner).join(' '),
          weights: Array.from(own, (weight) => weight.toFixed(6)).join(' '),
        },
      }),
  };
  return fitted;
}

/** @throws RangeError as `Fitted.withMargins` */
function composed(
  scaling: { readonly slope: number; readonly intercept: number } | null,
  { slope, intercept }: MarginScaling,
): { readonly slope: number; readonly intercept: number } {
  const factor = slope[0] ?? NaN;
  const shift = intercept[0] ?? NaN;
  if (!(factor > 0 && factor < Infinity && Number.isFinite(shift)))
    throw new RangeError(`slope ${factor} and intercept ${shift}, expected numbers, the slope above 0`);
  const before = scaling ?? { slope: 1, intercept: 0 };
  return { slope: factor * before.slope, intercept: factor * before.intercept + shift };
}

/** @throws RangeError when it is no vote */
export function voteOf(fitted: Fitted): FittedVote {
  if (!('members' in fitted)) throw new RangeError(`a model of ${fitted.learner} is not a vote`);
  return fitted as FittedVote;
}
