import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBench, byMinute } from '../daemon/pipeline.fixture.ts';
import { barInput } from '../daemon/queue/input.ts';
import { readBundle } from '../shared/bundle/bundle.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { NET_FILE } from '../shared/bundle/manifest.ts';
import { loadModelSet } from '../shared/bundle/model_set.ts';
import { resultOfShare } from '../shared/core/cost/expected_net.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { tinyBars, tinySettings } from './tiny_models.ts';
import { trainTinyModels } from './trained_models.ts';
import { treeAnswers } from '../trainer/learning/learners/trees/scoring.ts';
import { decodeTreeModel } from '../shared/bundle/onnx/tree_graph.ts';

const settings = tinySettings({ core: { theta1_initial: 0, theta2_initial: 1 } as never });
const schema = featureSchema(settings.minutehand.windows);
let folder: string;
let net: Awaited<ReturnType<typeof trainTinyModels>>;
let plain: Awaited<ReturnType<typeof trainTinyModels>>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-net-'));
  net = await trainTinyModels(folder, { settings, target: 'net' });
  plain = await trainTinyModels(folder, { settings });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a bundle of --target net', () => {
  it('has AI1 to AI3 of the same training, a fourth model, and its walk-forward by costs and windows', () => {
    for (const name of ['ai1.onnx', 'ai2.onnx', 'ai3.onnx'])
      expect(readFileSync(join(net.path, name)).equals(readFileSync(join(plain.path, name)))).toBe(true);
    const { manifest, modelsHash } = readBundle(net.path);
    expect(manifest.files[NET_FILE]).toBeDefined();
    expect(readBundle(plain.path).manifest.files[NET_FILE]).toBeUndefined();
    expect(modelsHash).not.toBe(readBundle(plain.path).modelsHash);
    const { walk_forward } = manifest.metrics.net!;
    expect(walk_forward.map(({ costs, windows }) => [costs, windows])).toEqual([
      ['flat', false],
      ['flat', true],
      ['profile', false],
      ['profile', true],
    ]);
    expect(readFileSync(join(net.path, 'CARD.md'), 'utf8')).toContain('## Model of the result');
    expect(manifest.metrics.ai1).toEqual(readBundle(plain.path).manifest.metrics.ai1);
  });

  it('gives a set that answers by its model, and NaN without one', async () => {
    const { x } = net.result.dataset.holdout.ai1;
    const set = await loadModelSet(net.path, schema, x.rows);
    const { result_sigmas } = await set.infer(x.values, x.rows);
    const { model } = decodeTreeModel(readFileSync(join(net.path, NET_FILE)));
    expect([...result_sigmas]).toEqual([...treeAnswers(model, x)].map(resultOfShare));
    expect(set.engines.net).toBe('wasm-simd');
    await set.release();
    const other = await loadModelSet(plain.path, schema, x.rows);
    expect((await other.infer(x.values, x.rows)).result_sigmas.every(Number.isNaN)).toBe(true);
    await other.release();
  });

  it('is refused when its fourth model is not the one of the manifest', async () => {
    const copy = join(folder, 'damaged');
    cpSync(net.path, copy, { recursive: true });
    appendFileSync(join(copy, NET_FILE), 'x');
    await expect(loadModelSet(copy, schema, 1)).rejects.toMatchObject({ code: 'MODEL_HASH' });
  });

  it('gives live signals another expected_net_bps than the barriers, and the same return_prob', async () => {
    const signals = await Promise.all([net, plain].map(({ path }) => live(path)));
    const of = (all: readonly Signal[], key: 'return_prob' | 'expected_net_bps') => all.map((signal) => signal[key]);
    expect(of(signals[0]!, 'return_prob')).toEqual(of(signals[1]!, 'return_prob'));
    const known = of(signals[0]!, 'expected_net_bps').filter((value) => value !== null);
    expect(known.length).toBeGreaterThan(20);
    expect(of(signals[0]!, 'expected_net_bps')).not.toEqual(of(signals[1]!, 'expected_net_bps'));
  });
});

async function live(path: string): Promise<Signal[]> {
  const bench = openBench(settings);
  const set = await loadModelSet(path, schema, settings.minutehand.pairs.length);
  bench.pipeline.inputs.apply({ kind: 'swap', set });
  for (const { bars } of byMinute(tinyBars(settings, 400))) {
    for (const bar of bars) bench.pipeline.inputs.take(barInput(bar, false));
    await bench.pipeline.settled();
  }
  return bench.signals.map((signal) => signal as unknown as Signal);
}
