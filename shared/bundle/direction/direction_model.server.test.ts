import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTinyDirection } from '../../../test/tiny_direction.ts';
import { createRng } from '../../rng.ts';
import { packageRoot } from '../../root.ts';
import { DEPENDENT, outsideGraph, RANDOM } from '../graph_check/outside_graph.fixture.ts';
import { encodeTreeModel } from '../onnx/onnx.ts';
import type { OnnxNode } from '../onnx/schema.ts';
import { randomRows } from '../tree_kernel/random_ensemble.fixture.ts';
import { chooseScoring } from './choose_scoring.ts';
import { directionFolder, liveInstrumentSchema } from './active_direction.ts';
import {
  linearAnswer,
  linearGraph,
  networkAnswer,
  networkGraph,
  sequenceAnswer,
  sequenceGraph,
  writeGraphDirection,
  type GraphBundleOptions,
} from './direction_graph.fixture.ts';
import { DIRECTION_FILE } from './direction_manifest.ts';
import { loadDirectionModel, openDirection, prepareDirection } from './direction_model.ts';
import { openDirectionSession, openOwnScoring } from './direction_scoring.ts';

const SCHEMA = liveInstrumentSchema(3600);
const COLUMNS = SCHEMA.definitions.length;
const SHAPE = { columns: COLUMNS, bars: 1 };
const NETWORK = { columns: COLUMNS, seed: 'network' };
const ROWS = 40;

const models = mkdtempSync(join(tmpdir(), 'minutehand-direction-model-'));
const folderOf = (version: string): string => join(directionFolder(models), version);
let trees: string;
let minute = 0;
beforeAll(() => {
  trees = writeTinyDirection(models, 'BTCUSDT', '1h', new Date(0));
});
afterAll(() => rmSync(models, { recursive: true, force: true }));

const written = (graph: Uint8Array, more: Partial<GraphBundleOptions> = {}): Promise<string> =>
  writeGraphDirection(models, { of: trees, created: new Date(++minute * 60_000), graph, ...more });

const refused = async (graph: Uint8Array, more?: Partial<GraphBundleOptions>) =>
  prepareDirection(folderOf(await written(graph, more)), SCHEMA).then(
    () => null,
    (error: unknown) => error as { code: string; seen?: string; expected?: string },
  );

const UNIFORM = [
  [0.2, 0.3, 0.5],
  [0.2, 0.3, 0.5],
  [0.2, 0.3, 0.5],
];

describe('a direction model', () => {
  it('of trees is scored by our own code, at once', async () => {
    const model = await loadDirectionModel(folderOf(trees), SCHEMA, ROWS);
    expect([model.engine, model.engineNote]).toEqual([
      'wasm-simd',
      expect.stringMatching(/(equal to|within .* of) onnxruntime on \d+ rows/),
    ]);
    const rows = randomRows(createRng('rows'), ROWS, COLUMNS, 0.1);
    const session = await openDirectionSession(readFileSync(join(folderOf(trees), DIRECTION_FILE)), SHAPE, 'trees');
    const expected = await session.score(rows, ROWS);
    await session.release();
    const answers = model.infer(rows, ROWS);
    expect(answers).toBeInstanceOf(Float64Array);
    (answers as Float64Array)
      .subarray(0, 3 * ROWS)
      .forEach((p, i) => expect(Math.abs(p - expected[i]!)).toBeLessThan(1e-5));
    await model.release();
  });

  it('of trees is scored by onnxruntime where our own code gives other answers, and says so', async () => {
    const bytes = readFileSync(join(folderOf(trees), DIRECTION_FILE));
    const rows = randomRows(createRng('rows'), ROWS, COLUMNS, 0.1);
    const graph = { bytes, shape: SHAPE, path: 'trees', seed: 'seed', rows: () => rows };
    const right = await chooseScoring(graph);
    const wrong: typeof openOwnScoring = (scoring, maxRows) => {
      const score = openOwnScoring(scoring, maxRows);
      return (features, count) => score(features, count).map((p, i) => (i === 4 ? p + 1e-3 : p));
    };
    const { scoring, answers, check } = await chooseScoring({ ...graph, openTrees: wrong });
    expect([scoring.engine, scoring.note]).toEqual([
      'onnxruntime-node',
      expect.stringMatching(/^our own answers differ by up to 0\.001/),
    ]);
    expect(check).toBeNull();
    expect(answers).toHaveLength(3 * ROWS);
    answers.forEach((p, i) => expect(Math.abs(p - right.answers[i]!)).toBeLessThan(1e-5));
  });

  it.each([
    ['is missing', (kernel: string): void => rmSync(kernel)],
    ['is damaged', (kernel: string): void => writeFileSync(kernel, 'not WebAssembly')],
  ])('of trees is served by onnxruntime where the WASM scorer %s, with the reason', async (_how, spoil) => {
    const copy = mkdtempSync(join(models, 'copy-'));
    cpSync(join(packageRoot(), 'dist'), join(copy, 'dist'), { recursive: true });
    cpSync(join(packageRoot(), 'package.json'), join(copy, 'package.json'));
    // The sources are what the maps lead to.
    for (const name of ['node_modules', 'shared']) symlinkSync(join(packageRoot(), name), join(copy, name));
    spoil(join(copy, 'dist/shared/bundle/tree_kernel/tree_kernel.wasm'));
    const { loadDirectionModel: load } = (await import(
      join(copy, 'dist/shared/bundle/direction/direction_model.js')
    )) as { loadDirectionModel: typeof loadDirectionModel };
    const rows = randomRows(createRng('rows'), ROWS, COLUMNS, 0.1);
    const model = await load(folderOf(trees), SCHEMA, ROWS);
    const right = await loadDirectionModel(folderOf(trees), SCHEMA, ROWS);
    expect(model.engine).toBe('onnxruntime-node');
    expect(model.engineNote).toMatch(/tree_kernel\.wasm: .* Run `npm run build`/s);
    const answers = await model.infer(rows, ROWS);
    const expected = right.infer(rows, ROWS) as Float64Array;
    for (let i = 0; i < 3 * ROWS; i++) expect(Math.abs(answers[i]! - expected[i]!)).toBeLessThan(1e-5);
    await model.release();
    await right.release();
  });

  it('of a linear softmax is scored by our own code, at once, as by hand and by onnxruntime', async () => {
    const graph = linearGraph(NETWORK);
    const version = await written(graph);
    const model = await loadDirectionModel(folderOf(version), SCHEMA, ROWS);
    expect([model.engine, model.engineNote]).toEqual([
      'own-graph',
      expect.stringMatching(/(equal to|within .* of) onnxruntime on 610 rows/),
    ]);
    expect(model.check.rows).toBe(610);
    const rows = randomRows(createRng('rows'), ROWS, COLUMNS, 0.1);
    const session = await openDirectionSession(graph, SHAPE, 'linear');
    const expected = await session.score(rows, ROWS);
    await session.release();
    const answers = model.infer(rows, ROWS) as Float64Array;
    expect(answers).toBeInstanceOf(Float64Array);
    for (let row = 0; row < ROWS; row++) {
      const byHand = linearAnswer(NETWORK, rows.subarray(row * COLUMNS, (row + 1) * COLUMNS));
      byHand.forEach((p, k) => {
        expect(Math.abs(answers[row * 3 + k]! - p)).toBeLessThan(1e-6);
        expect(Math.abs(answers[row * 3 + k]! - expected[row * 3 + k]!)).toBeLessThan(1e-6);
      });
    }
    expect(() => model.infer(rows, ROWS + 1)).toThrow(RangeError);
    await model.release();
  });

  it('of a forest of classes, whose trees give the probabilities, is scored by our own code', async () => {
    const shares = [0.2, 0.3, 0.5].map((share) => ({ columns: COLUMNS, baseScore: share, trees: [] }));
    const model = await loadDirectionModel(
      folderOf(await written(encodeTreeModel({ link: 'identity', ensembles: shares }))),
      SCHEMA,
      1,
    );
    expect(model.engine).toBe('own-graph');
    const answers = model.infer(new Float32Array(COLUMNS), 1) as Float64Array;
    [0.2, 0.3, 0.5].forEach((share, k) => expect(answers[k]).toBeCloseTo(share, 6));
  });

  it('of a network is scored by onnxruntime, as by hand, and each row as it would be alone', async () => {
    const version = await written(networkGraph(NETWORK));
    const model = await loadDirectionModel(folderOf(version), SCHEMA, ROWS);
    expect(model.engine).toBe('onnxruntime-node');
    expect(model.engineNote).toMatch(/^more than trees and arithmetic: /);
    expect(model.check).toEqual({ rows: 3, largestDifference: 0 });
    const rows = randomRows(createRng('rows'), ROWS, COLUMNS, 0.1);
    const scoring = model.infer(rows, ROWS);
    expect(scoring).toBeInstanceOf(Promise);
    const answers = await scoring;
    expect(answers).toHaveLength(3 * ROWS);
    for (let row = 0; row < ROWS; row++) {
      const own = rows.subarray(row * COLUMNS, (row + 1) * COLUMNS);
      const byHand = networkAnswer(NETWORK, own);
      byHand.forEach((p, k) => expect(Math.abs(answers[row * 3 + k]! - p)).toBeLessThan(1e-6));
      expect([...(await model.infer(own, 1))]).toEqual([...answers.subarray(row * 3, row * 3 + 3)]);
    }
    await expect(model.infer(rows, ROWS + 1)).rejects.toThrow(RangeError);
    await model.release();
    await model.release();
    await expect(model.infer(rows, 1)).rejects.toThrow(/was released/);
  });

  it('of several bars is scored by onnxruntime, as by hand, with the columns of its newest bar behind the others', async () => {
    const options = { ...NETWORK, bars: 5 };
    const version = await written(sequenceGraph(options), { bars: options.bars });
    const model = await loadDirectionModel(folderOf(version), SCHEMA, ROWS);
    expect([model.engine, model.engineNote, model.rowSchema!.windows.sequence]).toEqual([
      'onnxruntime-node',
      'a sequence of 5 bars',
      5,
    ]);
    const width = options.bars * COLUMNS;
    const rows = randomRows(createRng('sequences'), ROWS, width, 0.1);
    const answers = await model.infer(rows, ROWS);
    for (let row = 0; row < ROWS; row++)
      sequenceAnswer(options, rows.subarray(row * width, (row + 1) * width)).forEach((p, k) =>
        expect(Math.abs(answers[row * 3 + k]! - p)).toBeLessThan(1e-6),
      );
    await model.release();
  });

  it('may be opened on another thread than the one that verified it: it is plain data until then', async () => {
    const version = await written(networkGraph(NETWORK));
    const prepared = structuredClone(await prepareDirection(folderOf(version), SCHEMA));
    const model = await openDirection(prepared, 1);
    const row = randomRows(createRng('row'), 1, COLUMNS);
    expect(Math.abs((await model.infer(row, 1))[0]! - networkAnswer(NETWORK, row)[0]!)).toBeLessThan(1e-6);
    await model.release();
  });

  it('fails at a row that it answers no probabilities to', async () => {
    const graph = networkGraph({ ...NETWORK, isBounded: false });
    const model = await loadDirectionModel(folderOf(await written(graph)), SCHEMA, 1);
    const row = new Float32Array(COLUMNS);
    expect(await model.infer(row, 1)).toHaveLength(3);
    await expect(model.infer(row.fill(Infinity), 1)).rejects.toMatchObject({ code: 'MODEL_OUTPUT' });
    await model.release();
  });
});

describe('a direction bundle is refused', () => {
  it('with a graph of other columns', async () => {
    const other = networkGraph({ ...NETWORK, columns: COLUMNS + 1 });
    expect(await refused(other, { probabilities: UNIFORM })).toMatchObject({
      code: 'MODEL_LOAD',
      seen: expect.stringContaining(`takes ${COLUMNS + 1} features`),
      expected: expect.stringContaining(`[N, ${COLUMNS}]`),
    });
  });

  it('with another number of classes', async () => {
    const two = networkGraph({ ...NETWORK, classes: 2 });
    expect(await refused(two, { probabilities: UNIFORM })).toMatchObject({
      code: 'MODEL_LOAD',
      seen: expect.stringContaining('answers with 2 numbers a row'),
    });
  });

  it('with a graph of other sequences than its manifest states', async () => {
    const bars = 16;
    const graph = sequenceGraph({ ...NETWORK, bars });
    expect(await refused(graph, { probabilities: UNIFORM })).toMatchObject({
      code: 'MODEL_LOAD',
      seen: expect.stringMatching(/takes a sequence of 16 bars, and its manifest states none/),
    });
    expect(await refused(graph, { bars: 15, probabilities: UNIFORM })).toMatchObject({
      code: 'MODEL_LOAD',
      seen: expect.stringContaining('takes a sequence of 16 bars'),
      expected: expect.stringContaining(`[N, 15, ${COLUMNS}]`),
    });
    expect(await refused(networkGraph(NETWORK), { bars, probabilities: UNIFORM })).toMatchObject({
      code: 'MODEL_LOAD',
      seen: expect.stringContaining('takes 2 dimensions'),
    });
  });

  it('with a graph that gives logits', async () => {
    expect(await refused(networkGraph({ ...NETWORK, answers: 'logits' }), { probabilities: UNIFORM })).toMatchObject({
      code: 'MODEL_LOAD',
      expected: expect.stringContaining('logits need a Softmax'),
    });
  });

  it('with golden answers of another graph, whatever scores it', async () => {
    for (const graph of [networkGraph(NETWORK), linearGraph(NETWORK)])
      expect(await refused(graph, { probabilities: UNIFORM })).toMatchObject({ code: 'MODEL_GOLDEN' });
  });

  it('with trees that give logits', async () => {
    const logits = [2, -1, 0.5].map((score) => ({ columns: COLUMNS, baseScore: score, trees: [] }));
    const graph = encodeTreeModel({ link: 'identity', ensembles: logits });
    expect(await refused(graph, { probabilities: UNIFORM })).toMatchObject({
      code: 'MODEL_LOAD',
      seen: expect.stringContaining('answers 2, -1, 0.5 on golden row 0'),
      expected: expect.stringContaining('logits need a Softmax'),
    });
  });

  it('with shares that do not add up to 1', async () => {
    const shares = [0.25, 0.25, 0.25].map((share) => ({ columns: COLUMNS, baseScore: share, trees: [] }));
    const graph = encodeTreeModel({ link: 'identity', ensembles: shares });
    expect(await refused(graph, { probabilities: shares.map(() => [0.25, 0.25, 0.25]) })).toMatchObject({
      code: 'MODEL_LOAD',
      expected: expect.stringContaining('which add up to 1'),
    });
  });

  it('with a graph that reads the next row of its batch, or draws', async () => {
    const refusal = (nodes: readonly OnnxNode[]) =>
      refused(outsideGraph(COLUMNS, nodes, 3), { probabilities: UNIFORM });
    expect(await refusal(DEPENDENT['the next row']!)).toMatchObject({ code: 'MODEL_ROWS' });
    expect(await refusal(RANDOM)).toMatchObject({ code: 'MODEL_OPERATOR' });
  });

  it('with data in another file', async () => {
    const graph = networkGraph(NETWORK);
    // A tensor of the graph (field 5) whose data are elsewhere (fields 8: name, 14: data location 1).
    const tensor = [0x2a, 0x05, 0x42, 0x01, 0x77, 0x70, 0x01];
    const outside = new Uint8Array([...graph, 0x3a, tensor.length, ...tensor]);
    expect(await refused(outside, { probabilities: UNIFORM })).toMatchObject({
      code: 'MODEL_LOAD',
      seen: expect.stringContaining('data in another file'),
    });
  });

  it('with bytes that are no graph, by each engine alike', async () => {
    expect(await refused(new Uint8Array([1, 2, 3]), { probabilities: UNIFORM })).toMatchObject({ code: 'MODEL_LOAD' });
  });
});
