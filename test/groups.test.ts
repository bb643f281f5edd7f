import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proveDay } from '../cli/parity/prove_day.ts';
import { barInput } from '../daemon/input.ts';
import { byMinute, openBench } from '../daemon/pipeline.fixture.ts';
import type { OpenTime } from '../shared/bar.ts';
import { activate, readBundle, readManifest } from '../shared/bundle/bundle.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { groupFile, MODEL_FILES, type SubjectGroup } from '../shared/bundle/manifest.ts';
import { loadModelSet, servingSet } from '../shared/bundle/model_set.ts';
import { decodeTreeModel } from '../shared/bundle/onnx/tree_graph.ts';
import { parsePair } from '../shared/pair.ts';
import { homePaths } from '../shared/policy/home.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { openJournal } from '../shared/store/journal.ts';
import { datasetPolicy } from '../trainer/dataset/dataset_policy.ts';
import { computedRows } from '../trainer/feature_table/computed_rows.ts';
import type { FeatureSource, TableRows } from '../trainer/feature_table/feature_table.ts';
import { adoptionGates } from '../trainer/gate/gate.ts';
import { treeAnswer } from '../trainer/learn/trees/scoring.ts';
import { train, trainFromWarmStart, type TrainResult } from '../trainer/pipeline.ts';
import { compareBundles } from '../trainer/registry/deep_verification.ts';
import { createRegistry } from '../trainer/registry/registry.ts';
import { researchTheta2 } from '../trainer/search/research_theta2.ts';
import { openStore } from '../trainer/store/store.ts';
import type { TrainOptions } from '../trainer/train_options.ts';
import { tinyBars, tinySettings } from './tiny_settings.ts';

const [GOLD, FX, AUD] = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'AUDUSD_USDCAD'] as const;
// A group's own risk ranks accept more of its candidates; another group's fewer.
const plain = tinySettings({ retrain: { pass_rate_range: [0.05, 0.75] } });
const { minutehand } = plain;
const withGroups = (groups: Record<string, string[]>): Settings => ({
  ...plain,
  minutehand: { ...minutehand, train: { ...minutehand.train, groups } },
});
/** More than four UTC days before the holdout. */
const bars = tinyBars(plain, 6500);
const schema = featureSchema(minutehand.windows);
const names = schema.definitions.map(({ name }) => name);

const root = mkdtempSync(join(tmpdir(), 'minutehand-groups-'));
const paths = homePaths({ MINUTEHAND_HOME: root });
afterAll(() => rmSync(root, { recursive: true, force: true }));

const computed = new Map<string, TableRows>();
/** AI3's labels follow the z-score, upward in one pair and downward in another; all other labels are real. */
function rowsOf(id: string): TableRows {
  const known = computed.get(id);
  if (known !== undefined) return known;
  const pair = parsePair(id);
  const own = computedRows(pair, bars.get(pair.a)!, bars.get(pair.b)!, datasetPolicy(plain));
  const column = names.indexOf('z_score');
  const isHigh = (row: number): boolean => own.features[row * names.length + column]! > 0 === (id === GOLD);
  const planted = own.labels!.ai3.map((label, row) => (Number.isNaN(label) ? NaN : isHigh(row) ? 0.8 : 0.2));
  const rows = id === AUD ? own : { ...own, labels: { ...own.labels!, ai3: planted } };
  computed.set(id, rows);
  return rows;
}

function optionsOf(settings: Settings, out: string): TrainOptions {
  mkdirSync(out, { recursive: true });
  const source: FeatureSource = {
    ...{ place: 'a test', columns: names.map((name) => ({ name })), close: () => Promise.resolve() },
    rows: (id) => Promise.resolve(rowsOf(id)),
  };
  return {
    ...{ settings, bars, source, market: 'simulated', seed: 7, gitCommit: null, out, cache: null },
    ...{ created: new Date('2024-01-05T12:00:00Z'), workers: 0, trials: 0, searchFolder: null, holdoutFrom: null },
    onProgress: () => undefined,
  };
}

let result: TrainResult;
/** A single group of all pairs. */
let whole: TrainResult;
beforeAll(async () => {
  result = await train(optionsOf(withGroups({ metals: [GOLD], fx: [FX] }), paths.models));
  whole = await train(optionsOf(withGroups({ all: [GOLD, FX, AUD] }), join(root, 'whole')));
});

const groupOf = (name: string) => readManifest(result.path).groups!.find((group) => group.name === name)!;

describe('train with groups', () => {
  it('uses each of a group’s own models that is significantly better, and writes only those files', () => {
    const { verdict, comparison, own } = groupOf('metals');
    expect(verdict).toBe('own ai3');
    const { ai1, ai2, ai3 } = comparison!;
    expect([ai1.chosen, ai2.chosen, ai3.chosen]).toEqual([false, false, true]);
    expect(ai3.gain!).toBeGreaterThan(ai3.required! * ai3.standard_error!);
    expect(ai3.gain!).toBeCloseTo(ai3.pooled_log_loss! - ai3.own_log_loss!, 12);
    expect(Object.keys(own!.files)).toEqual(['ai3']);
    expect(Object.keys(own!.metrics.ai3!.holdout_by_pair)).toEqual([GOLD]);
    expect(existsSync(join(result.path, groupFile('metals', 'ai1')))).toBe(false);
  });

  it('keeps the pooled models of a group that fails a gate', () => {
    const fx = groupOf('fx');
    expect(fx.comparison!.ai3.chosen).toBe(true);
    expect(fx.verdict).toMatch(/^pooled: its own models fail risk pass rate/);
    expect(fx.gates!.find(({ name }) => name === 'risk pass rate')).toMatchObject({ passed: false });
    expect(fx.gates!.some(({ name }) => name.startsWith('ai1 '))).toBe(false);
    expect(fx.own).toBeUndefined();
    expect(readBundle(result.path).groups!.map(({ name }) => name)).toEqual(['metals']);
  });

  it('keeps them if no own model is better: a group of all pairs relearns the pooled models on the same folds', () => {
    const [{ verdict, comparison, gates }] = whole.manifest.groups as [SubjectGroup];
    expect(verdict).toBe('pooled: no model of its own is better beyond chance');
    for (const { gain, own_log_loss, pooled_log_loss } of Object.values(comparison!))
      expect([gain, own_log_loss]).toEqual([0, pooled_log_loss]);
    expect(gates).toBeUndefined();
    expect(readBundle(whole.path).groups).toBeUndefined();
  });

  it('does not change the pooled models, nor the edge of pairs that use them', () => {
    for (const file of Object.values(MODEL_FILES))
      expect(readFileSync(join(result.path, file)).equals(readFileSync(join(whole.path, file)))).toBe(true);
    const { groups: _groups, edge, backtest: _backtest, executability: _executability, ...same } = result.manifest;
    expect(whole.manifest).toMatchObject(same);
    for (const pair of [FX, AUD]) expect(edge[pair]).toEqual(whole.manifest.edge[pair]);
  });

  it('shows each group, its verdict and both log losses on the card', () => {
    const card = readFileSync(join(result.path, 'CARD.md'), 'utf8');
    const { ai3 } = groupOf('metals').comparison!;
    expect(card).toContain(`| ${ai3.pooled_log_loss!.toFixed(5)} | ${ai3.own_log_loss!.toFixed(5)} |`);
    expect(card).toContain(`- metals (${GOLD}): own ai3.`);
  });

  it('cannot be warm-started, and its θ2 cannot be searched again', async () => {
    const bundle = readBundle(result.path);
    const refused = { code: 'WARM_START_REFUSED', seen: expect.stringContaining('metals') as string };
    await expect(trainFromWarmStart(bundle, optionsOf(plain, root))).rejects.toMatchObject(refused);
    await expect(researchTheta2(bundle, optionsOf(plain, root))).rejects.toMatchObject(refused);
  });

  it('is compared by models verify --deep with the files of its groups', () => {
    const copy = join(root, 'copy');
    cpSync(result.path, copy, { recursive: true });
    expect(compareBundles(result.path, copy)).toEqual([]);
    const own = readFileSync(join(result.path, 'metals.ai3.onnx'));
    rmSync(join(copy, 'metals.ai3.onnx'));
    expect(compareBundles(result.path, copy)).toEqual(['metals.ai3.onnx is not made by this training']);
    appendFileSync(join(copy, 'metals.ai3.onnx'), own.subarray(0, own.length));
    expect(compareBundles(result.path, copy)).toEqual([]);
  });
});

describe('a bundle with groups, from its gates to its signals', () => {
  it('loads, answers its golden rows, and is compared with a champion on the same bars', async () => {
    const context = { settings: plain, bars, workers: 0, onProgress: () => undefined };
    const gates = await adoptionGates(result, { ...context, modelsFolder: join(root, 'nobody') });
    expect(gates.find(({ name }) => name === 'golden vectors')).toMatchObject({ passed: true });
  });

  it('is stored by the registry and restored with the files of its groups', async () => {
    const store = await openStore(join(root, 'trainer.db'));
    const registry = createRegistry(store, paths.models);
    activate(paths.models, result.version);
    await registry.adopt(result.version);
    rmSync(join(result.path, 'metals.ai3.onnx'));
    expect(() => readBundle(result.path)).toThrow('metals.ai3.onnx');
    await registry.recover(result.version);
    expect(readBundle(result.path).groups![0]!.name).toBe('metals');
    await store.close();
  });

  it('gives the same decisions live, in replay and in backtest, each pair by its group’s models', async () => {
    const day = (Math.ceil(bars.get('XAUUSD')!.time[0]! / 86_400) * 86_400) as OpenTime;
    const recorded = byMinute(tinyBars(plain, 400));
    const path = paths.journal('simulated', 'main');
    mkdirSync(join(path, '..'), { recursive: true });
    const journal = openJournal(path);
    const bench = openBench(plain);
    const set = await loadModelSet(result.path, schema, minutehand.pairs.length);
    bench.pipeline.inputs.apply({ kind: 'swap', set });
    for (const { bars: ofMinute } of recorded) {
      for (const bar of ofMinute) bench.pipeline.inputs.take(barInput(bar, false));
      await bench.pipeline.settled();
      journal.append(bench.inputs.splice(0), bench.rows.splice(0));
    }
    const signals = [...journal.signals()];
    journal.close();
    const onProgress = (): void => undefined;
    const certificate = await proveDay({ settings: plain, paths, market: 'simulated', shard: 'main', day, onProgress });
    expect(certificate).toMatchObject({ verdict: 'EQUAL', mismatches: [] });
    // The pair's size comes from its group's AI3, the others' from the pooled one.
    const { x, pair } = result.dataset.holdout.ai3;
    const own = decodeTreeModel(readFileSync(join(result.path, 'metals.ai3.onnx'))).model;
    const shared = decodeTreeModel(readFileSync(join(result.path, 'ai3.onnx'))).model;
    const answers = [treeAnswer(own, x), treeAnswer(shared, x)];
    for (const [row, history] of [0, x.rows - 1].map((at) => [at, result.dataset.histories[pair[at]!]!] as const)) {
      const features = x.values.slice(row * x.columns, (row + 1) * x.columns);
      const { position_scale } = await servingSet(set, history.pair.id).infer(features, 1);
      expect(position_scale[0]).toBeCloseTo(answers[history.pair.id === GOLD ? 0 : 1]![row]!, 6);
    }
    expect(new Set(signals.map(({ body }) => body.includes(`"pair_id":"${GOLD}"`))).size).toBe(2);
    await set.release();
  });
});
