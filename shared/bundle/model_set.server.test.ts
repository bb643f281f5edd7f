import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { tinySettings, tinyModels } from '../../test/tiny_models.ts';
import { describeError, MinutehandError } from '../errors.ts';
import { createRng } from '../rng.ts';
import { anySchema } from './any_schema.fixture.ts';
import { featureSchema } from './feature_schema.ts';
import { goldenFeatures } from './bundle_models.ts';
import { DEPENDENT, outsideGraph, RANDOM } from './graph_check/outside_graph.fixture.ts';
import { MODEL_FILES, type Manifest } from './manifest.ts';
import { readManifest } from './bundle.ts';
import { loadModelSet, openModelSet, type BatchScores, type ModelSet } from './model_set.ts';
import { onnxAnswers } from './onnx/answers.ts';
import { encodeOnnx, encodeTreeModel } from './onnx/onnx.ts';
import { decodeModel, encodeModel } from './onnx/schema.ts';
import type { TreeEnsemble } from './onnx/tree_ensemble.ts';
import { GraphWriter } from './own_graph/random_graph.fixture.ts';
import { prepareModels } from './prepared_models.ts';
import { writeRandomBundle } from './random_bundle.fixture.ts';
import { packTrees } from './tree_kernel/pack.ts';
import { randomRows } from './tree_kernel/random_ensemble.fixture.ts';
import type { ModelName } from '../core/features/feature.ts';
import { sha256Hex } from '../sha256.ts';

const settings = tinySettings();
const schema = featureSchema(settings.minutehand.windows);
const columns = schema.definitions.length;

let root: string;
let original: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-model-set-'));
  original = (await tinyModels(join(root, 'trained'), { settings })).path;
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function copy(): string {
  const folder = mkdtempSync(join(root, 'copy-'));
  cpSync(original, folder, { recursive: true });
  return folder;
}

function editManifest(folder: string, edit: (manifest: Manifest) => void): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;
  edit(manifest);
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  return folder;
}

/** The bundle with other bytes for one model, and a manifest that matches them. */
function withModel(name: ModelName, bytes: Uint8Array, edit: (manifest: Manifest) => void = () => undefined): string {
  const folder = copy();
  writeFileSync(join(folder, MODEL_FILES[name]), bytes);
  return editManifest(folder, (manifest) => {
    manifest.files[MODEL_FILES[name]] = { sha256: sha256Hex(bytes), bytes: bytes.length };
    edit(manifest);
  });
}

/** One tree of one split: `below` when the column is ≤ 1e30 or missing, else `above`, in logits. */
function stump(width: number, below: number, above: number): TreeEnsemble {
  return {
    columns: width,
    baseScore: 0,
    trees: [
      {
        feature: Int32Array.of(0, -1, -1),
        threshold: Float32Array.of(1e30, 0, 0),
        left: Int32Array.of(1, 0, 0),
        right: Int32Array.of(2, 0, 0),
        missingLeft: Uint8Array.of(1, 0, 0),
        value: Float32Array.of(0, below, above),
      },
    ],
  };
}

function load(folder: string, own = schema, options: Parameters<typeof loadModelSet>[3] = {}): Promise<ModelSet> {
  return loadModelSet(folder, own, 64, options);
}

describe('loadModelSet', () => {
  it('gives the manifest, thresholds and verdicts of the bundle', async () => {
    const set = await load(editManifest(copy(), ({ edge }) => (edge['XAUUSD_XAGUSD']!.no_edge = false)));
    try {
      expect(set.manifest.version).toBe(set.version);
      expect([set.theta1, set.theta2]).toEqual([settings.core.theta1_initial, settings.core.theta2_initial]);
      expect(set.hasEdge('XAUUSD_XAGUSD')).toBe(true);
      expect(set.hasEdge('EURUSD_GBPUSD')).toBe(false);
      for (const stranger of ['USDJPY_USDCHF', 'constructor', '__proto__']) expect(set.hasEdge(stranger)).toBe(false);
    } finally {
      await set.release();
    }
  });

  it('answers its golden rows one by one as in one batch, within 1e-5 of the stored ones', async () => {
    const set = await load(original);
    try {
      const { golden } = set.manifest;
      const rows = golden.features.map((row) => Float32Array.from(row, (value) => value ?? NaN));
      const batch = Float32Array.from(rows.flatMap((row) => [...row]));
      const { return_prob, risk_prob, position_scale } = await set.infer(batch, rows.length);
      const all = rows.map((_, i) => [return_prob[i]!, risk_prob[i]!, position_scale[i]!]);
      for (const [i, row] of rows.entries()) {
        const one = await set.infer(row, 1);
        expect([one.return_prob[0], one.risk_prob[0], one.position_scale[0]]).toEqual(all[i]);
        [golden.ai1[i]!, golden.ai2[i]!, golden.ai3[i]!].forEach((expected, model) =>
          expect(Math.abs(all[i]![model]! - expected)).toBeLessThanOrEqual(1e-5),
        );
      }
      // A larger buffer than the requested rows, as in the daemon.
      const wide = new Float32Array(64 * columns);
      wide.set(rows[0]!);
      expect((await set.infer(wide, 1)).return_prob[0]).toBe(all[0]![0]);
      expect(() => set.infer(wide, 65)).toThrow(RangeError);
    } finally {
      await set.release();
    }
  });

  it.each(['auto', 'onnxruntime'] as const)(
    'gets the same answers from single models as from all (%s)',
    async (engine) => {
      const set = await loadModelSet(original, schema, 40, { engine });
      const features = randomRows(createRng('single models'), 40, columns);
      const copyOf = ({ return_prob, risk_prob, risk_score, position_scale }: BatchScores): number[][] =>
        [return_prob, risk_prob, risk_score, position_scale].map((column) => Array.from(column));
      const all = copyOf(await set.infer(features, 40));
      await set.infer(
        features.map((value) => -value),
        40,
      );
      await set.infer(features, 40, ['ai1', 'net']);
      await set.infer(features, 40, ['ai3']);
      expect(copyOf(await set.infer(features, 40, ['ai2']))).toEqual(all);
      const other = features.map((value) => 0.5 * value);
      const [returns, risks, , scales] = copyOf(await set.infer(other, 40, ['ai2']));
      expect([returns, scales]).toEqual([all[0], all[3]]);
      expect(risks).not.toEqual(all[1]);
      await set.release();
    },
  );

  it('reports MODEL_SCHEMA when the daemon computes other features', async () => {
    const other = featureSchema({ ...settings.minutehand.windows, z_window: 21 });
    await expect(load(original, other)).rejects.toMatchObject({ code: 'MODEL_SCHEMA', expected: other.hash });
    const edited = editManifest(copy(), (manifest) => (manifest.feature_schema = '0123456789abcdef'));
    await expect(load(edited)).rejects.toMatchObject({ code: 'MODEL_SCHEMA' });
  });

  it('reports MODEL_LOAD and the file when matching bytes are no model, or none of these features', async () => {
    const whole = readFileSync(join(original, 'ai2.onnx'));
    const bad = [
      Buffer.from('this is not a model'),
      whole.subarray(0, whole.length / 2),
      encodeOnnx(stump(columns + 1, 0, 0)),
      encodeOnnx(stump(columns - 1, 0, 0)),
    ];
    for (const bytes of bad)
      await expect(load(withModel('ai2', bytes))).rejects.toMatchObject({
        code: 'MODEL_LOAD',
        seen: expect.stringContaining('ai2') as string,
      });
  });

  it('reports MODEL_LOAD when a model gives three answers a row, and reads the second one of two', async () => {
    const ensembles = [stump(columns, 0, 0), stump(columns, 1, 1), stump(columns, 2, 2)];
    const three = withModel('ai3', encodeTreeModel({ link: 'softmax', ensembles }));
    for (const engine of ['auto', 'onnxruntime'] as const)
      await expect(load(three, schema, { engine })).rejects.toMatchObject({
        code: 'MODEL_LOAD',
        seen: expect.stringMatching(/ai3/) as string,
      });
    await expect(load(three)).rejects.toMatchObject({ seen: expect.stringContaining('3 answers a row') as string });
    const bytes = encodeTreeModel({ link: 'softmax', ensembles: ensembles.slice(0, 2) });
    const two = withModel('ai3', bytes, ({ golden }) => golden.ai3.fill(Math.E / (1 + Math.E)));
    const set = await load(two);
    try {
      expect(set.engines.ai3).toBe('onnxruntime-node');
      expect((await set.infer(new Float32Array(columns), 1)).position_scale[0]).toBeCloseTo(Math.E / (1 + Math.E), 6);
    } finally {
      await set.release();
    }
  });

  it('refuses a graph of another home that reads other rows, or draws, whatever compares it', async () => {
    for (const crossCheck of [true, false]) {
      const dependent = withModel('ai2', outsideGraph(columns, DEPENDENT['the next row']!));
      await expect(load(dependent, schema, { crossCheck })).rejects.toMatchObject({
        code: 'MODEL_ROWS',
        seen: expect.stringContaining(join(dependent, 'ai2.onnx')) as string,
      });
      const drawn = withModel('ai1', outsideGraph(columns, RANDOM));
      await expect(load(drawn, schema, { crossCheck })).rejects.toMatchObject({ code: 'MODEL_OPERATOR' });
    }
  });

  it('reports MODEL_GOLDEN and the row when an answer is further than 1e-5 from the stored one, or is missing', async () => {
    for (const name of ['ai1', 'ai2', 'ai3'] as const) {
      const nudge = (by: number) =>
        editManifest(copy(), ({ golden }) => (golden[name][3]! += golden[name][3]! > 0.5 ? -by : by));
      await expect(load(nudge(1e-4))).rejects.toMatchObject({
        code: 'MODEL_GOLDEN',
        seen: expect.stringMatching(new RegExp(`${name} .*golden row 3 `)) as string,
      });
      const set = await load(nudge(2e-6));
      await set.release();
      await expect(load(editManifest(copy(), ({ golden }) => golden[name].pop()))).rejects.toMatchObject({
        code: 'MODEL_GOLDEN',
      });
    }
    const swapped = withModel('ai1', readFileSync(join(original, 'ai2.onnx')));
    await expect(load(swapped)).rejects.toMatchObject({ code: 'MODEL_GOLDEN' });
  });

  it('reports MODEL_MANIFEST when golden rows have another width', async () => {
    const short = editManifest(copy(), ({ golden }) => golden.features[1]!.pop());
    await expect(load(short)).rejects.toMatchObject({ code: 'MODEL_MANIFEST' });
  });

  it('reports MODEL_OUTPUT when a model passes its golden rows but returns no number later', async () => {
    const trap = withModel('ai3', encodeOnnx(stump(columns, 0, NaN)), ({ golden }) => golden.ai3.fill(0.5));
    for (const engine of ['auto', 'onnxruntime'] as const) {
      const set = await load(trap, schema, { engine });
      try {
        expect(set.engines.ai3).toBe(engine === 'auto' ? 'wasm-simd' : 'onnxruntime-node');
        const row = new Float32Array(columns);
        expect((await set.infer(row, 1)).position_scale[0]).toBe(0.5);
        row[0] = 3e30;
        const failing = async (): Promise<unknown> => set.infer(row, 1);
        await expect(failing()).rejects.toMatchObject({ code: 'MODEL_OUTPUT' });
      } finally {
        await set.release();
      }
    }
  });

  it('loads or refuses a manifest with one byte changed, with a specific code and never with an uncoded error', async () => {
    const folder = copy();
    const path = join(folder, 'manifest.json');
    const intact = readFileSync(path);
    const codes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: intact.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const bytes = Buffer.from(intact);
        bytes[at] = bytes[at]! ^ flip;
        writeFileSync(path, bytes);
        try {
          const set = await load(folder);
          await set.release();
        } catch (error) {
          expect(error, describeError(error).message).toBeInstanceOf(MinutehandError);
          codes.add((error as MinutehandError).code);
        }
      }),
      { numRuns: 150, seed: 3 },
    );
    const expected = ['MODEL_GOLDEN', 'MODEL_HASH', 'MODEL_MANIFEST', 'MODEL_SCHEMA'];
    expect(expected).toEqual(expect.arrayContaining([...codes]));
    expect(codes).toContain('MODEL_MANIFEST');
  });
});

describe('the engines of a set', () => {
  const small = anySchema(12);
  const row = (seed: number): Float32Array => randomRows(createRng(seed), 30, 12, 0.1);
  const copyOf = ({ result_sigmas, novelty, ...scores }: BatchScores): number[][] => {
    expect(novelty).toBeUndefined();
    expect(result_sigmas.every(Number.isNaN)).toBe(true);
    return Object.values(scores).map((values: Float64Array) => [...values]);
  };
  let folder: string;
  beforeAll(() => {
    folder = writeRandomBundle(join(root, 'random'), { schema: small, trees: 40, leaves: 31, seed: 'engines' });
  });

  it('are WASM for trees with the answers of onnxruntime, at once and without a promise', async () => {
    const own = await load(folder, small);
    const check = await load(folder, small, { engine: 'onnxruntime' });
    try {
      expect(own.engines).toEqual({ ai1: 'wasm-simd', ai2: 'wasm-simd', ai3: 'wasm-simd' });
      expect(own.engineNotes.ai2).toMatch(/onnxruntime on \d+ rows$/);
      expect(check.engines).toEqual({ ai1: 'onnxruntime-node', ai2: 'onnxruntime-node', ai3: 'onnxruntime-node' });
      expect(check.engineNotes.ai1).toBe('as configured');
      for (let seed = 0; seed < 20; seed++) {
        const answers = own.infer(row(seed), 30);
        expect(answers).not.toBeInstanceOf(Promise);
        const others = copyOf(await check.infer(row(seed), 30));
        copyOf(answers as BatchScores).forEach((values, model) =>
          values.forEach((value, i) => expect(Math.abs(value - others[model]![i]!)).toBeLessThanOrEqual(1e-5)),
        );
      }
    } finally {
      await own.release();
      await check.release();
    }
  });

  it('are onnxruntime for the one model with wrong tables, and the set still answers correctly', async () => {
    let packs = 0;
    const pack: typeof packTrees = (ensemble, link) => {
      const packed = packTrees(ensemble, link);
      // The first threshold of the second model.
      if (++packs === 2) new DataView(packed.bytes.buffer).setFloat32(12, 1e9, true);
      return packed;
    };
    const set = await load(folder, small, { pack });
    const right = await load(folder, small);
    try {
      expect(set.engines).toEqual({ ai1: 'wasm-simd', ai2: 'onnxruntime-node', ai3: 'wasm-simd' });
      expect(set.engineNotes.ai2).toMatch(/^our own answers differ by up to 0\.\d+$/);
      const answers = set.infer(row(1), 30);
      expect(answers).toBeInstanceOf(Promise);
      const expected = copyOf(await right.infer(row(1), 30));
      copyOf(await answers).forEach((values, model) =>
        values.forEach((value, i) => expect(Math.abs(value - expected[model]![i]!)).toBeLessThanOrEqual(1e-5)),
      );
    } finally {
      await set.release();
      await right.release();
    }
  });

  it('are onnxruntime for a graph that is more than trees, with the reason', async () => {
    const model = decodeModel(encodeOnnx(stump(12, -1, 1)));
    const [, sigmoid] = model.graph.nodes;
    sigmoid!.outputs = ['p'];
    model.graph.nodes.push({ name: 'same', operator: 'Identity', inputs: ['p'], outputs: ['score'] });
    const mixed = writeRandomBundle(join(root, 'mixed'), {
      schema: small,
      trees: 3,
      leaves: 3,
      seed: 'mixed',
      models: { ai3: encodeModel(model) },
    });
    // Its golden answers are those of random trees.
    const path = editManifest(mixed, ({ golden }) => golden.ai3.fill(1 / (1 + Math.E)));
    const set = await load(path, small);
    try {
      expect(set.engines).toEqual({ ai1: 'wasm-simd', ai2: 'wasm-simd', ai3: 'onnxruntime-node' });
      expect(set.engineNotes.ai3).toBe('more than trees and arithmetic: the operator Identity');
      const { position_scale } = await set.infer(new Float32Array(12), 1);
      expect(position_scale[0]).toBeCloseTo(1 / (1 + Math.E), 6);
    } finally {
      await set.release();
    }
  });

  it('are our own code for trees and the arithmetic around them, with the answers of onnxruntime and no promise', async () => {
    const writer = new GraphWriter('ensemble', 12);
    const weighed = [writer.trees('sigmoid'), writer.trees('identity'), writer.linear()];
    const bytes = writer.model(writer.node('Sigmoid', [writer.node('Sum', weighed)]));
    const mixed = writeRandomBundle(join(root, 'ensemble'), {
      schema: small,
      trees: 20,
      leaves: 9,
      seed: 'ensemble',
      models: { ai2: bytes },
    });
    const golden = goldenFeatures(readManifest(mixed).golden);
    const { values } = await onnxAnswers(bytes, { rows: golden.length / 12, columns: 12, values: golden });
    const path = editManifest(mixed, (manifest) => (manifest.golden.ai2 = Array.from(values)));
    const own = await load(path, small);
    const check = await load(path, small, { engine: 'onnxruntime' });
    try {
      expect(own.engines).toEqual({ ai1: 'wasm-simd', ai2: 'own-graph', ai3: 'wasm-simd' });
      expect(own.engineNotes.ai2).toMatch(/onnxruntime on \d+ rows$/);
      const answers = own.infer(row(3), 30);
      expect(answers).not.toBeInstanceOf(Promise);
      const expected = copyOf(await check.infer(row(3), 30));
      const all = copyOf(answers as BatchScores);
      all.forEach((column, model) =>
        column.forEach((value, i) => expect(Math.abs(value - expected[model]![i]!)).toBeLessThanOrEqual(1e-5)),
      );
      // Alone as together: the kernel has the trees of all models.
      await own.infer(row(4), 30);
      for (const name of ['ai1', 'ai2', 'ai3'] as const) await own.infer(row(3), 30, [name]);
      expect(copyOf((await own.infer(row(3), 30, ['ai3'])) as BatchScores)).toEqual(all);
    } finally {
      await own.release();
      await check.release();
    }
    // Wrong arithmetic shows in the golden rows even where nothing is compared with onnxruntime.
    const wrong = editManifest(path, (manifest) => manifest.golden.ai2.fill(0.123));
    await expect(load(wrong, small, { crossCheck: false })).rejects.toMatchObject({ code: 'MODEL_GOLDEN' });
  });

  it('need no cross-check where the answers have to be the same on any machine', async () => {
    const evaluated = await load(folder, small);
    const unevaluated = await load(folder, small, { crossCheck: false });
    expect(unevaluated.engineNotes.ai1).toBe('not compared with onnxruntime');
    const expected = copyOf((await evaluated.infer(row(2), 30)) as BatchScores);
    expect(copyOf((await unevaluated.infer(row(2), 30)) as BatchScores)).toEqual(expected);
    const wrong: typeof packTrees = (ensemble, link) => packTrees({ ...ensemble, baseScore: 3 }, link);
    // The golden rows are checked in any case.
    await expect(load(folder, small, { crossCheck: false, pack: wrong })).rejects.toMatchObject({
      code: 'MODEL_GOLDEN',
    });
  });

  it('are opened when the thread may be blocked: once for WASM, once for each session', async () => {
    for (const [engine, times] of [
      ['auto', 1],
      ['onnxruntime', 3],
    ] as const) {
      let asked = 0;
      let waits: (() => void)[] = [];
      const prepared = await prepareModels(folder, small, { engine });
      const opening = openModelSet(prepared, 30, {
        quietly: async (work) => {
          asked++;
          await new Promise<void>((resolve) => waits.push(resolve));
          return work();
        },
      });
      let isOpen = false;
      void opening.then(() => (isOpen = true));
      for (let turn = 1; turn <= times; turn++) {
        await vi.waitFor(() => expect(waits).toHaveLength(1), 20_000);
        expect([asked, isOpen]).toEqual([turn, false]);
        const [go] = waits;
        waits = [];
        go!();
      }
      await (await opening).release();
    }
  });

  it('return no answers once they are released', async () => {
    const set = await load(folder, small);
    await set.release();
    expect(() => set.infer(row(1), 30)).toThrow('released');
    await set.release();
  });

  it('free their memory when their sets are released, even where a released set is kept', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    /** Bytes outside of the heap that are in use. Memory is freed by a thread of the engine, a little later. */
    const held = async (): Promise<number> => {
      for (let round = 0; round < 5; round++) {
        collect();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return process.memoryUsage().external;
    };
    const prepared = await prepareModels(folder, small, { crossCheck: false });
    const tables = Object.values(prepared.models).reduce(
      (sum, model) => sum + (model.engine === 'wasm-simd' ? model.packed.bytes.length : 0),
      0,
    );
    const before = await held();
    const swaps = 40;
    const sets: ModelSet[] = [];
    for (let swap = 0; swap < swaps; swap++) sets.push(await openModelSet(prepared, 30));
    expect(await held()).toBeGreaterThan(before + swaps * tables);
    for (const set of sets) await set.release();
    expect(await held()).toBeLessThan(before + 2 * tables);
    expect(sets).toHaveLength(swaps);
  });
});
