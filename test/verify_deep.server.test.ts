import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Manifest } from '../shared/bundle/manifest.ts';
import { encodeTreeModel } from '../shared/bundle/onnx/onnx.ts';
import { decodeTreeModel } from '../shared/bundle/onnx/tree_graph.ts';
import { createWorkplace, type Finished, type Workplace } from './cli_process.ts';
import { tinyBars } from './tiny_models.ts';
import { sha256Hex } from '../shared/sha256.ts';

let place: Workplace;
let data: string;
let shorter: string;
let version: string;
beforeAll(async () => {
  place = createWorkplace();
  const bars = tinyBars(place.settings);
  data = await place.writeBars('bars', bars);
  const [symbol, columns] = [...bars][0]!;
  shorter = await place.writeBars('shorter', new Map(bars).set(symbol, { ...columns, length: columns.length - 1 }));
  const { code, stdout, stderr } = await place.run([
    ...['train', '--data', data, '--trials', '0', '--seed', '5', '--json'],
    ...['--groups', 'fx=EURUSD_GBPUSD'],
  ]);
  expect(`${code} ${stderr}`).toMatch(/^0 /);
  const trained = JSON.parse(stdout) as { version: string; groups: object[] };
  expect(trained.groups).toMatchObject([{ name: 'fx', pairs: ['EURUSD_GBPUSD'] }]);
  ({ version } = trained);
}, 240_000);
afterAll(() => place.remove());

/** A copy with modified content and matching hashes. */
function tampered(name: string, change: (manifest: Manifest, folder: string) => void): string {
  const folder = join(place.folder, name);
  cpSync(join(place.models, version), folder, { recursive: true });
  const path = join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  change(manifest, folder);
  writeFileSync(path, JSON.stringify(manifest));
  return folder;
}

/** Moves the threshold of a tree's root to the next float32. */
function moveThreshold(manifest: Manifest, folder: string): void {
  const path = join(folder, 'ai1.onnx');
  const { model, metadata } = decodeTreeModel(readFileSync(path));
  const { threshold } = model.ensembles[0]!.trees[2]!;
  new Int32Array(threshold.buffer, threshold.byteOffset, 1)[0]! += 1;
  const bytes = encodeTreeModel(model, { metadata });
  writeFileSync(path, bytes);
  manifest.files['ai1.onnx'] = { sha256: sha256Hex(bytes), bytes: bytes.length };
}

it(
  'minutehand models verify --deep retrains a bundle and names the differences, or why it cannot',
  { timeout: 480_000 },
  async () => {
    const tree = tampered('tree', moveThreshold);
    const theta = tampered('theta', (manifest) => void (manifest.theta1 += 0.01));
    const warm = tampered('warm', (manifest) => {
      const trees = { ai1: 1, ai2: 1, ai3: 1 };
      manifest.warm_start_from = { version: '20200101_0000', times: 1, learned_until: manifest.period.to, trees };
    });
    const other = tampered('other', (manifest) => void (manifest.configuration!['label.horizon_bars'] = 99));
    const verify = (folder: string, from: string) => [
      ...['models', 'verify', folder, '--deep', '--data', from],
      ...['--workers', '1', '--json'],
    ];
    const results = await place.runEach([
      verify(version, data),
      verify(tree, data),
      verify(theta, data),
      verify(version, shorter),
      verify(warm, data),
      verify(other, data),
      ['models', 'verify', version, '--deep', '--json'],
    ]);
    const answers = results.map(({ code, stdout }: Finished) => {
      const { deep, differences } = JSON.parse(stdout) as { deep: string; differences: string[] };
      return { code, deep, differences };
    });
    const impossible = (reason: string) => ({
      code: 3,
      deep: 'impossible',
      differences: [expect.stringContaining(reason) as string],
    });
    expect(answers).toEqual([
      { code: 0, deep: 'same', differences: [] },
      {
        code: 1,
        deep: 'different',
        differences: [expect.stringMatching(/^ai1\.onnx: 1 of 12 trees differ, first tree 2, node 0: threshold /)],
      },
      {
        code: 1,
        deep: 'different',
        differences: [expect.stringMatching(/^theta1 is 0\.41\d*; trained again, 0\.4$/)],
      },
      impossible('do not have its data hash'),
      impossible('warm-started from 20200101_0000'),
      impossible('label.horizon_bars was 99, and is 20'),
      impossible('DATA_MISSING'),
    ]);
    expect(results[0]!.stderr).toContain('features and labels');
  },
);
