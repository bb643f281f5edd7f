import { encodeGraph, featuresInput, INPUT_NAME, OUTPUT_NAME } from '../../../../shared/bundle/onnx/onnx.ts';
import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Fitted } from '../contract/fitted.ts';
import {
  composedRescaling,
  rescaledAnswers,
  rescaledLogits,
  servedRescaling,
  type Rescaling,
} from '../contract/rescaled.ts';
import { voteNodes } from './vote_graph.ts';

export const VOTE_NAME = 'vote';

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
  scaling: Rescaling | null = null,
): FittedVote {
  const columns = members[0]!.columns;
  const own = weights.map(Math.fround);
  const served = servedRescaling(scaling);
  const meanOf = (answersOf: (member: Fitted) => Float64Array): Float64Array => {
    const answers = members.map(answersOf);
    return answers[0]!.map((_, row) => answers.reduce((sum, of, i) => sum + own[i]! * of[row]!, 0));
  };
  const fitted: FittedVote = {
    learner: VOTE_NAME,
    columns,
    link: 'sigmoid',
    width: 1,
    iterations: members.reduce((sum, { iterations }) => sum + (iterations ?? 0), 0),
    members,
    weights: own,
    openMargins() {
      return (x) => [
        Float32Array.from(
          rescaledLogits(
            meanOf((member) => member.answers(x)),
            served,
          ),
        ),
      ];
    },
    answers: (x: Matrix) =>
      rescaledAnswers(
        meanOf((member) => member.answers(x)),
        served,
      ).map(Math.fround),
    exactAnswers: (x: Matrix) =>
      rescaledAnswers(
        meanOf((member) => member.exactAnswers(x)),
        served,
      ),
    withMargins: (by) => fittedVote(members, own, composedRescaling(scaling, by)),
    columnUses() {
      const uses = new Int32Array(columns);
      for (const member of members) member.columnUses().forEach((count, column) => (uses[column]! += count));
      return uses;
    },
    graph: (place) => voteNodes({ members, weights: own, scaling: served }, place),
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

/** @throws RangeError when it is no vote */
export function voteOf(fitted: Fitted): FittedVote {
  if (!('members' in fitted)) throw new RangeError(`a model of ${fitted.learner} is not a vote`);
  return fitted as FittedVote;
}
