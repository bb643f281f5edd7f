import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { readManifest } from '../../../shared/bundle/bundle.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { DEPENDENT, LARGE, RANDOM } from '../../../shared/bundle/graph_check/outside_graph.fixture.ts';
import { isMeasured } from '../../../shared/bundle/gates/gate_result.ts';
import { loadModelSet } from '../../../shared/bundle/model_set.ts';
import { onnxAnswers } from '../../../shared/bundle/onnx/answers.ts';
import { ATTRIBUTE, ELEMENT_FLOAT32, encodeModel, type OnnxNode } from '../../../shared/bundle/onnx/schema.ts';
import { horizonSeconds } from '../../../shared/policy/policy.ts';
import { tinyTraining } from '../../../test/tiny_models.ts';
import { tinyBars, tinySettings } from '../../../test/tiny_settings.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { columnsOf } from '../learners/learning.ts';
import { describeInputs } from '../novelty/input_description.ts';
import { learnPart } from '../role_table/role_table.ts';
import { checkWarmStart } from '../learners/warm_start.ts';
import type { ImportedSource, TrainOptions } from '../options/train_options.ts';
import { obstacles } from '../training/deep_verification.ts';
import { countResult, wasExported } from '../backtest/holdout_looks.ts';
import { holdoutOf } from '../proof/prove_models.ts';
import { train, trainingDataset, type TrainResult } from '../training/pipeline.ts';
import { importModels } from './imported_models.ts';

const settings = tinySettings();
const bars = tinyBars(settings, 4800);
const schema = featureSchema(settings.minutehand.windows);
let folder: string;
let dataset: Dataset;
let learnedUntil: OpenTime;
/** Columns that AI1 may use. */
let columns: number[];
let names: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-import-'));
  dataset = await trainingDataset(optionsOf());
  learnedUntil = (dataset.from + Math.floor((dataset.holdoutFrom - dataset.from) / 120) * 72) as OpenTime;
  columns = columnsOf(dataset.definitions, 'ai1');
  names = columns.map((column) => dataset.definitions[column]!.name);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function optionsOf(): TrainOptions {
  return tinyTraining(mkdtempSync(join(folder, 'out-')), { settings, bars, seed: 7 });
}

/** A file of this folder. */
function fileOf(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

interface Shape {
  readonly width?: number;
  readonly opset?: number;
  readonly output?: string;
  readonly nodes?: OnnxNode[];
  readonly metadata?: { key: string; value: string }[];
}

/** sigmoid(slope · first column) of missing values imputed by 0, in the operators of another program. */
function modelOf({
  width = columns.length,
  opset = 15,
  output = 'probability',
  nodes,
  metadata = [],
}: Shape = {}): Uint8Array {
  const value = (name: string, last: number) => ({
    name,
    type: { tensor: { elementType: ELEMENT_FLOAT32, shape: { dimensions: [{ symbol: 'N' }, { size: last }] } } },
  });
  return encodeModel({
    irVersion: 8,
    producerName: 'another program',
    graph: { name: 'outside', nodes: nodes ?? usual(), inputs: [value('X', width)], outputs: [value(output, 1)] },
    opsets: [{ domain: '', version: opset }],
    metadata,
  });
}

function node(operator: string, inputs: string[], output: string, attributes: OnnxNode['attributes'] = []): OnnxNode {
  return { name: output, operator, inputs, outputs: [output], attributes };
}

function firstColumn(): OnnxNode[] {
  return [
    node('Constant', [], 'zero', [{ name: 'value_float', type: ATTRIBUTE.FLOAT, number: 0 }]),
    node('Constant', [], 'first', [{ name: 'value_ints', type: ATTRIBUTE.INTS, integers: [0] }]),
    node('Gather', ['X', 'first'], 'one', [{ name: 'axis', type: ATTRIBUTE.INT, integer: 1 }]),
    node('IsNaN', ['one'], 'missing'),
    node('Where', ['missing', 'zero', 'one'], 'known'),
  ];
}

function usual(): OnnxNode[] {
  return [...firstColumn(), node('Sigmoid', ['known'], 'probability')];
}

function sourceOf(file: string, changes: Partial<ImportedSource> = {}): ImportedSource {
  return { file, preprocess: null, learnedUntil, ...changes };
}

async function refusal(file: string, changes: Partial<ImportedSource> = {}) {
  return await importModels({ ai1: sourceOf(file, changes) }, dataset, settings).then(
    () => null,
    (error: unknown) => error as { code: string; seen: string; next: string },
  );
}

describe('a model that was learned elsewhere', () => {
  let result: TrainResult;
  let options: TrainOptions;
  let sourceOfResult: NonNullable<TrainOptions['imported']>;
  const slope = 4;

  beforeAll(async () => {
    options = optionsOf();
    const z = names.indexOf('z_score');
    // Columns in another order, imputed and standardized on the way to the model.
    const preprocess = {
      feature_schema: schema.hash,
      columns: ['beta', 'z_score'],
      impute: [1, 0.25],
      mean: [0.123456789012345, 1e-9],
      scale: [2, 1 / slope],
    };
    expect(z).toBeGreaterThanOrEqual(0);
    const nodes = firstColumn();
    nodes[1]!.attributes = [{ name: 'value_ints', type: ATTRIBUTE.INTS, integers: [1] }];
    const file = fileOf(
      'good.onnx',
      modelOf({ width: 2, nodes: [...nodes, node('Sigmoid', ['known'], 'probability')] }),
    );
    const imported = {
      ai1: sourceOf(file, { preprocess: fileOf('good.json', JSON.stringify(preprocess)) }),
    };
    sourceOfResult = imported;
    result = await train({ ...options, imported, trials: 2 });
  });

  it('is a part of a bundle that the daemon loads, stated with its origin, and answers as it did outside', async () => {
    const manifest = readManifest(result.path);
    expect(manifest.imported).toEqual({
      ai1: {
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        producer: 'another program',
        learned_until: new Date(learnedUntil * 1000).toISOString().replace(':00.000Z', 'Z'),
        preprocess: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      },
    });
    expect(readFileSync(join(result.path, 'CARD.md'), 'utf8')).toContain('not trained here');
    const set = await loadModelSet(result.path, schema, 1);
    await set.release();
    const shared = dataset.holdout.ai1.x;
    // onnxruntime reads no shared memory.
    const x = { ...shared, values: Float32Array.from(shared.values) };
    const answers = await onnxAnswers(readFileSync(join(result.path, 'ai1.onnx')), x);
    const { slope: by, intercept } = manifest.metrics.ai1.calibration ?? { slope: 1, intercept: 0 };
    const at = dataset.definitions.findIndex(({ name }) => name === 'z_score');
    for (let row = 0; row < x.rows; row++) {
      const value = x.values[row * x.columns + at]!;
      const margin = ((Number.isNaN(value) ? 0.25 : value) - 1e-9) * slope;
      expect(answers.values[row]).toBeCloseTo(1 / (1 + Math.exp(-(by * margin + intercept))), 5);
    }
  });

  it('claims nothing on a holdout whose labels this installation has given out, and says so', async () => {
    const notes: string[] = [];
    const own = { ...optionsOf(), imported: sourceOfResult, onNote: (line: string) => void notes.push(line) };
    const holdout = holdoutOf(dataset, own);
    countResult(own.counts, holdout, 'e'.repeat(64), { exported: true });
    const { manifest, path } = await train(own);
    expect(manifest.imported!.ai1!.exported_holdout).toBe(true);
    expect(Object.values(manifest.edge).map(({ no_edge }) => no_edge)).not.toContain(false);
    expect(notes.join('\n')).toContain('given out labels of the holdout');
    expect(readFileSync(join(path, 'CARD.md'), 'utf8')).toContain('may be known answers, and claim nothing');
    // Bars of other minutes and symbols, and rows to learn from, say nothing of this holdout.
    const before = { ...holdout, from: '2000-01-01T00:00Z', to: '2000-02-01T00:00Z' };
    const others = mkdtempSync(join(folder, 'counts-'));
    countResult(others, before, 'a'.repeat(64), { exported: true });
    countResult(others, { ...holdout, symbols: ['BTCUSDT'] }, 'b'.repeat(64), { exported: true });
    countResult(others, holdout, 'c'.repeat(64));
    expect(wasExported(others, holdout)).toBe(false);
    expect(wasExported(own.counts, { ...holdout, symbols: [holdout.symbols[0]!] })).toBe(true);
  });

  it('is calibrated and measured out of fold on rows alone that it cannot have learned from', () => {
    const { ai1, ai2 } = result.manifest.metrics;
    const own = dataset.train.ai1.time.filter((time) => time >= learnedUntil + horizonSeconds(settings.minutehand));
    const tested = ai1.cross_validation.folds.reduce((sum, { rows }) => sum + rows, 0);
    expect(tested).toBe(own.length);
    expect(own.length).toBeLessThan(dataset.train.ai1.y.length / 2);
    // The others are trained on everything, as always.
    expect(ai2.cross_validation.folds.reduce((sum, { rows }) => sum + rows, 0)).toBe(dataset.train.ai2.y.length);
    expect(result.manifest.search!.ai1).toBeNull();
    expect(result.manifest.search!.thresholds!.tried).toBeGreaterThan(1);
  });

  it('describes the rows that it may have learned from, and no later ones', () => {
    const learned = learnPart(dataset.train.ai1, learnedUntil);
    expect(learned.y.length).toBeGreaterThan(200);
    const described = dataset.definitions.map(({ name, models }) => ({ name, isUsed: models.includes('ai1') }));
    const { inputs } = readManifest(result.path);
    expect(inputs).toEqual(describeInputs(learned, described, '7/inputs'));
    expect(inputs).not.toEqual(describeInputs(dataset.train.ai1, described, '7/inputs'));
  });

  it('meets every gate of a training, and takes no warm start and no repetition', () => {
    const codes = new Set(result.gates.filter(isMeasured).map(({ code, role }) => `${code} ${role}`));
    for (const code of ['auc ai1', 'skill ai1', 'samples ai1', 'shuffled_labels ai1', 'auc_above_noise ai1'])
      expect(codes).toContain(code);
    const manifest = readManifest(result.path);
    expect(obstacles(manifest, settings)[0]).toMatch(/ai1 was brought/);
    const run = { ...manifest, engine: 'gbdt', maxWarmStarts: 5 };
    expect(() => checkWarmStart({ ...manifest, engine: { name: 'gbdt', parameters: {} } }, run)).toThrow(
      expect.objectContaining({ code: 'WARM_START_REFUSED', seen: expect.stringContaining('ai1') as string }) as Error,
    );
  });
});

describe('what cannot be served is refused, with how to export it right', () => {
  it.each<[string, () => Uint8Array | string, string, RegExp]>([
    ['no model', () => 'junk', 'MODEL_LOAD', /no ONNX model/],
    ['an old opset', () => modelOf({ opset: 12 }), 'MODEL_LOAD', /opset 12/],
    ['other columns', () => modelOf({ width: 3 }), 'MODEL_LOAD', /the input X float \[N, 3\]/],
    [
      'a margin',
      () => modelOf({ nodes: [...firstColumn(), node('Identity', ['known'], 'probability')] }),
      'MODEL_LOAD',
      /answers -?\d.* for a row/,
    ],
    [
      'no answer to missing values',
      () => modelOf({ nodes: [...firstColumn().slice(0, 3), node('Sigmoid', ['one'], 'probability')] }),
      'MODEL_LOAD',
      /answers NaN/,
    ],
    [
      'other features',
      () => modelOf({ metadata: [{ key: 'feature_schema', value: '0123456789abcdef' }] }),
      'MODEL_SCHEMA',
      /0123456789abcdef/,
    ],
    [
      'an answer by the next row',
      () =>
        modelOf({ nodes: [...firstColumn(), ...DEPENDENT['the next row']!, node('Sigmoid', ['more'], 'probability')] }),
      'MODEL_ROWS',
      /answers of row \d+ differ/,
    ],
    [
      'random numbers',
      () => modelOf({ nodes: [...firstColumn(), ...RANDOM, node('Sigmoid', ['more'], 'probability')] }),
      'MODEL_OPERATOR',
      /RandomUniformLike/,
    ],
    [
      'gigabytes',
      () =>
        modelOf({
          nodes: [
            ...LARGE,
            ...firstColumn(),
            node('Add', ['known', 'more'], 'm'),
            node('Sigmoid', ['m'], 'probability'),
          ],
        }),
      'MODEL_LIMITS',
      /MB of memory/,
    ],
  ])('%s', async (name, bytes, code, seen) => {
    const error = await refusal(fileOf('bad.onnx', bytes()));
    expect(error, name).toMatchObject({ code, seen: expect.stringMatching(seen) as string });
    expect(error!.next).not.toMatch(/^Train again/);
  });

  it('weights in another file', async () => {
    // Graph.initializer (5) with data_location (14) EXTERNAL (1).
    const tensor = Uint8Array.of(0x70, 1);
    const graph = Uint8Array.of(0x2a, tensor.length, ...tensor);
    const error = await refusal(fileOf('external.onnx', Uint8Array.of(0x3a, graph.length, ...graph)));
    expect(error).toMatchObject({
      code: 'MODEL_LOAD',
      seen: expect.stringMatching(/external\.onnx.*in another file/) as string,
    });
    expect(error!.next).toMatch(/external_data=False/);
  });

  it('preparations that do not fit, and files that are not there', async () => {
    const good = fileOf('good_again.onnx', modelOf());
    const with_ = (content: string): Promise<Awaited<ReturnType<typeof refusal>>> =>
      refusal(good, { preprocess: fileOf('bad.json', content) });
    expect(await with_('{')).toMatchObject({ code: 'MODEL_LOAD' });
    expect(await with_('{"mean": [1]}')).toMatchObject({ seen: expect.stringMatching(/1 numbers of mean/) as string });
    expect(await with_('{"scale": [0]}')).toMatchObject({ seen: expect.stringMatching(/scale of 0/) as string });
    expect(await with_('{"columns": ["z_scores"]}')).toMatchObject({ code: 'MODEL_SCHEMA' });
    expect(await with_('{"columns": ["z_score", "z_score"]}')).toMatchObject({ code: 'MODEL_SCHEMA' });
    expect(await refusal(join(folder, 'nowhere.onnx'))).toMatchObject({
      seen: expect.stringMatching(/ENOENT/) as string,
    });
    expect(await refusal(good)).toBeNull();
  });

  it('a model that has learned up to the holdout, or into it', async () => {
    const good = fileOf('late.onnx', modelOf());
    for (const until of [dataset.holdoutFrom - 600, dataset.holdoutFrom + 6000])
      expect(await refusal(good, { learnedUntil: until as OpenTime })).toMatchObject({ code: 'DATA_TOO_SHORT' });
  });
});
