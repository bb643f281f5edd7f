import { keyOf } from '../shared/bundle/gates/gate_result.ts';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activate, admitAll, adopt } from './activate.ts';
import { proveDay } from '../cli/parity/prove_day.ts';
import { barInput } from '../daemon/queue/input.ts';
import { byMinute, openBench } from '../daemon/pipeline.fixture.ts';
import type { OpenTime } from '../shared/bar.ts';
import { barAt, clipBars } from '../shared/bar_file/bar_file.ts';
import { readBundle, readManifest } from '../shared/bundle/bundle.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { groupFile, MODEL_FILES, type ModelMetrics, type SubjectGroup } from '../shared/bundle/manifest.ts';
import { loadModelSet, servingSet } from '../shared/bundle/model_set.ts';
import { decodeTreeModel } from '../shared/bundle/onnx/tree_graph.ts';
import { warmUpSeconds } from '../shared/core/features/features.ts';
import { parsePair } from '../shared/pair.ts';
import { tradingCosts } from '../shared/policy/costs.ts';
import { homePaths } from '../shared/home.ts';
import { decisionPolicy, type Settings } from '../shared/policy/policy.ts';
import { openJournal } from '../shared/store/journal.ts';
import type { DatasetRows } from '../trainer/learning/strategies/pair_reversion/dataset/dataset.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { computedRows } from '../trainer/learning/feature_checks/computed_rows.ts';
import type { FeatureSource, TableRows } from '../trainer/learning/feature_table/feature_table.ts';
import { adoptionGates } from '../trainer/learning/training/adoption_gates.ts';
import { treeAnswers } from '../trainer/learning/learners/trees/scoring.ts';
import { train, trainFromWarmStart, type TrainResult } from '../trainer/learning/training/pipeline.ts';
import { backtestPeriod, ROWS_PER_SCORE } from '../trainer/learning/strategies/pair_reversion/backtest/period.ts';
import { lookAtModels } from '../trainer/control/monitor/look.ts';
import { withScores } from '../trainer/control/monitor/live_drift.ts';
import { readReference } from '../trainer/learning/profile/reference.ts';
import { isSkipped } from '../trainer/learning/profile/part.ts';
import type { MonitorReport } from '../trainer/control/monitor/report.ts';
import { compareBundles } from '../trainer/learning/training/deep_verification.ts';
import { createRegistry } from '../trainer/control/registry/registry.ts';
import { researchTheta2 } from '../trainer/learning/strategies/pair_reversion/thresholds/research_theta2.ts';
import { openStore } from '../trainer/store/store.ts';
import type { TrainOptions } from '../trainer/learning/options/train_options.ts';
import { modelMetrics } from '../trainer/learning/measures/model_metrics.ts';
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
const MINUTES = 6500;
const LIVE_MINUTES = 900;
const longBars = tinyBars(plain, MINUTES + LIVE_MINUTES);
const cut = longBars.get('XAUUSD')!.time[MINUTES]! as OpenTime;
const bars = new Map([...longBars].map(([symbol, own]) => [symbol, clipBars(own, undefined, cut)]));
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
    place: 'a test',
    columns: names.map((name) => ({ name })),
    close: () => Promise.resolve(),
    rows: (id) => Promise.resolve(rowsOf(id)),
    newest: (id) => Promise.resolve(rowsOf(id).time.at(-1)!),
  };
  return {
    settings,
    bars,
    source,
    market: 'simulated',
    seed: 7,
    gitCommit: null,
    out,
    counts: out,
    cache: null,
    created: new Date('2024-01-05T12:00:00Z'),
    workers: 0,
    trials: 0,
    searchFolder: null,
    holdoutFrom: null,
    onProgress: () => undefined,
  };
}

/** A copy of the bundle whose group has an AI1 of its own: the pooled one under another name. */
function ownAi1(name: string, served?: ModelMetrics): string {
  const copy = join(root, name, result.version);
  cpSync(result.path, copy, { recursive: true });
  cpSync(join(copy, 'ai1.onnx'), join(copy, groupFile('metals', 'ai1')));
  const manifest = structuredClone(readManifest(copy));
  const { ai1 } = manifest.metrics;
  const { own } = manifest.groups!.find((group) => group.name === 'metals')!;
  own!.files.ai1 = manifest.files['ai1.onnx'];
  own!.metrics.ai1 = { ...ai1, holdout: ai1.holdout_by_pair[GOLD]! };
  if (served !== undefined) manifest.metrics.ai1 = { ...ai1, holdout_served: served };
  writeFileSync(join(copy, 'manifest.json'), JSON.stringify(manifest));
  return copy;
}

/** A file of the bundle, measured on rows of some pairs. */
function metricsOf(file: string, rows: DatasetRows, pairs: readonly string[]): ModelMetrics {
  const scores = treeAnswers(decodeTreeModel(readFileSync(join(result.path, file))).model, rows.x);
  const ids = result.dataset.histories.map(({ pair }) => pair.id);
  const own = [...rows.y.keys()].filter((row) => pairs.includes(ids[rows.pair[row]!]!));
  return modelMetrics(
    Float64Array.from(own, (row) => scores[row]!),
    Float64Array.from(own, (row) => rows.y[row]!),
  );
}

/** The monitor's check of a bundle on the live bars. */
async function lookAt(bundle: string): Promise<MonitorReport['performance']> {
  const modelsFolder = join(bundle, '..');
  activate(modelsFolder, basename(bundle));
  const report = await lookAtModels({
    settings: plain,
    modelsFolder,
    journals: [liveJournal()],
    storeUrl: null,
    nowMs: cut * 1000,
  });
  if ('skipped' in report) throw new Error(report.skipped);
  return report.performance;
}

/** Journal of a daemon that has seen the live bars and those that warm the features. */
function liveJournal(): string {
  const path = join(root, 'live.db');
  if (existsSync(path)) return path;
  const journal = openJournal(path);
  const from = (cut - warmUpSeconds(minutehand.windows)) as OpenTime;
  for (const [subject, own] of longBars) {
    const columns = clipBars(own, from, undefined);
    const inputs = [...columns.time.keys()].map((i) => {
      const bar = barAt(columns, i);
      return { kind: 'bar', subject, time: bar.time, bar, backfill: false } as const;
    });
    journal.append(inputs, []);
  }
  journal.close();
  return path;
}

/** AI1's AUC in a backtest of some pairs alone. */
async function liveAuc(bundle: string, ids: readonly string[]): Promise<number | null> {
  const set = await loadModelSet(bundle, schema, ROWS_PER_SCORE);
  const period = await backtestPeriod({
    pairs: ids.map(parsePair),
    bars: longBars,
    from: cut,
    sets: [set],
    policy: decisionPolicy(plain),
    labels: datasetPolicy(plain),
    costs: tradingCosts(plain),
    workers: 0,
    onProgress: () => undefined,
  });
  await set.release();
  return period.bundles[0]!.models.ai1.auc;
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
    expect(fx.gates!.find((gate) => keyOf(gate) === 'risk_pass_rate')).toMatchObject({ passed: false });
    expect(fx.gates!.some((gate) => keyOf(gate).startsWith('ai1.'))).toBe(false);
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
    const { ai3, ...metrics } = same.metrics;
    const { holdout_served, ...ofAi3 } = ai3;
    expect(whole.manifest).toMatchObject({ ...same, metrics: { ...metrics, ai3: ofAi3 } });
    expect(holdout_served).toEqual(metricsOf('ai3.onnx', result.dataset.holdout.ai3, [FX, AUD]));
    for (const report of [metrics.ai1, metrics.ai2, whole.manifest.metrics.ai3])
      expect(report.holdout_served).toBeUndefined();
    for (const pair of [FX, AUD]) expect(edge[pair]).toEqual(whole.manifest.edge[pair]);
  });

  it('shows each group, its verdict and both log losses on the card', () => {
    const card = readFileSync(join(result.path, 'CARD.md'), 'utf8');
    const { ai3 } = groupOf('metals').comparison!;
    expect(card).toContain(`| ${ai3.pooled_log_loss!.toFixed(5)} | ${ai3.own_log_loss!.toFixed(5)} |`);
    expect(card).toContain(`- metals (${GOLD}): own ai3.`);
    const { holdout_served } = result.manifest.metrics.ai3;
    expect(card).toContain(`| AI3, pairs that it serves | ${holdout_served!.rows} |`);
    expect(card).toContain(`| AI3, group metals | ${groupOf('metals').own!.metrics.ai3!.holdout.rows} |`);
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
    expect(gates.find((gate) => keyOf(gate) === 'golden_vectors')).toMatchObject({ passed: true });
  });

  it('has a reference of the group beside that of all pairs, for live features and scores by the models that serve each pair', async () => {
    const reference = readReference(result.path);
    if (isSkipped(reference)) throw new Error(reference.skipped);
    const { profile, groups } = reference;
    expect([profile.pairs, Object.keys(groups!), groups!['metals']!.pairs]).toEqual([
      ...[[GOLD, FX, AUD], ['metals'], [GOLD]],
    ]);
    const { holdout, histories } = result.dataset;
    const ids = histories.map(({ pair }) => pair.id);
    const modelOf = (file: string) => decodeTreeModel(readFileSync(join(result.path, file))).model;
    const own = treeAnswers(modelOf('metals.ai3.onnx'), holdout.ai2.x);
    const shared = treeAnswers(modelOf('ai3.onnx'), holdout.ai2.x);
    const ofGold = [...own!].filter((_, row) => ids[holdout.ai2.pair[row]!] === GOLD);
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    const scaleOf = ({ features }: typeof profile) => features.find(({ name }) => name === 'position_scale')!;
    expect(scaleOf(groups!['metals']!).total.mean).toBeCloseTo(mean(ofGold), 6);
    expect(scaleOf(profile).total.mean).toBeCloseTo(mean([...shared!]), 6);
    const set = await loadModelSet(result.path, schema, ROWS_PER_SCORE);
    const { x } = await withScores(holdout.ai2, set, ids);
    for (let row = 0; row < x.rows; row++) {
      const answers = ids[holdout.ai2.pair[row]!] === GOLD ? own! : shared!;
      expect(x.values[(row + 1) * x.columns - 1]).toBeCloseTo(answers[row]!, 6);
    }
    await set.release();
  });

  it('compares live AUC and win rate of each group with the holdout of its own models on its pairs', async () => {
    const wins = [[GOLD], [FX, AUD]].map((pairs) => {
      const edges = pairs.map((id) => result.manifest.edge[id]!);
      return edges.reduce((sum, edge) => sum + edge.wins!, 0) / edges.reduce((sum, { trades }) => sum + trades, 0);
    });
    const pooled = await lookAt(result.path);
    expect(pooled.groups!['metals']!.win_rate.bundle).toBe(wins[0]);
    expect(pooled.win_rate.bundle).toBe(wins[1]);
    // AI1 of this group is the pooled one: its rows count among the pooled ones.
    expect(pooled.auc).toMatchObject({
      live: await liveAuc(result.path, [GOLD, FX, AUD]),
      bundle: result.manifest.metrics.ai1.holdout.auc,
    });
    expect(pooled.groups!['metals']!.auc).toMatchObject({ live: null, bundle: null, live_count: 0 });

    const old = ownAi1('old');
    const { auc: others, groups } = await lookAt(old);
    const ofGold = await liveAuc(old, [GOLD]);
    const { auc } = metricsOf('ai1.onnx', result.dataset.evaluation.holdout, [GOLD]);
    expect(groups!['metals']!.auc).toMatchObject({ live: ofGold, bundle: auc });
    // The bundle has no holdout of the pairs that the pooled AI1 serves: nothing to compare with.
    expect(others).toMatchObject({ live: await liveAuc(old, [FX, AUD]), bundle: null, gap: null, gap_noise: Infinity });

    const served = metricsOf('ai1.onnx', result.dataset.evaluation.holdout, [FX, AUD]);
    const now = await lookAt(ownAi1('now', served));
    expect(now.auc).toMatchObject({ live: others.live, bundle: served.auc });
    expect(now.auc.gap).toBeCloseTo((others.live! - served.auc!) / served.auc!, 12);
  });

  it('is stored by the registry and restored with the files of its groups', async () => {
    const store = await openStore(join(root, 'trainer.db'));
    const registry = createRegistry(store, paths.models);
    activate(paths.models, result.version);
    await adopt(registry, paths.models, result.version);
    rmSync(join(result.path, 'metals.ai3.onnx'));
    expect(() => readBundle(result.path)).toThrow('metals.ai3.onnx');
    await registry.recover(result.version, admitAll(paths.models));
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
    const answers = [treeAnswers(own, x), treeAnswers(shared, x)];
    for (const [row, history] of [0, x.rows - 1].map((at) => [at, result.dataset.histories[pair[at]!]!] as const)) {
      const features = x.values.slice(row * x.columns, (row + 1) * x.columns);
      const { position_scale } = await servingSet(set, history.pair.id).infer(features, 1);
      expect(position_scale[0]).toBeCloseTo(answers[history.pair.id === GOLD ? 0 : 1]![row]!, 6);
    }
    expect(new Set(signals.map(({ body }) => body.includes(`"pair_id":"${GOLD}"`))).size).toBe(2);
    await set.release();
  });
});
