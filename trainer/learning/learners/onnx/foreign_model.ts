import { MinutehandError } from '../../../../shared/errors.ts';
import { refuseUnservedGraph } from '../../../../shared/bundle/onnx/graph_limits.ts';
import { INPUT_NAME, OUTPUT_NAME, featuresInput, scoreOutput } from '../../../../shared/bundle/onnx/onnx.ts';
import { ELEMENT_FLOAT32, ELEMENT_FLOAT64, type OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';
import { rescaledClassNodes } from '../contract/class_rescaled.ts';
import type { GraphPlace, MarginScaling } from '../contract/fitted.ts';
import { alongAxis, castTo, graphNodes, type GraphNodes } from '../contract/graph_nodes.ts';
import type { GraphPart } from '../contract/graph_part.ts';
import { rescaledNodes } from '../contract/rescaled.ts';
import { preparationNodes, type ColumnPreparation } from './column_preparation.ts';
import type { RowShape } from '../../../../shared/bundle/scorer.ts';
import {
  decodeWholeModel,
  encodeSurrounded,
  prefixNames,
  renameValues,
  valueNames,
  type Surroundings,
  type WholeGraph,
  type WholeModel,
  type WholeValue,
} from './whole_model.ts';

/** The first version in which all the operators that are put around a model exist for float64. */
const MIN_OPSET = 13;
/** Names of outputs with the probability, where there are several. */
const USUAL_OUTPUTS = ['score', 'probabilities', 'probability', 'output_probability'];
/** Put before the names of the values and nodes that surround a model. */
const PREFIX = 'minutehand/';
/** Of the two columns of a classifier. */
const POSITIVE = 1;

/** What a model gets for each row, and what it answers. */
export interface ForeignShape extends RowShape {
  /** Number of the classes whose probabilities it answers; absent: one probability. */
  readonly classes?: number | undefined;
}

/** An ONNX model of another program: a probability, or those of several classes, from some columns of the features. */
export interface ForeignModel {
  readonly model: WholeModel & { readonly graph: WholeGraph };
  readonly input: { readonly name: string; readonly elementType: number };
  readonly output: ForeignOutput;
}

interface ForeignOutput {
  readonly name: string;
  /** Columns of the output. */
  readonly width: number;
  /** Its answers: one probability, of which a width of 2 has the opposite too, or those of `width` classes. */
  readonly answers: number;
}

/**
 * @throws MinutehandError MODEL_LOAD with what is wrong and how to export it right
 */
export function readForeignModel(bytes: Uint8Array, shape: ForeignShape): ForeignModel {
  refuseUnservedGraph(bytes, 'the model');
  const model = decodeWholeModel(bytes);
  const { graph, opsets } = model;
  if (graph === undefined || graph.nodes.length === 0) throw refusal('no graph', 'an ONNX model');
  const opset = opsets.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version;
  if (opset !== undefined && opset < MIN_OPSET)
    throw refusal(`opset ${opset}`, `opset ${MIN_OPSET} or newer`, `Export it with opset ${MIN_OPSET} or newer.`);
  const whole = opset === undefined ? { ...model, opsets: [...opsets, { domain: '', version: 15 }] } : model;
  return {
    model: { ...whole, graph },
    input: inputOf(graph, shape),
    output: outputOf(graph.outputs, shape.classes ?? null),
  };
}

/** Exporters may list initializers among the inputs; the only other input holds the rows. */
function inputOf(graph: WholeGraph, { columns, bars }: RowShape): ForeignModel['input'] {
  const wanted = bars === 1 ? [columns] : [bars, columns];
  const expected = `float [N, ${wanted.join(', ')}]`;
  const tensors = valueNames({ ...graph, nodes: [] });
  const inputs = graph.inputs.filter(({ name }) => !tensors.has(name));
  const [input] = inputs;
  if (input === undefined || inputs.length > 1)
    throw refusal(
      `${inputs.length} inputs: ${inputs.map(({ name }) => name).join(', ')}`,
      `one input, ${expected}`,
      'Export it with one matrix of all columns as its input.',
    );
  const elementType = input.type?.tensor?.elementType ?? 0;
  const dimensions = input.type?.tensor?.shape?.dimensions ?? [];
  const isFloat = elementType === ELEMENT_FLOAT32 || elementType === ELEMENT_FLOAT64;
  const isOther = wanted.some((size, i) => ![0, size].includes(dimensions[i + 1]?.size ?? 0));
  if (!isFloat || dimensions.length !== wanted.length + 1 || isOther)
    throw refusal(`the input ${describe(input)}`, expected, 'Train it on the columns that it gets.');
  if (dimensions[0]!.size !== 0)
    throw refusal(`the input ${describe(input)}`, expected, 'Export it with a free first dimension (dynamic_axes).');
  return { name: input.name, elementType };
}

/** @param classes null: one probability */
function outputOf(outputs: readonly WholeValue[], classes: number | null): ForeignOutput {
  const floats = outputs.filter(({ type }) =>
    [ELEMENT_FLOAT32, ELEMENT_FLOAT64].includes((type?.tensor?.elementType ?? 0) as typeof ELEMENT_FLOAT32),
  );
  const usual = floats.find(({ name }) => USUAL_OUTPUTS.includes(name));
  const output = usual ?? (floats.length === 1 ? floats[0]! : undefined);
  const expected =
    classes === null
      ? 'one output with the probability, float [N], [N, 1] or [N, 2]'
      : `one output with the probabilities of ${classes} classes, float [N, ${classes}]`;
  if (output === undefined)
    throw refusal(
      outputs.map(describe).join(', ') || 'no output',
      expected,
      'Export it with tensors as outputs (skl2onnx: zipmap=False), the probability named `score`.',
    );
  const dimensions = output.type?.tensor?.shape?.dimensions ?? [];
  const width = dimensions.length === 1 ? 1 : (dimensions[1]?.size ?? 0);
  const isRight = classes === null ? width === 1 || width === 2 : dimensions.length === 2 && width === classes;
  if (dimensions.length > 2 || !isRight)
    throw refusal(
      `the output ${describe(output)}`,
      expected,
      `Declare its shape, or reshape it to [N, ${classes ?? 1}].`,
    );
  return { name: output.name, width, answers: classes ?? 1 };
}

function describe({ name, type }: WholeValue): string {
  const shape = type?.tensor?.shape?.dimensions.map(({ size, symbol }) => symbol || size || '?');
  const element = type?.tensor?.elementType ?? 0;
  const kind = ({ [ELEMENT_FLOAT32]: 'float', [ELEMENT_FLOAT64]: 'double', 7: 'int64', 8: 'string' } as const)[element];
  return `${name} ${kind ?? (type?.tensor === undefined ? 'that is no tensor' : `of type ${element}`)}${shape ? ` [${shape.join(', ')}]` : ''}`;
}

function refusal(seen: string, expected: string, next?: string): MinutehandError {
  return new MinutehandError('MODEL_LOAD', { seen, expected, ...(next !== undefined && { next }) });
}

export interface Served extends RowShape {
  /** Those that the model gets, in this order. */
  readonly used: readonly number[];
  /** null: it gets the columns as they are. */
  readonly preparation: ColumnPreparation | null;
  /** Numbers per answer; null: the model's own probabilities. */
  readonly scaling: MarginScaling | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The model as bundles have it: input `features` float32 [N, columns], or [N, bars, columns], output `score` float32
 * [N, 1], or [N, classes].
 */
export function serveForeign({ model, input, output }: ForeignModel, served: Served): Uint8Array {
  const names = renamedValues(model.graph);
  const nameOf = (name: string): string => names.get(name) ?? name;
  return encodeSurrounded(
    { ...model, graph: renameValues(model.graph, names) },
    {
      input: featuresInput(served.columns, served.bars),
      ...surroundings(
        served,
        { ...input, name: nameOf(input.name) },
        { ...output, name: nameOf(output.name) },
        { input: INPUT_NAME, output: OUTPUT_NAME, prefix: PREFIX },
      ),
      output: scoreOutput(output.answers),
      metadata: served.metadata,
    },
  );
}

/**
 * The model as a part of a graph. Its answer is float32 [N, 1], or [N, classes].
 * @throws MinutehandError MODEL_LOAD for subgraphs or sparse tensors, whose names belong to the whole graph
 */
export function foreignPart({ model, input, output }: ForeignModel, served: Served, place: GraphPlace): GraphPart {
  const prefix = `${place.prefix}model/`;
  const graph = prefixNames(model.graph, prefix);
  const { before, after } = surroundings(
    served,
    { ...input, name: `${prefix}${input.name}` },
    { ...output, name: `${prefix}${output.name}` },
    place,
  );
  return {
    nodes: [...before, ...graph.nodes, ...after],
    tensors: graph.initializers,
    versions: {
      irVersion: model.irVersion,
      opsets: model.opsets.map(({ domain, version }) => ({ domain: domain === 'ai.onnx' ? '' : domain, version })),
    },
  };
}

/** Of the model's own columns, and its probabilities, what our graphs have. Names are those in the graph. */
function surroundings(
  { bars, used, preparation, scaling }: Served,
  input: ForeignModel['input'],
  output: ForeignOutput,
  place: GraphPlace,
): Pick<Surroundings, 'before' | 'after'> {
  const nodes = graphNodes(place.prefix);
  const { named, node, integers } = nodes;
  // [N, columns], or [N, bars, columns].
  const columnAxis = bars === 1 ? 1 : 2;
  const answer = output.answers > 1 ? classNodes(nodes, scaling) : probabilityNodes(nodes, output, scaling);
  const element = input.elementType === ELEMENT_FLOAT64 ? ELEMENT_FLOAT64 : ELEMENT_FLOAT32;
  return {
    before: [
      integers('columns', used),
      { ...node('Gather', [], 'used', alongAxis(columnAxis)), inputs: [place.input, named('columns')] },
      ...(preparation === null ? [] : preparationNodes(nodes, 'used', preparation)),
      {
        ...node('Cast', [preparation === null ? 'used' : 'prepared'], 'input', castTo(element)),
        outputs: [input.name],
      },
    ],
    after: [
      { ...node('Cast', [], 'answers', castTo(ELEMENT_FLOAT64)), inputs: [output.name] },
      integers('row_by_row', [-1, output.width]),
      node('Reshape', ['answers', 'row_by_row'], 'rows'),
      ...answer.nodes,
      { ...node('Cast', [answer.result], 'result', castTo(ELEMENT_FLOAT32)), outputs: [place.output] },
    ],
  };
}

/** Nodes behind `rows`, float64 [N, width], and the name of what they make: float64 [N, answers]. */
interface AnswerNodes {
  readonly nodes: readonly OnnxNode[];
  readonly result: string;
}

function probabilityNodes(nodes: GraphNodes, { width }: ForeignOutput, scaling: MarginScaling | null): AnswerNodes {
  const { node, integers } = nodes;
  const own = [
    integers('positive', [width === 2 ? POSITIVE : 0]),
    node('Gather', ['rows', 'positive'], 'own_probability', alongAxis()),
  ];
  if (scaling === null) return { nodes: own, result: 'own_probability' };
  const rescaling = { slope: scaling.slope[0]!, intercept: scaling.intercept[0]! };
  return { nodes: [...own, ...rescaledNodes(nodes, 'own_probability', rescaling)], result: 'probability' };
}

function classNodes(nodes: GraphNodes, scaling: MarginScaling | null): AnswerNodes {
  if (scaling === null) return { nodes: [], result: 'rows' };
  return { nodes: rescaledClassNodes(nodes, 'rows', scaling), result: 'probabilities' };
}

/** Its values whose names the surrounding graph needs. */
function renamedValues(graph: WholeGraph): Map<string, string> {
  const taken = valueNames(graph);
  return new Map([INPUT_NAME, OUTPUT_NAME].filter((name) => taken.has(name)).map((name) => [name, `model/${name}`]));
}
