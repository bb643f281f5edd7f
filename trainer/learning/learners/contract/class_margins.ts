import { encodeGraph, featuresInput, INPUT_NAME, OUTPUT_NAME } from '../../../../shared/bundle/onnx/onnx.ts';
import {
  ELEMENT_FLOAT32,
  ELEMENT_FLOAT64,
  type OnnxNode,
  type OnnxValue,
} from '../../../../shared/bundle/onnx/schema.ts';
import {
  classMargins,
  composedClassScaling,
  rescaledClasses,
  rescaledClassNodes,
  servedClassScaling,
} from './class_rescaled.ts';
import { barsOf, type Fitted, type MarginScaling } from './fitted.ts';
import { castTo, graphNodes } from './graph_nodes.ts';
import { joinedParts, type GraphPart } from './graph_part.ts';

/** A model whose answers are the probabilities of classes themselves, as a forest or a mean of models has them. */
export type ClassProbabilities = Omit<Fitted, 'link' | 'openMargins' | 'withMargins'>;

/** A calibrated model as a file. */
export interface CalibratedPart {
  readonly name: string;
  readonly input: OnnxValue;
  /** What computes the output `score` float32 [N, width]. */
  readonly part: GraphPart;
  readonly width: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ClassMarginOptions {
  /** Of a model that is calibrated; default: that of graphs of our own nodes alone. */
  encode?(part: CalibratedPart): Uint8Array;
  /** Written beside the graph of a calibrated model. */
  readonly facts?: Readonly<Record<string, string>>;
}

/**
 * The model with margins, which are the logarithms of its probabilities. Its own answers and its own graph stay as they
 * are, until it is calibrated.
 */
export function withClassMargins<Model extends ClassProbabilities>(
  model: Model,
  options: ClassMarginOptions = {},
): Model & Fitted {
  const { width } = model;
  return {
    ...model,
    link: 'softmax',
    openMargins: () => (x) => classMargins(model.answers(x), width, null).map((margins) => Float32Array.from(margins)),
    withMargins: (by) => calibrated(model, composedClassScaling(null, by, width), options),
  };
}

/** @throws RangeError for nodes of another program */
function encodeOwn({ name, input, part, width, metadata }: CalibratedPart): Uint8Array {
  const own = (node: OnnxNode | Uint8Array): node is OnnxNode => !(node instanceof Uint8Array);
  if (!part.nodes.every(own)) throw new RangeError(`${name} has nodes of another program`);
  return encodeGraph({ name, inputs: [input], nodes: part.nodes, width, metadata });
}

function calibrated(model: ClassProbabilities, scaling: MarginScaling, options: ClassMarginOptions): Fitted {
  const { encode = encodeOwn, facts = {} } = options;
  const { learner, columns, bars, width, iterations, epochs, classEpochs } = model;
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
    ...(classEpochs !== undefined && { classEpochs }),
    openMargins: () => (x) =>
      classMargins(model.answers(x), width, served).map((margins) => Float32Array.from(margins)),
    answers: (x) => rescaledClasses(model.answers(x), width, served).map(Math.fround),
    exactAnswers: (x) => rescaledClasses(model.exactAnswers(x), width, served),
    withMargins: (by) => calibrated(model, composedClassScaling(scaling, by, width), options),
    columnUses: () => model.columnUses(),
    graph,
    toOnnx: ({ metadata }) =>
      encode({
        name: `calibrated_${learner}`,
        input: featuresInput(columns, barsOf(model)),
        part: graph({ input: INPUT_NAME, output: OUTPUT_NAME, prefix: '' }),
        width,
        metadata: { ...metadata, ...facts },
      }),
  };
}
