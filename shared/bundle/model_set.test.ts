import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinySettings, trainTinyModels } from '../../test/tiny_models.ts';
import { describeError, MinutehandError } from '../errors.ts';
import { sha256Hex } from './bundle.ts';
import { featureSchema } from './feature_schema.ts';
import { MODEL_FILES, type Manifest } from './manifest.ts';
import { loadModelSet } from './model_set.ts';
import { encodeOnnx } from './onnx/onnx.ts';
import type { TreeEnsemble } from './onnx/tree_ensemble.ts';
import type { ModelName } from '../core/features/feature.ts';

const settings = tinySettings();
const schema = featureSchema(settings.minutehand.windows);
const columns = schema.definitions.length;

let root: string;
let original: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-model-set-'));
  original = (await trainTinyModels(join(root, 'trained'), { settings })).path;
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

/** The bundle with other bytes for one model, and a manifest that says they are right. */
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

function load(folder: string, own = schema) {
  return loadModelSet(folder, own, 64);
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

  it('answers its golden rows one by one as in one batch, within 1e-5 of what is written', async () => {
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
      // A larger buffer than the rows asked for, as the daemon has it.
      const wide = new Float32Array(64 * columns);
      wide.set(rows[0]!);
      expect((await set.infer(wide, 1)).return_prob[0]).toBe(all[0]![0]);
      await expect(set.infer(wide, 65)).rejects.toThrow(RangeError);
    } finally {
      await set.release();
    }
  });

  it('says MODEL_SCHEMA when the daemon computes other features', async () => {
    const other = featureSchema({ ...settings.minutehand.windows, z_window: 21 });
    await expect(load(original, other)).rejects.toMatchObject({ code: 'MODEL_SCHEMA', expected: other.hash });
    const edited = editManifest(copy(), (manifest) => (manifest.feature_schema = '0123456789abcdef'));
    await expect(load(edited)).rejects.toMatchObject({ code: 'MODEL_SCHEMA' });
  });

  it('says MODEL_LOAD and which file when right bytes are no model, or none of these features', async () => {
    const whole = readFileSync(join(original, 'ai2.onnx'));
    const renamed = Buffer.from(whole.toString('latin1').replaceAll('features', 'fEatures'), 'latin1');
    const bad = [
      Buffer.from('this is not a model'),
      whole.subarray(0, whole.length / 2),
      renamed,
      encodeOnnx(stump(columns + 1, 0, 0)),
      encodeOnnx(stump(columns - 1, 0, 0)),
    ];
    for (const bytes of bad)
      await expect(load(withModel('ai2', bytes))).rejects.toMatchObject({
        code: 'MODEL_LOAD',
        seen: expect.stringContaining('ai2') as string,
      });
  });

  it('says MODEL_GOLDEN and which row when an answer is further than 1e-5 from what is written, or is not there', async () => {
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

  it('says MODEL_MANIFEST when golden rows have another width', async () => {
    const short = editManifest(copy(), ({ golden }) => golden.features[1]!.pop());
    await expect(load(short)).rejects.toMatchObject({ code: 'MODEL_MANIFEST' });
  });

  it('says MODEL_OUTPUT when a model passes its golden rows but answers no number later', async () => {
    const trap = withModel('ai3', encodeOnnx(stump(columns, 0, NaN)), ({ golden }) => golden.ai3.fill(0.5));
    const set = await load(trap);
    try {
      const row = new Float32Array(columns);
      expect((await set.infer(row, 1)).position_scale[0]).toBe(0.5);
      row[0] = 3e30;
      await expect(set.infer(row, 1)).rejects.toMatchObject({ code: 'MODEL_OUTPUT' });
    } finally {
      await set.release();
    }
  });

  it('loads or refuses a manifest with one byte changed, by a code of its own and never by a stray error', async () => {
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
