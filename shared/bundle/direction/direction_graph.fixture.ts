import { basename } from 'node:path';
import { createRng } from '../../rng.ts';
import { INSTRUMENT_WINDOWS, type InstrumentWindows } from '../../core/features/instrument/definitions.ts';
import { goldenFeatures } from '../bundle_models.ts';
import { instrumentSchema } from '../feature_schema.ts';
import { encodeGraph, featuresInput, INPUT_NAME, OUTPUT_NAME } from '../onnx/onnx.ts';
import { ATTRIBUTE, ELEMENT_FLOAT32, ELEMENT_FLOAT64, type OnnxAttribute, type OnnxNode } from '../onnx/schema.ts';
import { pathInside } from '../../path_name.ts';
import { directionFolder } from './active_direction.ts';
import { readDirectionBundle, writeDirectionBundle } from './direction_bundle.ts';
import { DIRECTION_FILE, directionBars, type DirectionManifest } from './direction_manifest.ts';
import { CLASSES, openDirectionSession } from './direction_scoring.ts';

function node(operator: string, inputs: readonly string[], output: string, attributes: OnnxAttribute[] = []): OnnxNode {
  return { name: `${output}_of`, operator, inputs: [...inputs], outputs: [output], attributes };
}

function integers(output: string, values: readonly number[]): OnnxNode {
  return node('Constant', [], output, [{ name: 'value_ints', type: ATTRIBUTE.INTS, integers: [...values] }]);
}

function constants(output: string, values: readonly number[], ...shape: number[]): OnnxNode[] {
  return [
    node('Constant', [], `${output}_flat`, [{ name: 'value_floats', type: ATTRIBUTE.FLOATS, floats: [...values] }]),
    integers(`${output}_shape`, shape),
    node('Reshape', [`${output}_flat`, `${output}_shape`], output),
  ];
}

const softmax = (input: string, output: string): OnnxNode =>
  node('Softmax', [input], output, [{ name: 'axis', type: ATTRIBUTE.INT, integer: 1 }]);

/** Missing values count as 0. */
const KNOWN = [
  node('Constant', [], 'zero', [{ name: 'value_float', type: ATTRIBUTE.FLOAT, number: 0 }]),
  node('IsNaN', [INPUT_NAME], 'missing'),
  node('Where', ['missing', 'zero', INPUT_NAME], 'known'),
];

export interface NetworkOptions {
  readonly columns: number;
  readonly seed: string;
  /** Answers per row; default 3. */
  readonly classes?: number;
  /** Of the last layer; default: probabilities. */
  readonly answers?: 'probabilities' | 'logits';
  /** Added to the logit of up. */
  readonly upScore?: number;
  /** Whether features of any size are taken; else infinite ones give no probabilities. Default true. */
  readonly isBounded?: boolean;
}

const UNITS = 8;

/** Weights of a network of one hidden layer, for graph and oracle. */
export function networkWeights({ columns, seed, classes = CLASSES, upScore = 0 }: NetworkOptions) {
  const rng = createRng(seed);
  const random = (count: number): number[] =>
    Array.from({ length: count }, () => Math.fround(rng.normal() / Math.sqrt(columns)));
  const biases = random(classes);
  biases[0] = Math.fround(biases[0]! + upScore);
  return { hidden: random(columns * UNITS), hiddenBiases: random(UNITS), last: random(UNITS * classes), biases };
}

/** A network of one hidden layer that only onnxruntime computes: Tanh, Gemm, Relu, Gemm, Softmax. */
export function networkGraph(options: NetworkOptions): Uint8Array {
  const { columns, classes = CLASSES, answers = 'probabilities', isBounded = true } = options;
  const { hidden, hiddenBiases, last, biases } = networkWeights(options);
  const logits = answers === 'logits' ? OUTPUT_NAME : 'logits';
  return encodeGraph({
    name: 'network',
    inputs: [featuresInput(columns)],
    nodes: [
      ...KNOWN,
      ...(isBounded ? [node('Tanh', ['known'], 'bounded')] : []),
      ...constants('hidden_weights', hidden, columns, UNITS),
      ...constants('hidden_biases', hiddenBiases, UNITS),
      ...constants('last_weights', last, UNITS, classes),
      ...constants('last_biases', biases, classes),
      node('Gemm', [isBounded ? 'bounded' : 'known', 'hidden_weights', 'hidden_biases'], 'sums'),
      node('Relu', ['sums'], 'hidden'),
      node('Gemm', ['hidden', 'last_weights', 'last_biases'], logits),
      ...(answers === 'logits' ? [] : [softmax(logits, OUTPUT_NAME)]),
    ],
    width: classes,
    metadata: {},
  });
}

/** Probabilities of a row by hand, in float64. */
export function networkAnswer(options: NetworkOptions, row: ArrayLike<number>): number[] {
  const { columns, classes = CLASSES } = options;
  const { hidden, hiddenBiases, last, biases } = networkWeights(options);
  const bounded = Array.from(row, (value) => Math.tanh(Number.isNaN(value) ? 0 : value));
  const layer = hiddenBiases.map((bias, unit) => {
    let sum = bias;
    for (let column = 0; column < columns; column++) sum += bounded[column]! * hidden[column * UNITS + unit]!;
    return Math.max(0, sum);
  });
  const logits = Array.from({ length: classes }, (_, k) =>
    layer.reduce((sum, value, unit) => sum + value * last[unit * classes + k]!, biases[k]!),
  );
  return sharesOf(logits);
}

const CLIP = 3;

/** Weights of a linear model, for graph and oracle: [columns × classes] and [classes]. */
export function linearWeights({ columns, seed, upScore = 0 }: NetworkOptions) {
  const rng = createRng(seed);
  const weights = Array.from({ length: columns * CLASSES }, () => Math.fround(rng.normal() / Math.sqrt(columns)));
  return { weights, biases: [Math.fround(upScore), 0, 0] };
}

/** A softmax of linear functions of bounded features, which our own code computes; what is missing counts as 0. */
export function linearGraph(options: NetworkOptions): Uint8Array {
  const { columns } = options;
  const { weights, biases } = linearWeights(options);
  const cast = (input: string, output: string, to: number): OnnxNode =>
    node('Cast', [input], output, [{ name: 'to', type: ATTRIBUTE.INT, integer: to }]);
  const wide = (output: string, values: readonly number[]): OnnxNode[] => [
    node('Constant', [], `${output}_32`, [{ name: 'value_floats', type: ATTRIBUTE.FLOATS, floats: [...values] }]),
    cast(`${output}_32`, output, ELEMENT_FLOAT64),
  ];
  const scalar = (output: string, value: number): OnnxNode[] => [
    node('Constant', [], `${output}_32`, [{ name: 'value_float', type: ATTRIBUTE.FLOAT, number: value }]),
    cast(`${output}_32`, output, ELEMENT_FLOAT64),
  ];
  return encodeGraph({
    name: 'linear',
    inputs: [featuresInput(columns)],
    nodes: [
      integers('columns', [...Array(columns).keys()]),
      ...scalar('zero', 0),
      ...scalar('lowest', -CLIP),
      ...scalar('highest', CLIP),
      ...wide('flat_weights', weights),
      ...wide('biases', biases),
      integers('weights_shape', [columns, CLASSES]),
      node('Reshape', ['flat_weights', 'weights_shape'], 'weights'),
      node('Gather', [INPUT_NAME, 'columns'], 'gathered', [{ name: 'axis', type: ATTRIBUTE.INT, integer: 1 }]),
      cast('gathered', 'wide', ELEMENT_FLOAT64),
      node('IsNaN', ['wide'], 'missing'),
      node('Where', ['missing', 'zero', 'wide'], 'known'),
      node('Clip', ['known', 'lowest', 'highest'], 'clipped'),
      node('MatMul', ['clipped', 'weights'], 'sums'),
      node('Add', ['sums', 'biases'], 'logits'),
      softmax('logits', 'probabilities'),
      cast('probabilities', OUTPUT_NAME, ELEMENT_FLOAT32),
    ],
    width: CLASSES,
    metadata: {},
  });
}

/** Probabilities of a row by hand, in float64. */
export function linearAnswer(options: NetworkOptions, row: ArrayLike<number>): number[] {
  const { weights, biases } = linearWeights(options);
  const clipped = Array.from(row, (value) => Math.min(CLIP, Math.max(-CLIP, Number.isNaN(value) ? 0 : value)));
  return sharesOf(biases.map((bias, k) => clipped.reduce((sum, x, i) => sum + x * weights[i * CLASSES + k]!, bias)));
}

function sharesOf(logits: readonly number[]): number[] {
  const greatest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - greatest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

export interface SequenceOptions extends NetworkOptions {
  readonly bars: number;
}

/** Weights of each column of each bar, for graph and oracle: [bars × columns × classes]. */
function sequenceWeights({ columns, bars, seed, upScore = 0 }: SequenceOptions) {
  return linearWeights({ columns: bars * columns, seed, upScore });
}

/** A graph that takes sequences of bars, each of which counts otherwise: Reshape, Tanh, Gemm, Softmax. */
export function sequenceGraph(options: SequenceOptions): Uint8Array {
  const { columns, bars } = options;
  const { weights, biases } = sequenceWeights(options);
  const width = bars * columns;
  return encodeGraph({
    name: 'sequence',
    inputs: [featuresInput(columns, bars)],
    nodes: [
      ...KNOWN,
      integers('flat_shape', [-1, width]),
      node('Reshape', ['known', 'flat_shape'], 'flat'),
      node('Tanh', ['flat'], 'bounded'),
      ...constants('weights', weights, width, CLASSES),
      ...constants('biases', biases, CLASSES),
      node('Gemm', ['bounded', 'weights', 'biases'], 'logits'),
      softmax('logits', OUTPUT_NAME),
    ],
    width: CLASSES,
    metadata: {},
  });
}

/** Probabilities of a sequence by hand, in float64. @param row [bars × columns], the oldest bar first */
export function sequenceAnswer(options: SequenceOptions, row: ArrayLike<number>): number[] {
  const { weights, biases } = sequenceWeights(options);
  const bounded = Array.from(row, (value) => Math.tanh(Number.isNaN(value) ? 0 : value));
  return sharesOf(biases.map((bias, k) => bounded.reduce((sum, x, i) => sum + x * weights[i * CLASSES + k]!, bias)));
}

export interface GraphBundleOptions {
  /** Version of a bundle in the folder, whose manifest it takes over. */
  readonly of: string;
  readonly created: Date;
  readonly graph: Uint8Array;
  /** Bars whose features the graph gets together; default: those of one. */
  readonly bars?: number;
  /** Of the golden rows; default: those of onnxruntime. */
  readonly probabilities?: readonly (readonly number[])[];
}

/** Writes a bundle of this graph beside another one, signed where there is a key. @returns its version */
export async function writeGraphDirection(models: string, options: GraphBundleOptions): Promise<string> {
  const { manifest } = readDirectionBundle(pathInside(directionFolder(models), options.of));
  const {
    format: _format,
    version: _version,
    created: _created,
    files: _files,
    ...kept
  } = withBars(manifest, options.bars ?? 1);
  const { features } = kept.golden;
  const probabilities = options.probabilities?.map((row) => [...row]) ?? (await goldenOf(kept, options.graph));
  const folder = writeDirectionBundle(directionFolder(models), options.created, {
    manifest: {
      ...kept,
      engine: { name: 'network', parameters: { units: UNITS } },
      golden: { features, probabilities },
    },
    model: options.graph,
    report: {},
    card: ({ version }) => `# Direction model ${version}\n`,
  });
  return basename(folder);
}

/** The manifest of a model that gets so many bars together; its golden sequences are of the golden rows in turn. */
function withBars(manifest: DirectionManifest, bars: number): DirectionManifest {
  if (bars === 1) return manifest;
  const windows: InstrumentWindows = { ...INSTRUMENT_WINDOWS, sequence: bars };
  const { features, probabilities } = manifest.golden;
  const sequences = features.map((_, row) =>
    Array.from({ length: bars }, (_, bar) => features[(row + bar) % features.length]!).flat(),
  );
  return {
    ...manifest,
    windows: { ...windows },
    feature_schema: instrumentSchema(windows, manifest.timeframe).hash,
    golden: { features: sequences, probabilities },
  };
}

async function goldenOf(
  manifest: Pick<DirectionManifest, 'features' | 'golden' | 'windows'>,
  graph: Uint8Array,
): Promise<number[][]> {
  const { features } = manifest.golden;
  const rows = goldenFeatures(manifest.golden);
  const shape = { columns: manifest.features.length, bars: directionBars(manifest) };
  const session = await openDirectionSession(graph, shape, DIRECTION_FILE);
  try {
    const answers = await session.score(rows, features.length);
    return features.map((_, row) => [...answers.subarray(row * CLASSES, (row + 1) * CLASSES)]);
  } finally {
    await session.release();
  }
}
