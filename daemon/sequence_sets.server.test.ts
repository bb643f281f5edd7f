import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { writeSequenceBundle } from '../shared/bundle/sequence_bundle.fixture.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { PairFeatures } from '../shared/core/features/features.ts';
import { parsePair } from '../shared/pair.ts';
import { tinyBars, tinySettings } from '../test/tiny_settings.ts';
import { barInput } from './queue/input.ts';
import { bodyOf, byMinute, openBench, type Bench } from './pipeline.fixture.ts';

const settings = tinySettings();
const { windows, pairs } = settings.minutehand;
const configured = featureSchema(windows);
const BARS = 9;
const sequence = featureSchema({ ...windows, sequence: BARS });
const MARKET = byMinute(tinyBars(settings, 200));

let folder: string;
let paths: { readonly plain: string; readonly sequence: string };
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-sequence-sets-'));
  const at = (day: number): Date => new Date(Date.UTC(2026, 0, day));
  paths = {
    plain: writeRandomBundle(folder, { schema: configured, trees: 10, leaves: 5, seed: 'plain', created: at(1) }),
    sequence: await writeSequenceBundle(folder, { schema: sequence, seed: 'sequence', created: at(2) }),
  };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const load = (name: keyof typeof paths): Promise<ModelSet> => loadModelSet(paths[name], configured, pairs.length);

async function live(active: ModelSet, shadow: ModelSet | null = null): Promise<Bench> {
  const bench = openBench(settings);
  const { inputs } = bench.pipeline;
  inputs.apply({ kind: 'swap', set: active });
  if (shadow !== null) inputs.apply({ kind: 'shadow', slot: 'pairs', set: shadow });
  for (const { bars } of MARKET) {
    for (const bar of bars) inputs.take(barInput(bar, false));
    await bench.pipeline.settled();
  }
  expect(bench.failures).toEqual([]);
  return bench;
}

it('models of a sequence answer with what the rows of the last bars give, from their first warm bar on', async () => {
  const set = await load('sequence');
  expect(set.engines.ai1).toBe('onnxruntime-node');
  const { rows } = await live(set);
  const pair = parsePair(pairs[0]!);
  const features = new PairFeatures(set.schema.windows);
  const row = new Float32Array(features.rowLength);
  let compared = 0;
  for (const { time, bars } of MARKET) {
    const a = bars.find(({ symbol }) => symbol === pair.a);
    const b = bars.find(({ symbol }) => symbol === pair.b);
    if (a === undefined || b === undefined) continue;
    features.step(a, b);
    const answered = rows.find((own) => own.pairId === pair.id && own.time === time)!;
    const { return_prob, reason, feature_schema } = bodyOf(answered);
    expect(feature_schema).toBe(sequence.hash);
    if (!features.ready) {
      expect([return_prob, reason]).toEqual([null, 'WARMUP']);
      continue;
    }
    features.writeRow(row, 0);
    const scores = await set.infer(row, 1);
    expect(return_prob).toBe(scores.return_prob[0]!);
    compared++;
  }
  expect(compared).toBeGreaterThan(100);
});

it('a shadow of a sequence changes no answer of the active models, and is scored as it would be alone', async () => {
  const alone = await live(await load('plain'));
  const sequenced = (await live(await load('sequence'))).rows.map((row) => bodyOf(row));
  const expected = new Map(sequenced.map((body) => [`${body.pair_id} ${body.timestamp}`, body.return_prob]));
  const both = await live(await load('plain'), await load('sequence'));
  expect(both.rows.map(({ body }) => body)).toEqual(alone.rows.map(({ body }) => body));
  const scored = both.shadows.map((row) => bodyOf(row)).filter(({ return_prob }) => return_prob !== null);
  expect(scored.length).toBeGreaterThan(100);
  for (const { pair_id, timestamp, return_prob } of scored)
    expect(return_prob).toBe(expected.get(`${pair_id} ${timestamp}`));
});
