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
import { withClassMargins } from '../contract/class_margins.ts';
import { fittedTrees } from '../trees/fitted_trees.ts';
import { encodePart } from '../onnx/encode_part.ts';
import { canMerge, mergedTrees } from './merged_trees.ts';
import { fittedClassMixture } from './class_mixture.ts';
import {
  barsOfMixture,
  memberFacts,
  mixtureShape,
  weighedMean,
  weighedSum,
  widthOf,
  type FittedMixture,
  type Mixture,
} from './mixture.ts';
import { mixturePart } from './mixture_graph.ts';

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
    intercept: mixture.intercept === null ? null : mixture.intercept.map(Math.fround),
  };
  if (canMerge(served)) return asMixture(treesOfMixture(served), served);
  if (widthOf(served) > 1) return fittedClassMixture(served);
  return served.intercept === null ? meanOfProbabilities(served, null) : marginMixture(served);
}

/** @throws RangeError when it is no model of models */
export function mixtureOf(fitted: Fitted): FittedMixture {
  if (!('members' in fitted)) throw new RangeError(`a model of ${fitted.learner} has no members`);
  return fitted as FittedMixture;
}

function treesOfMixture(mixture: Mixture): Fitted {
  const trees = fittedTrees(mixture.learner, mergedTrees(mixture));
  const isOfShares = trees.link === 'identity' && trees.width > 1;
  return isOfShares ? withClassMargins(trees, { facts: memberFacts(mixture) }) : trees;
}

/** A model of trees, with the members that its trees come from. */
function asMixture(trees: Fitted, mixture: Mixture): FittedMixture {
  return {
    ...trees,
    ...mixture,
    withMargins: (by) => asMixture(trees.withMargins(by), mixture),
    toOnnx: ({ metadata, ...facts }) => trees.toOnnx({ ...facts, metadata: { ...metadata, ...memberFacts(mixture) } }),
  };
}

function meanOfProbabilities(mixture: Mixture, scaling: Rescaling | null): FittedMixture {
  const served = servedRescaling(scaling);
  const answersOf = (x: Matrix): Float64Array => weighedMean(mixture, (member) => member.answers(x));
  return {
    ...shared(mixture),
    openMargins: () => (x) => [Float32Array.from(rescaledLogits(answersOf(x), served))],
    answers: (x) => rescaledAnswers(answersOf(x), served).map(Math.fround),
    exactAnswers: (x) =>
      rescaledAnswers(
        weighedMean(mixture, (member) => member.exactAnswers(x)),
        served,
      ),
    withMargins: (by) => meanOfProbabilities(mixture, composedRescaling(scaling, by)),
    ...graphOf(mixture, served),
  };
}

/** A weighted sum that is a margin. */
function marginMixture(mixture: Mixture): FittedMixture {
  const { of, weights } = mixture;
  const intercept = mixture.intercept![0]!;
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
        intercept: [Math.fround(scaled.intercept)],
      });
    },
    ...graphOf(mixture, null),
  };
}

function shared(mixture: Mixture): ReturnType<typeof mixtureShape> & Pick<Fitted, 'link'> {
  return { ...mixtureShape(mixture), link: 'sigmoid' };
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
