import { ln, softmaxRows } from '../../../../shared/elementary.ts';
import { featuresInput, INPUT_NAME, OUTPUT_NAME } from '../../../../shared/bundle/onnx/onnx.ts';
import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { withClassMargins } from '../contract/class_margins.ts';
import { composedClassScaling, servedClassScaling } from '../contract/class_rescaled.ts';
import type { Fitted, GraphPlace, MarginScaling } from '../contract/fitted.ts';
import type { GraphPart } from '../contract/graph_part.ts';
import { LEAST } from '../contract/rescaled.ts';
import { encodePart } from '../onnx/encode_part.ts';
import { isTrees } from '../trees/fitted_trees.ts';
import { answersInGraph } from '../trees/scoring.ts';
import {
  barsOfMixture,
  memberFacts,
  mixtureShape,
  weighedMean,
  weighedSum,
  type FittedMixture,
  type Mixture,
} from './mixture.ts';
import { classMarginPart, classMeanPart } from './mixture_graph.ts';

/** A mixture of models of classes that is not itself one of trees. Weights and intercepts are float32 numbers. */
export function fittedClassMixture(mixture: Mixture): FittedMixture {
  const { intercept } = mixture;
  if (intercept === null) return asMixture(meanOfProbabilities(mixture), mixture);
  return asMixture(marginMixture(mixture, { slope: intercept.map(() => 1), intercept }), mixture);
}

/** A model with the members that it consists of. */
function asMixture(model: Fitted, mixture: Mixture): FittedMixture {
  return { ...model, ...mixture, withMargins: (by) => asMixture(model.withMargins(by), mixture) };
}

function meanOfProbabilities(mixture: Mixture): Fitted {
  const graph = (place: GraphPlace): GraphPart => classMeanPart(mixture, place);
  const mean = {
    ...mixtureShape(mixture),
    answers: (x: Matrix) => weighedMean(mixture, (member) => servedAnswers(member, x)).map(Math.fround),
    exactAnswers: (x: Matrix) => weighedMean(mixture, (member) => member.exactAnswers(x)),
    graph,
    toOnnx: encoderOf(mixture, graph),
  };
  return withClassMargins(mean, { encode: encodePart, facts: memberFacts(mixture) });
}

/** A weighted sum that is the margins of the classes, once it is scaled. */
function marginMixture(mixture: Mixture, scaling: MarginScaling): Fitted {
  const { of } = mixture;
  const { width } = mixtureShape(mixture);
  const served = servedClassScaling(scaling)!;
  const marginsOf = (answersOf: (member: Fitted) => Float64Array): Float64Array => {
    const sum = weighedSum(mixture, (member) => {
      const answers = answersOf(member);
      return of === 'logit' ? answers.map((p) => ln(Math.min(Math.max(p, LEAST), 1))) : answers;
    });
    return sum.map((margin, at) => served.slope[at % width]! * margin + served.intercept[at % width]!);
  };
  const servedMargins = (x: Matrix): Float64Array => marginsOf((member) => servedAnswers(member, x));
  const graph = (place: GraphPlace): GraphPart => classMarginPart({ ...mixture, scaling: served }, place);
  return {
    ...mixtureShape(mixture),
    link: 'softmax',
    openMargins: () => (x) => {
      const margins = servedMargins(x);
      return Array.from({ length: width }, (_, k) =>
        Float32Array.from({ length: x.rows }, (__, row) => margins[row * width + k]!),
      );
    },
    answers: (x) => softmaxRows(servedMargins(x), width).map(Math.fround),
    exactAnswers: (x) =>
      softmaxRows(
        marginsOf((member) => member.exactAnswers(x)),
        width,
      ),
    withMargins: (by) => marginMixture(mixture, composedClassScaling(scaling, by, width)),
    graph,
    toOnnx: encoderOf(mixture, graph),
  };
}

/** The answers of a member as the graph of the mixture has them, float32 numbers. */
function servedAnswers(member: Fitted, x: Matrix): Float64Array {
  return isTrees(member) ? answersInGraph(member.trees, x) : member.answers(x).map(Math.fround);
}

function encoderOf(mixture: Mixture, graph: Fitted['graph']): Fitted['toOnnx'] {
  const { columns, width } = mixtureShape(mixture);
  return ({ metadata }) =>
    encodePart({
      name: `weighted_${mixture.learner}`,
      input: featuresInput(columns, barsOfMixture(mixture)),
      part: graph({ input: INPUT_NAME, output: OUTPUT_NAME, prefix: '' }),
      width,
      metadata: { ...metadata, ...memberFacts(mixture) },
    });
}
