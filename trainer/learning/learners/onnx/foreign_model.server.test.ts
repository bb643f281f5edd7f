import { describe, expect, it } from 'vitest';
import { DEPENDENT } from '../../../../shared/bundle/graph_check/outside_graph.fixture.ts';
import { onnxAnswers } from '../../../../shared/bundle/onnx/answers.ts';
import {
  ATTRIBUTE,
  ELEMENT_FLOAT32,
  ELEMENT_FLOAT64,
  encodeModel,
  type OnnxModel,
  type OnnxNode,
} from '../../../../shared/bundle/onnx/schema.ts';
import { fittedOnnx } from './fitted_onnx.ts';
import { readForeignModel } from './foreign_model.ts';
import { openSession } from './sessions.ts';

const COLUMNS = 2;

interface Shape {
  readonly input?: string;
  readonly output?: string;
  readonly element?: number;
  readonly batch?: number;
  readonly columns?: number;
  readonly outputs?: readonly { readonly name: string; readonly element: number; readonly width: number | null }[];
  readonly opset?: number;
  readonly nodes?: (input: string, output: string) => OnnxNode[];
}

/** The mean of the columns through a Sigmoid. */
function modelOf({
  input = 'X',
  output = 'p',
  element = ELEMENT_FLOAT32,
  batch,
  columns = COLUMNS,
  outputs = [{ name: output, element, width: 1 }],
  opset = 15,
  nodes = meanNodes,
}: Shape = {}): Uint8Array {
  const value = (name: string, elementType: number, dimensions: { size?: number; symbol?: string }[]) => ({
    name,
    type: { tensor: { elementType, shape: { dimensions } } },
  });
  const rows = batch === undefined ? { symbol: 'N' } : { size: batch };
  const model: OnnxModel = {
    irVersion: 8,
    producerName: 'test',
    graph: {
      name: 'mean',
      nodes: nodes(input, output),
      inputs: [value(input, element, [rows, { size: columns }])],
      outputs: outputs.map(({ name, element: type, width }) =>
        value(name, type, [rows, ...(width === null ? [] : [{ size: width }])]),
      ),
    },
    opsets: [{ domain: '', version: opset }],
    metadata: [],
  };
  return encodeModel(model);
}

function meanNodes(input: string, output: string): OnnxNode[] {
  return [
    {
      name: 'mean',
      operator: 'ReduceMean',
      inputs: [input],
      outputs: ['score_before'],
      attributes: [{ name: 'axes', type: ATTRIBUTE.INTS, integers: [1] }],
    },
    { name: 'sigmoid', operator: 'Sigmoid', inputs: ['score_before'], outputs: [output] },
  ];
}

const x = { rows: 3, columns: 4, values: Float32Array.of(9, 1, 3, 9, 9, -1, 0, 9, 9, 0.5, 0.25, 9) };
const MEANS = [2, -0.5, 0.375];
const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
const trained = (bytes: Uint8Array) => ({ learner: 'program', bytes, columns: 4, used: [1, 2], iterations: null });

describe('an ONNX model of another program', () => {
  it.each([
    ['', {}],
    [', in double', { element: ELEMENT_FLOAT64 }],
    [', with the names of ours', { input: 'features', output: 'score' }],
    [', with the names of ours the other way round', { input: 'score', output: 'features' }],
    [', with a column that has no second dimension', { outputs: [{ name: 'p', element: ELEMENT_FLOAT32, width: 1 }] }],
  ] satisfies [string, Shape][])('is served on its columns of the features%s', async (_, shape) => {
    const fitted = await fittedOnnx(trained(modelOf(shape)));
    for (const [own, expected] of [
      [fitted, MEANS.map(sigmoid)],
      [fitted.withMargins({ slope: [0.5], intercept: [1] }), MEANS.map((z) => sigmoid(0.5 * z + 1))],
      [
        fitted.withMargins({ slope: [0.5], intercept: [1] }).withMargins({ slope: [2], intercept: [-3] }),
        MEANS.map((z) => sigmoid(2 * (0.5 * z + 1) - 3)),
      ],
    ] as const) {
      const { width, values } = await onnxAnswers(own.toOnnx({ metadata: { model: 'ai1' } }), x);
      expect(width).toBe(1);
      expected.forEach((p, row) => {
        expect(values[row]).toBeCloseTo(p, 6);
        expect(own.answers(x)[row]).toBeCloseTo(p, 6);
      });
    }
    expect(Array.from(fitted.columnUses())).toEqual([0, 1, 1, 0]);
  });

  it('with the probabilities of both classes is served by the second', async () => {
    const nodes = (input: string, output: string): OnnxNode[] => [
      { name: 'softmax', operator: 'Softmax', inputs: [input], outputs: [output] },
    ];
    const outputs = [
      { name: 'label', element: 7, width: null },
      { name: 'probabilities', element: ELEMENT_FLOAT32, width: 2 },
    ];
    const both = (input: string): OnnxNode[] => [
      ...nodes(input, 'probabilities'),
      { name: 'label', operator: 'ArgMax', inputs: ['probabilities'], outputs: ['label'] },
    ];
    const fitted = await fittedOnnx(trained(modelOf({ outputs, nodes: both })));
    // The softmax of two numbers is the sigmoid of their difference.
    for (const [row, expected] of [sigmoid(2), sigmoid(1), sigmoid(-0.25)].entries())
      expect(fitted.answers(x)[row]).toBeCloseTo(expected, 6);
  });

  const float = ELEMENT_FLOAT32;
  it.each([
    ['of another number of columns', { columns: 3 }, /X float \[N, 3\]/],
    ['of one row at a time', { batch: 1 }, /X float \[1, 2\]/],
    ['of whole numbers', { element: 7 }, /X int64/],
    ['with three classes', { outputs: [{ name: 'p', element: float, width: 3 }] }, /p float \[N, 3\]/],
    ['with a label alone', { outputs: [{ name: 'label', element: 7, width: null }] }, /label int64 \[N\]/],
    ['of an old opset', { opset: 11 }, /opset 11/],
    [
      'with two floats of unknown names',
      {
        outputs: [
          { name: 'a', element: float, width: 1 },
          { name: 'b', element: float, width: 1 },
        ],
      },
      /a float.*b float/,
    ],
  ] satisfies [string, Shape, RegExp][])('%s is refused', (_, shape, seen) => {
    expect(() => readForeignModel(modelOf(shape), { columns: COLUMNS, bars: 1 })).toThrow(
      expect.objectContaining({ code: 'MODEL_LOAD', seen: expect.stringMatching(seen) as string }) as Error,
    );
  });

  it('that answers by other rows is refused before it is asked for anything', async () => {
    const bytes = modelOf({
      nodes: (input, output) => [
        {
          name: 'first',
          operator: 'ReduceMean',
          inputs: [input],
          outputs: ['known'],
          attributes: meanNodes('', '')[0]!.attributes!,
        },
        ...DEPENDENT['the next row']!,
        { name: 'sigmoid', operator: 'Sigmoid', inputs: ['more'], outputs: [output] },
      ],
    });
    await expect(fittedOnnx(trained(bytes))).rejects.toMatchObject({
      code: 'MODEL_ROWS',
      seen: expect.stringMatching(/^the model: the answers of row \d+ differ/) as string,
    });
  });

  it('that onnxruntime does not take is refused with its words', async () => {
    const unknown = (input: string, output: string): OnnxNode[] => [
      { name: 'no', operator: 'NoSuchOperator', inputs: [input], outputs: [output] },
    ];
    await expect(openSession(modelOf({ nodes: unknown }), { columns: COLUMNS, bars: 1 })).rejects.toMatchObject({
      code: 'MODEL_LOAD',
      seen: expect.stringContaining('NoSuchOperator') as string,
    });
    expect(() => readForeignModel(new Uint8Array([1, 2, 3]), { columns: COLUMNS, bars: 1 })).toThrow();
  });
});

describe('an ONNX model of another program of several classes', () => {
  const CLASSES = 3;
  const outputs = [
    { name: 'label', element: 7, width: null },
    { name: 'probabilities', element: ELEMENT_FLOAT32, width: CLASSES },
  ];
  /** The softmax of both columns and their sum. */
  const nodes = (input: string): OnnxNode[] => [
    {
      name: 'sum',
      operator: 'ReduceSum',
      inputs: [input, 'over'],
      outputs: ['sum_of'],
      attributes: [{ name: 'keepdims', type: ATTRIBUTE.INT, integer: 1 }],
    },
    {
      name: 'all',
      operator: 'Concat',
      inputs: [input, 'sum_of'],
      outputs: ['margins'],
      attributes: [{ name: 'axis', type: ATTRIBUTE.INT, integer: 1 }],
    },
    {
      name: 'softmax',
      operator: 'Softmax',
      inputs: ['margins'],
      outputs: ['probabilities'],
      attributes: [{ name: 'axis', type: ATTRIBUTE.INT, integer: 1 }],
    },
    { name: 'label_of', operator: 'ArgMax', inputs: ['probabilities'], outputs: ['label'] },
  ];
  const over = {
    name: 'over_of',
    operator: 'Constant',
    inputs: [],
    outputs: ['over'],
    attributes: [{ name: 'value_ints', type: ATTRIBUTE.INTS, integers: [1] }],
  };
  const bytes = modelOf({ outputs, nodes: (input) => [over, ...nodes(input)] });
  const softmax = (logits: readonly number[]): number[] => {
    const e = logits.map(Math.exp);
    const sum = e.reduce((a, b) => a + b, 0);
    return e.map((own) => own / sum);
  };
  const rows = [0, 1, 2].map((row) => [x.values[4 * row + 1]!, x.values[4 * row + 2]!]);
  const probabilities = rows.map(([a, b]) => softmax([a!, b!, a! + b!]));

  it('is served with its probabilities, and with the softmax of their scaled logarithms', async () => {
    const fitted = await fittedOnnx({ ...trained(bytes), classes: CLASSES });
    expect([fitted.link, fitted.width]).toEqual(['softmax', CLASSES]);
    const first = { slope: [0.5, 1, 2], intercept: [0.1, 0, -0.3] };
    const second = { slope: [2, 0.7, 1], intercept: [0, 0.4, 0] };
    const scaled = (by: typeof first, of: readonly number[]): number[] =>
      of.map((margin, k) => by.slope[k]! * margin + by.intercept[k]!);
    for (const [own, expected] of [
      [fitted, probabilities],
      [fitted.withMargins(first), probabilities.map((p) => softmax(scaled(first, p.map(Math.log))))],
      [
        fitted.withMargins(first).withMargins(second),
        probabilities.map((p) => softmax(scaled(second, scaled(first, p.map(Math.log))))),
      ],
    ] as const) {
      const { width, values } = await onnxAnswers(own.toOnnx({ metadata: { model: 'direction' } }), x);
      expect(width).toBe(CLASSES);
      const exact = own.exactAnswers(x);
      expected.flat().forEach((p, i) => {
        expect(values[i]).toBeCloseTo(p, 6);
        expect(exact[i]).toBeCloseTo(p, 6);
        expect(own.answers(x)[i]).toBeCloseTo(p, 6);
      });
    }
    const margins = fitted.openMargins()(x);
    probabilities.forEach((own, row) => own.forEach((p, k) => expect(margins[k]![row]).toBeCloseTo(Math.log(p), 5)));
    expect(() => fitted.withMargins({ slope: [1, 1], intercept: [0, 0] })).toThrow(RangeError);
  });

  it('is finite where a probability is 0, calibrated as well', async () => {
    const fitted = await fittedOnnx({ ...trained(bytes), classes: CLASSES });
    const far = { rows: 1, columns: 4, values: Float32Array.of(0, 1000, -2000, 0) };
    expect(
      fitted
        .openMargins()(far)
        .every((own) => Number.isFinite(own[0])),
    ).toBe(true);
    const scaled = fitted.withMargins({ slope: [1, 1, 1], intercept: [0, 0, 0] });
    const { values } = await onnxAnswers(scaled.toOnnx({ metadata: {} }), far);
    const exact = scaled.exactAnswers(far);
    expect(exact.every((p) => p > 0 && p < 1)).toBe(true);
    values.forEach((value, i) => expect(Math.abs(value - exact[i]!)).toBeLessThan(1e-6));
  });

  it('is refused where it answers another number of classes', () => {
    expect(() => readForeignModel(bytes, { columns: COLUMNS, bars: 1, classes: 4 })).toThrow(
      expect.objectContaining({
        code: 'MODEL_LOAD',
        seen: expect.stringContaining('probabilities float [N, 3]') as string,
        expected: expect.stringContaining('[N, 4]') as string,
      }) as Error,
    );
    expect(() => readForeignModel(modelOf(), { columns: COLUMNS, bars: 1, classes: 3 })).toThrow(
      expect.objectContaining({
        code: 'MODEL_LOAD',
        seen: expect.stringContaining('p float [N, 1]') as string,
      }) as Error,
    );
  });
});

it('a model whose columns are prepared can be calibrated as well', async () => {
  const preparation = { impute: [0, 0], mean: [1, 0.1], scale: [2, 0.3] };
  const fitted = await fittedOnnx({ ...trained(modelOf()), preparation });
  const calibrated = fitted.withMargins({ slope: [0.5], intercept: [0.2] });
  const { values } = await onnxAnswers(calibrated.toOnnx({ metadata: {} }), x);
  for (let row = 0; row < x.rows; row++) {
    const first = (x.values[4 * row + 1]! - 1) / 2;
    const second = (x.values[4 * row + 2]! - 0.1) / 0.3;
    expect(values[row]).toBeCloseTo(sigmoid((0.5 * (first + second)) / 2 + 0.2), 5);
  }
});
