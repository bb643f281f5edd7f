import { sigmoid } from '../../../../shared/elementary.ts';
import { featuresInput, INPUT_NAME, OUTPUT_NAME } from '../../../../shared/bundle/onnx/onnx.ts';
import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Fitted } from '../contract/fitted.ts';
import {
  composedRescaling,
  rescaledAnswers,
  rescaledLogits,
  servedRescaling,
  type Rescaling,
} from '../contract/rescaled.ts';
import { fittedTrees, type FittedTrees } from '../trees/fitted_trees.ts';
import { encodePart } from '../onnx/encode_part.ts';
import { canMerge, mergedTrees } from './merged_trees.ts';
import { barsOfMixture, type Mixture } from './mixture.ts';
import { mixturePart } from './mixture_graph.ts';

/** A model of models. Its weights and its intercept are float32 numbers. */
export interface FittedMixture extends Fitted, Mixture {}

/**
 * The model of a mixture. Where it is a sum of trees, it is one model of trees, which the daemon scores by its own
 * kernel; otherwise one graph with those of the members. With a member that gets several bars the mixture gets as many,
 * and its members of one bar read the newest.
 * @param mixture weights in the order of the members
 */
export function fittedMixture(mixture: Mixture): FittedMixture {
  const served: Mixture = {
    ...mixture,
    weights: mixture.weights.map(Math.fround),
    intercept: mixture.intercept === null ? null : Math.fround(mixture.intercept),
  };
  if (canMerge(served)) return asMixture(fittedTrees(served.learner, mergedTrees(served)), served);
  return served.intercept === null ? meanOfProbabilities(served, null) : marginMixture(served);
}

/** @throws RangeError when it is no model of models */
export function mixtureOf(fitted: Fitted): FittedMixture {
  if (!('members' in fitted)) throw new RangeError(`a model of ${fitted.learner} has no members`);
  return fitted as FittedMixture;
}

/** A model of trees, with the members that its trees come from. */
function asMixture(trees: FittedTrees, mixture: Mixture): FittedMixture & FittedTrees {
  return {
    ...trees,
    ...mixture,
    withMargins: (by) => asMixture(trees.withMargins(by) as FittedTrees, mixture),
    toOnnx: ({ metadata, ...facts }) => trees.toOnnx({ ...facts, metadata: { ...metadata, ...memberFacts(mixture) } }),
  };
}

function meanOfProbabilities(mixture: Mixture, scaling: Rescaling | null): FittedMixture {
  const served = servedRescaling(scaling);
  const answersOf = (x: Matrix): Float64Array => weighedSum(mixture, (member) => member.answers(x));
  return {
    ...shared(mixture),
    openMargins: () => (x) => [Float32Array.from(rescaledLogits(answersOf(x), served))],
    answers: (x) => rescaledAnswers(answersOf(x), served).map(Math.fround),
    exactAnswers: (x) =>
      rescaledAnswers(
        weighedSum(mixture, (member) => member.exactAnswers(x)),
        served,
      ),
    withMargins: (by) => meanOfProbabilities(mixture, composedRescaling(scaling, by)),
    ...graphOf(mixture, served),
  };
}

/** A weighted sum that is a margin. */
function marginMixture(mixture: Mixture): FittedMixture {
  const { of, weights } = mixture;
  const intercept = mixture.intercept ?? 0;
  const marginsOf = (answersOf: (member: Fitted) => Float64Array): Float64Array =>
    weighedSum(mixture, (member) => (of === 'logit' ? rescaledLogits(answersOf(member), null) : answersOf(member))).map(
      (sum) => sum + intercept,
    );
  return {
    ...shared(mixture),
    openMargins: () => (x) => [Float32Array.from(marginsOf((member) => member.answers(x)))],
    answers: (x) => marginsOf((member) => member.answers(x)).map((margin) => Math.fround(sigmoid(margin))),
    exactAnswers: (x) => marginsOf((member) => member.exactAnswers(x)).map(sigmoid),
    withMargins(by) {
      const scaled = composedRescaling({ slope: 1, intercept }, by);
      const factor = by.slope[0]!;
      return marginMixture({
        ...mixture,
        weights: weights.map((weight) => Math.fround(factor * weight)),
        intercept: Math.fround(scaled.intercept),
      });
    },
    ...graphOf(mixture, null),
  };
}

function shared(
  mixture: Mixture,
): Mixture & Pick<Fitted, 'bars' | 'columns' | 'link' | 'width' | 'iterations' | 'columnUses'> {
  const { members } = mixture;
  const { columns } = members[0]!;
  return {
    ...mixture,
    bars: barsOfMixture(mixture),
    columns,
    link: 'sigmoid',
    width: 1,
    iterations: members.reduce((sum, { iterations }) => sum + (iterations ?? 0), 0),
    columnUses() {
      const uses = new Int32Array(columns);
      for (const member of members) member.columnUses().forEach((count, column) => (uses[column]! += count));
      return uses;
    },
  };
}

function graphOf(mixture: Mixture, scaling: Rescaling | null): Pick<Fitted, 'graph' | 'toOnnx'> {
  const graph: Fitted['graph'] = (place) => mixturePart({ ...mixture, scaling }, place);
  return {
    graph,
    toOnnx: ({ metadata }) =>
      encodePart({
        name: `weighted_${mixture.learner}`,
        input: featuresInput(mixture.members[0]!.columns, barsOfMixture(mixture)),
        part: graph({ input: INPUT_NAME, output: OUTPUT_NAME, prefix: '' }),
        metadata: { ...metadata, ...memberFacts(mixture) },
      }),
  };
}

function memberFacts({ members, weights }: Mixture): Record<string, string> {
  return {
    members: members.map(({ learner }) => learner).join(' '),
    weights: Array.from(weights, (weight) => weight.toFixed(6)).join(' '),
  };
}

/** [rows] */
function weighedSum({ members, weights }: Mixture, answersOf: (member: Fitted) => Float64Array): Float64Array {
  const answers = members.map(answersOf);
  return answers[0]!.map((_, row) => answers.reduce((sum, of, i) => sum + weights[i]! * of[row]!, 0));
}
