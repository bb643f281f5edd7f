import { featuresInput, INPUT_NAME, OUTPUT_NAME } from '../../../../shared/bundle/onnx/onnx.ts';
import { ELEMENT_FLOAT32, ELEMENT_FLOAT64 } from '../../../../shared/bundle/onnx/schema.ts';
import {
  classMargins,
  composedClassScaling,
  rescaledClasses,
  rescaledClassNodes,
  servedClassScaling,
} from '../contract/class_rescaled.ts';
import { barsOf, type Fitted, type MarginScaling } from '../contract/fitted.ts';
import { castTo, graphNodes } from '../contract/graph_nodes.ts';
import { joinedParts, type GraphPart } from '../contract/graph_part.ts';
import { encodePart } from './encode_part.ts';

/** A model whose answers are the probabilities of classes themselves, as a forest or a mean of models has them. */
export type ClassProbabilities = Omit<Fitted, 'link' | 'openMargins' | 'withMargins'>;

/**
 * The model with margins, which are the logarithms of its probabilities. Its own answers and its own graph stay as they
 * are, until it is calibrated.
 * @param facts written beside the graph of a calibrated one
 */
export function withClassMargins<Model extends ClassProbabilities>(
  model: Model,
  facts: Readonly<Record<string, string>> = {},
): Model & Fitted {
  const { width } = model;
  return {
    ...model,
    link: 'softmax',
    openMargins: () => (x) => classMargins(model.answers(x), width, null).map((margins) => Float32Array.from(margins)),
    withMargins: (by) => calibrated(model, composedClassScaling(null, by, width), facts),
  };
}

function calibrated(
  model: ClassProbabilities,
  scaling: MarginScaling,
  facts: Readonly<Record<string, string>>,
): Fitted {
  const { learner, columns, bars, width, iterations, epochs } = model;
  const served = servedClassScaling(scaling)!;
  const graph: Fitted['graph'] = ({ input, output, prefix }): GraphPart => {
    const nodes = graphNodes(`${prefix}calibrated/`);
    const { named, node } = nodes;
    return joinedParts([
      model.graph({ input, output: named('own32'), prefix: `${prefix}model/` }),
      [
        node('Cast', ['own32'], 'own', castTo(ELEMENT_FLOAT64)),
        ...rescaledClassNodes(nodes, 'own', served),
        { ...node('Cast', ['probabilities'], 'result', castTo(ELEMENT_FLOAT32)), outputs: [output] },
      ],
    ]);
  };
  return {
    learner,
    columns,
    ...(bars !== undefined && { bars }),
    link: 'softmax',
    width,
    iterations,
    epochs,
    openMargins: () => (x) =>
      classMargins(model.answers(x), width, served).map((margins) => Float32Array.from(margins)),
    answers: (x) => rescaledClasses(model.answers(x), width, served).map(Math.fround),
    exactAnswers: (x) => rescaledClasses(model.exactAnswers(x), width, served),
    withMargins: (by) => calibrated(model, composedClassScaling(scaling, by, width), facts),
    columnUses: () => model.columnUses(),
    graph,
    toOnnx: ({ metadata }) =>
      encodePart({
        name: `calibrated_${learner}`,
        input: featuresInput(columns, barsOf(model)),
        part: graph({ input: INPUT_NAME, output: OUTPUT_NAME, prefix: '' }),
        width,
        metadata: { ...metadata, ...facts },
      }),
  };
}
