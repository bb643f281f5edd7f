import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../rng.ts';
import { encodeTreeModel, INPUT_NAME, OUTPUT_NAME } from '../onnx/onnx.ts';
import {
  ATTRIBUTE,
  decodeModel,
  ELEMENT_FLOAT32,
  ELEMENT_FLOAT64,
  encodeModel,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
} from '../onnx/schema.ts';
import { InferenceSession, Tensor } from '../onnxruntime.ts';
import { openOwnModel, readOwnModel } from '../own_model.ts';
import { checkRows } from '../tree_kernel/cross_check.ts';
import { randomEnsemble, randomRows } from '../tree_kernel/random_ensemble.fixture.ts';
import { cast, GraphWriter } from './random_graph.fixture.ts';
import { readOwnGraph } from './read_own_graph.ts';

const COLUMNS = 7;
const ROWS = 37;
/** Rounding of the last step to float32, and of sums in another order before it. */
const TOLERANCE = 1e-6;

/** Without its optimizations, one of which makes x · sigmoid(x) in float64 an operator that it does not have. */
async function onnxruntimeAnswers(bytes: Uint8Array, features: Float32Array): Promise<Float32Array> {
  const session = await InferenceSession.create(bytes, { graphOptimizationLevel: 'disabled', intraOpNumThreads: 1 });
  try {
    const tensor = new Tensor('float32', features, [features.length / COLUMNS, COLUMNS]);
    return (await session.run({ [INPUT_NAME]: tensor }))[OUTPUT_NAME]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

interface Compared {
  readonly bytes: Uint8Array;
  readonly seed: string;
  /** Rows of a call. */
  readonly batch: number;
  /** Answers per row. */
  readonly width: number;
}

async function expectSameAnswers({ bytes, seed, batch, width }: Compared): Promise<void> {
  const features = randomRows(createRng(seed), ROWS, COLUMNS, 0.1);
  const hard = checkRows({ columns: COLUMNS, baseScore: 0, trees: [] }, seed).slice(0, 5 * COLUMNS);
  features.set(hard);
  const expected = await onnxruntimeAnswers(bytes, features);
  expect(expected).toHaveLength(ROWS * width);
  const read = readOwnModel(bytes);
  expect(read.width).toBe(width);
  const score = openOwnModel(read.model, batch);
  for (let row = 0; row < ROWS; row += batch) {
    const rows = Math.min(batch, ROWS - row);
    const own = score(features.subarray(row * COLUMNS), rows);
    for (let i = 0; i < rows * width; i++) {
      const answer = expected[row * width + i]!;
      if (Number.isNaN(answer)) expect(own[i]).toBeNaN();
      else expect(Math.abs(own[i]! - answer)).toBeLessThanOrEqual(TOLERANCE);
    }
  }
}

const logistic = (): { writer: GraphWriter; bytes: Uint8Array } => {
  const writer = new GraphWriter('refused', COLUMNS);
  return { writer, bytes: writer.model(writer.node('Sum', [writer.trees('sigmoid'), writer.linear()])) };
};

describe('our own code', () => {
  it('answers random graphs of its operators as onnxruntime does, in batches of any size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.integer({ min: 1, max: ROWS }), async (seed, batch) => {
        await expectSameAnswers({ bytes: new GraphWriter(seed, COLUMNS).random(), seed, batch, width: 1 });
      }),
      { numRuns: 150 },
    );
  });

  it('answers random graphs of several answers a row as onnxruntime does, by row', async () => {
    const widths = fc.integer({ min: 2, max: 5 });
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.integer({ min: 1, max: ROWS }), widths, async (seed, batch, width) => {
        const bytes = new GraphWriter(seed, COLUMNS).randomClasses(width);
        await expectSameAnswers({ bytes, seed, batch, width });
      }),
      { numRuns: 150 },
    );
  });

  it.each(['softmax', 'identity'] as const)(
    'answers a model of trees of several targets alone as onnxruntime does (%s)',
    async (link) => {
      for (const width of [2, 3, 4]) {
        const ensembles = Array.from({ length: width }, (_, target) =>
          randomEnsemble({ trees: 30 * target, leaves: 31, columns: COLUMNS, seed: `${link}/${width}/${target}` }),
        );
        const bytes = encodeTreeModel({ link, ensembles });
        expect(readOwnModel(bytes).ensembles).toHaveLength(width);
        await expectSameAnswers({ bytes, seed: link, batch: 10, width });
      }
    },
  );

  it('leaves the sum of trees to the kernel, in the type of the graph', () => {
    const writer = new GraphWriter('types', COLUMNS);
    const sum = writer.node('Sum', [writer.trees('identity'), writer.trees('sigmoid')]);
    const { graph, ensembles } = readOwnGraph(writer.model(sum));
    expect(graph.trees.map(({ link }) => link)).toEqual(['none', 'sigmoid']);
    expect(graph.trees[0]!.sums).toBe('float64');
    expect(ensembles.map(({ columns }) => columns)).toEqual([COLUMNS, COLUMNS]);
  });

  it('is plain data, which another thread gets', () => {
    const { model } = readOwnModel(logistic().bytes);
    expect(structuredClone(model)).toEqual(model);
  });
});

type Edit = (model: OnnxModel) => void;
const of = (model: OnnxModel, operator: string): OnnxNode =>
  model.graph.nodes.find((node) => node.operator === operator)!;

describe('left to onnxruntime, with the reason', () => {
  it.each<[string, string, Edit]>([
    ['an operator that is not ours', 'operator Erf', (m) => (of(m, 'Reshape').operator = 'Erf')],
    ['one of another domain', 'com.example', (m) => (of(m, 'MatMul').domain = 'com.example')],
    ['two inputs', '2 inputs', (m) => m.graph.inputs.push({ ...m.graph.inputs[0]!, name: 'other' })],
    ['two outputs', '2 outputs', (m) => m.graph.outputs.push({ ...m.graph.outputs[0]!, name: 'other' })],
    ['a sequence', 'unknown width', (m) => m.graph.inputs[0]!.type.tensor.shape.dimensions.push({ size: 3 })],
    ['integers in', 'element type 7', (m) => (m.graph.inputs[0]!.type.tensor.elementType = 7)],
    ['an input nobody gives', 'without an operator', (m) => (of(m, 'MatMul').inputs[1] = 'initializer')],
    ['a value twice', 'two values', (m) => m.graph.nodes.push(m.graph.nodes[0]!)],
    ['a Cast to integers', 'element type 7', (m) => (of(m, 'Cast').attributes![0]!.integer = 7)],
    ['rows gathered', 'axis 0', (m) => (of(m, 'Gather').attributes = [])],
    [
      'columns that are not there',
      'columns',
      (m) => void (m.graph.nodes.find(isIntegers)!.attributes![0]!.integers = [9]),
    ],
    ['another shape', 'Reshape', (m) => void (m.graph.nodes.findLast(isIntegers)!.attributes![0]!.integers = [1, -1])],
    ['a constant of texts', 'value_strings', (m) => (of(m, 'Constant').attributes![0]!.name = 'value_strings')],
    ['a second target', '1 base values', (m) => (of(m, 'TreeEnsembleRegressor').attributes![0]!.integer = 2)],
    ['an answer in float64', 'no score', (m) => m.graph.nodes.pop() && (m.graph.outputs[0]!.name = lastOf(m))],
  ])('%s', (_what, seen, edit) => {
    const model = decodeModel(logistic().bytes);
    edit(model);
    expect(() => readOwnGraph(encodeModel(model))).toThrow(
      expect.objectContaining({ code: 'MODEL_LOAD', seen: expect.stringContaining(seen) as string }) as Error,
    );
  });

  it.each<[string, string, Edit]>([
    ['a Softmax over the rows', 'Softmax over axis 0', (m) => (of(m, 'Softmax').attributes![0]!.integer = 0)],
    ['a Softmax of an older version', 'axis 2', (m) => (of(m, 'Softmax').attributes![0]!.integer = 2)],
    ['rows one below the other', 'Concat over axis 0', (m) => (of(m, 'Concat').attributes = [])],
    ['a Sigmoid of each target', 'no sum of trees', (m) => (of(m, 'Softmax').operator = 'Sigmoid')],
    ['targets without end', 'targets', (m) => void (of(m, 'TreeEnsembleRegressor').attributes = [targets(1e9)])],
    ['a matrix of another size', 'MatMul', (m) => void (matrixOf(m).inputs[1] = shapeOf(m, [-1, 1]))],
    ['constants in no such shape', 'constants to [2,2]', (m) => (matrixOf(m).inputs[1] = shapeOf(m, [2, 2]))],
    ['a matrix of broken rows', 'constants to [4,-1]', (m) => (matrixOf(m).inputs[1] = shapeOf(m, [4, -1]))],
    ['a matrix of no size', 'constants to [-1,-1]', (m) => (matrixOf(m).inputs[1] = shapeOf(m, [-1, -1]))],
    ['a matrix of no columns', 'constants to [0,0]', (m) => (matrixOf(m).inputs[1] = shapeOf(m, [0, 0]))],
    ['a matrix beside each row', 'matrix', (m) => (of(m, 'Add').inputs[1] = matrixOf(m).outputs[0]!)],
    ['more shares than one of a row', 'several shapes', (m) => (of(m, 'Add').inputs[1] = of(m, 'Concat').inputs[0]!)],
  ])('of several answers: %s', (_what, seen, edit) => {
    const model = decodeModel(multinomial());
    expect(() => readOwnGraph(encodeModel(model))).not.toThrow();
    edit(model);
    expect(() => readOwnGraph(encodeModel(model))).toThrow(
      expect.objectContaining({ code: 'MODEL_LOAD', seen: expect.stringContaining(seen) as string }) as Error,
    );
  });

  it('bytes that are no model', () => {
    expect(() => readOwnGraph(Uint8Array.of(1, 2, 3))).toThrow(
      expect.objectContaining({ code: 'MODEL_LOAD', seen: expect.stringContaining('not ONNX') as string }) as Error,
    );
  });

  it('a Sigmoid of float32 numbers that are no sum of trees', () => {
    const writer = new GraphWriter('float32', COLUMNS);
    const narrow = writer.node('Cast', [writer.linear()], cast(ELEMENT_FLOAT32));
    const wide = writer.node('Cast', [writer.node('Sigmoid', [narrow])], cast(ELEMENT_FLOAT64));
    expect(() => readOwnGraph(writer.model(wide))).toThrow(
      expect.objectContaining({ seen: expect.stringContaining('Sigmoid of float32') as string }) as Error,
    );
  });
});

/** Trees of two targets with a Softmax, two products side by side, and two numbers a row by one matrix. */
function multinomial(): Uint8Array {
  const writer = new GraphWriter('multinomial', COLUMNS);
  const axis = [{ name: 'axis', type: ATTRIBUTE.INT, integer: 1 }];
  const shares = writer.classTrees(2, 'softmax');
  const sums = writer.node('Concat', [writer.linear(), writer.linear()], axis);
  const used = writer.node('Gather', [INPUT_NAME, writer.integers(0, 3, 5)], axis);
  const weights = writer.node('Reshape', [writer.vector([1, 2, 3, 4, 5, 6]), writer.integers(3, 2)]);
  const products = writer.node('MatMul', [writer.node('Cast', [used], cast(ELEMENT_FLOAT64)), weights]);
  return writer.model(writer.node('Sum', [shares, writer.node('Add', [products, sums])]), 2);
}

function targets(integer: number): OnnxAttribute {
  return { name: 'n_targets', type: ATTRIBUTE.INT, integer };
}

function matrixOf({ graph }: OnnxModel): OnnxNode {
  return graph.nodes.findLast(({ operator }) => operator === 'Reshape')!;
}

/** The name of a constant that the model did not have. */
function shapeOf({ graph }: OnnxModel, integers: number[]): string {
  const attributes = [{ name: 'value_ints', type: ATTRIBUTE.INTS, integers }];
  graph.nodes.unshift({ name: 'shape', operator: 'Constant', inputs: [], outputs: ['other_shape'], attributes });
  return 'other_shape';
}

function isIntegers({ attributes }: OnnxNode): boolean {
  return attributes?.[0]?.name === 'value_ints';
}

function lastOf({ graph }: OnnxModel): string {
  return graph.nodes.at(-1)!.outputs[0]!;
}
