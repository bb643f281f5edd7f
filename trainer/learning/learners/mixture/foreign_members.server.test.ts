import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onnxAnswers } from '../../../../shared/bundle/onnx/answers.ts';
import { encodeGraph, featuresInput, INPUT_NAME, OUTPUT_NAME } from '../../../../shared/bundle/onnx/onnx.ts';
import { encodeModel, ELEMENT_FLOAT32, type OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';
import { LEARNER_PROGRAM, NETWORKS_PYTHON } from '../../../../shared/policy/environment.ts';
import { createRng } from '../../../../shared/rng.ts';
import { networksNote } from '../../../../test/networks_python.ts';
import { TEST_PYTHON } from '../../../../test/python.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import type { Fitted } from '../contract/fitted.ts';
import { fitAllRows, type FitRequest } from '../contract/learner.ts';
import { networkParameters } from '../networks/network_parameters.ts';
import { encodePart } from '../onnx/encode_part.ts';
import { fittedOnnx } from '../onnx/fitted_onnx.ts';
import { decodeWholeModel } from '../onnx/whole_model.ts';
import { openLearner } from '../registry.ts';
import { runFit } from '../trees/fit.ts';
import { ensembleParameters } from './ensemble_parameters.ts';
import { fittedMixture, mixtureOf } from './fitted_mixture.ts';
import type { FittedMixture } from './mixture.ts';
import { mixturePart } from './mixture_graph.ts';
import { SMALL_TREES } from '../small_trees.fixture.ts';

const ROWS = 900;
const NAMES = ['z_score', 'beta', 'half_life'];
const COLUMNS = NAMES.length;
const PROGRAM_FILE = join(import.meta.dirname, '..', 'program', 'logistic_program.fixture.mjs');
/** Between a model and its graph, as for every learner. */
const PARITY = 1e-5;
beforeAll(() => void (process.env[LEARNER_PROGRAM] = JSON.stringify([process.execPath, PROGRAM_FILE])));
afterAll(() => delete process.env[LEARNER_PROGRAM]);

/** Every twentieth number is missing. 300 rows a day. */
function rowsOf(seed: string): FitRows {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: ROWS * COLUMNS }, () => (rng.uniform() < 0.05 ? NaN : rng.normal()));
  const time = Float64Array.from({ length: ROWS }, (_, row) => 288 * row);
  return {
    x: { rows: ROWS, columns: COLUMNS, values },
    y: Float64Array.from({ length: ROWS }, (_, row) => ((values[row * COLUMNS] || 0) + rng.normal() > 0 ? 1 : 0)),
    time,
    labelEnd: time.map((at) => at + 600),
    weights: new Float64Array(ROWS).fill(1),
  };
}

const rows = rowsOf('rows');
const request: Omit<FitRequest, 'budget'> = {
  task: { kind: 'binary' },
  rows,
  subset: Int32Array.from(rows.y.keys()),
  columns: null,
  seed: 'foreign members',
  continueFrom: null,
};

/** The same rows, of three classes. */
const classRequest: typeof request = {
  ...request,
  task: { kind: 'multiclass', classes: 3 },
  rows: { ...rows, y: rows.y.map((label, row) => (row % 4 === 0 ? 2 : label)) },
};

const members = ['program', 'gbdt', 'logistic'] as const;
type Member = (typeof members)[number] | 'neural_net';
const fit = (
  engine: string,
  of: readonly [Member, ...Member[]] = members,
  asked: typeof request = request,
): Promise<Fitted> =>
  fitAllRows(
    openLearner(engine, {
      parameters: SMALL_TREES,
      fitTrees: runFit,
      ensembles: ensembleParameters({
        vote_members: [...of],
        bagging: { members: 4, mixed: [of[0], 'gbdt'] },
        stacking: { members: [...of], meta: 'logistic', probabilities: false },
      }),
      columnNames: NAMES,
      network: { ...networkParameters(undefined, 'ai1'), epochs: 5 },
    }),
    asked,
  );

/** Answers of onnxruntime, which must be those of the model. */
async function served(fitted: Fitted, x = rows.x): Promise<Float32Array> {
  const { values } = await onnxAnswers(fitted.toOnnx({ metadata: { model: 'ai1' } }), x);
  const exact = fitted.exactAnswers(x);
  expect(values).toHaveLength(x.rows * fitted.width);
  values.forEach((value, i) => expect(Math.abs(value - exact[i]!)).toBeLessThan(PARITY));
  return values as Float32Array;
}

describe('an ensemble with a model of another program', () => {
  it.each(['vote', 'bagging', 'stacking'])('answers in one graph as its members do together: %s', async (engine) => {
    const mixture = mixtureOf(await fit(engine));
    const learners = mixture.members.map(({ learner }) => learner);
    expect(learners).toEqual(engine === 'bagging' ? ['program', 'gbdt', 'program', 'gbdt'] : members);
    const answers = await served(mixture);
    const calibrated = await served(mixture.withMargins({ slope: [0.5], intercept: [1] }));
    const logit = (p: number): number => Math.log(p / (1 - p));
    for (let row = 0; row < ROWS; row += 31)
      expect(logit(calibrated[row]!)).toBeCloseTo(0.5 * logit(answers[row]!) + 1, 3);
    if (engine === 'stacking') return;
    const alone = await Promise.all(mixture.members.map((member) => served(member)));
    for (let row = 0; row < ROWS; row += 31)
      expect(answers[row]).toBeCloseTo(
        alone.reduce((sum, own, i) => sum + mixture.weights[i]! * own[row]!, 0),
        5,
      );
  });

  it.each(['vote', 'bagging', 'stacking'])('answers several classes in one graph: %s', async (engine) => {
    await expectClasses(mixtureOf(await fit(engine, members, classRequest)));
  });

  it('has the same bytes from the same rows', async () => {
    const one = await fit('vote');
    const other = await fit('vote');
    expect(one.toOnnx({ metadata: {} })).toEqual(other.toOnnx({ metadata: {} }));
  });
});

/** That it answers as its members do together, calibrated as well. */
async function expectClasses(mixture: FittedMixture): Promise<void> {
  expect([mixture.width, mixture.link]).toEqual([3, 'softmax']);
  const answers = await served(mixture);
  const calibrated = await served(mixture.withMargins({ slope: [0.5, 1, 2], intercept: [1, 0, 0] }));
  const margins = mixture.openMargins()(rows.x);
  for (let row = 0; row < ROWS; row += 31) {
    const e = margins.map((margin, k) => Math.exp([0.5, 1, 2][k]! * margin[row]! + [1, 0, 0][k]!));
    const sum = e.reduce((all, own) => all + own, 0);
    e.forEach((own, k) => expect(calibrated[3 * row + k]).toBeCloseTo(own / sum, 4));
  }
  if (mixture.of !== 'probability') return;
  const alone = await Promise.all(mixture.members.map((member) => served(member)));
  for (let at = 0; at < answers.length; at += 31)
    expect(answers[at]).toBeCloseTo(
      alone.reduce((sum, own, i) => sum + mixture.weights[i]! * own[at]!, 0),
      5,
    );
}

const note = networksNote();

describe.runIf(note === '')(`an ensemble with a network that PyTorch has learned${note}`, () => {
  beforeAll(() => void (process.env[NETWORKS_PYTHON] = TEST_PYTHON));
  afterAll(() => delete process.env[NETWORKS_PYTHON]);

  it('answers several classes in one graph', { timeout: 120_000 }, async () => {
    await expectClasses(mixtureOf(await fit('vote', ['neural_net', 'gbdt', 'logistic'], classRequest)));
  });

  it.each(['vote', 'bagging', 'stacking'])(
    'answers in one graph as its members do together: %s',
    { timeout: 120_000 },
    async (engine) => {
      const mixture = mixtureOf(await fit(engine, ['neural_net', 'gbdt', 'logistic']));
      expect(mixture.members.map(({ learner }) => learner)).toContain('neural_net');
      const answers = await served(mixture);
      if (engine === 'stacking') return;
      const alone = await Promise.all(mixture.members.map((member) => served(member)));
      for (let row = 0; row < ROWS; row += 31)
        expect(answers[row]).toBeCloseTo(
          alone.reduce((sum, own, i) => sum + mixture.weights[i]! * own[row]!, 0),
          5,
        );
    },
  );
});

/** The sigmoid of the first column. */
function graphOf(name: string, opset: number): Uint8Array {
  const nodes: OnnxNode[] = [
    { name, operator: 'Identity', inputs: ['X'], outputs: [name] },
    { name: 'last', operator: 'Sigmoid', inputs: [name], outputs: ['p'] },
  ];
  const value = (of: string, width: number) => ({
    name: of,
    type: { tensor: { elementType: ELEMENT_FLOAT32, shape: { dimensions: [{ symbol: 'N' }, { size: width }] } } },
  });
  return encodeModel({
    irVersion: 8,
    producerName: 'test',
    graph: { name, nodes, inputs: [value('X', 1)], outputs: [value('p', 1)] },
    opsets: [{ domain: '', version: opset }],
    metadata: [],
  });
}

const trained = (bytes: Uint8Array) =>
  fittedOnnx({ learner: 'program', bytes, columns: COLUMNS, used: [0], iterations: null });
const mixed = (...of: Fitted[]) =>
  fittedMixture({
    learner: 'vote',
    members: of,
    weights: new Float64Array(of.length).fill(1 / of.length),
    of: 'probability',
    intercept: null,
  });

describe('models of other programs in one graph', () => {
  it('keep their own values where all of them have the same names', async () => {
    const one = await trained(graphOf('same', 13));
    const x = { rows: 3, columns: COLUMNS, values: Float32Array.of(2, 0, 0, -0.5, 0, 0, 0.375, 0, 0) };
    const other = one.withMargins({ slope: [2], intercept: [-1] });
    const answers = await served(mixed(one, other), x);
    const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
    for (const [row, z] of [2, -0.5, 0.375].entries())
      expect(answers[row]).toBeCloseTo((sigmoid(z) + sigmoid(2 * z - 1)) / 2, 6);
  });

  it('are of the same versions of operators, or refused', async () => {
    const both = mixed(await trained(graphOf('a', 13)), await trained(graphOf('b', 14)));
    expect(() => both.toOnnx({ metadata: {} })).toThrow(
      expect.objectContaining({ code: 'LEARNER_TASK', seen: expect.stringContaining('13 and 14') as string }) as Error,
    );
    const { opsets } = decodeWholeModel(mixed(await trained(graphOf('a', 17))).toOnnx({ metadata: {} }));
    expect(opsets).toEqual([
      { domain: '', version: 17 },
      { domain: 'ai.onnx.ml', version: 3 },
    ]);
  });
});

it('a part of our own nodes alone is the same model as a graph of them', async () => {
  const mixture = mixtureOf(await fit('vote'));
  const own = { ...mixture, members: mixture.members.slice(1), weights: mixture.weights.slice(1), scaling: null };
  const part = mixturePart(own, { input: INPUT_NAME, output: OUTPUT_NAME, prefix: '' });
  const common = { name: 'own', metadata: { b: '2', a: '1' } };
  const graph = { inputs: [featuresInput(COLUMNS)], nodes: part.nodes as OnnxNode[], width: 1 };
  expect(encodePart({ ...common, input: featuresInput(COLUMNS), part })).toEqual(encodeGraph({ ...common, ...graph }));
});
