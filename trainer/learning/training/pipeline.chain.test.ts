import { wholeHistory } from '../history/kept_history.ts';
import { gateKey } from '../../../shared/bundle/gates/gate_codes.ts';
import { isExplained, isMeasured, keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import { writtenGate } from '../../../test/written_gate.ts';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { listVersions, readBundle, type Bundle } from '../../../shared/bundle/bundle.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { MODEL_FILES, MONITOR_FILE, VALIDATION_FILE } from '../../../shared/bundle/manifest.ts';
import { decodeTreeModel } from '../../../shared/bundle/onnx/tree_graph.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../../../shared/core/features/feature.ts';
import { loadModelSet } from '../../../shared/bundle/model_set.ts';
import { warmupBars } from '../../../shared/core/features/features.ts';
import type { ModelScores } from '../../../shared/strategies/pair_reversion/pair_input.ts';
import { riskRank } from '../../../shared/strategies/pair_reversion/risk_rank.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { tinyBars, tinySettings } from '../../../test/tiny_models.ts';
import { trainTinyModels } from '../../../test/trained_models.ts';
import { backtest, type Trade } from '../trades/backtest.ts';
import { lookLevel, pairEdges } from '../backtest/edge.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import type { LearnedModel } from '../calibrate/calibrate_model.ts';
import { BUNDLE_GATES, MODEL_GATES, rolesOf } from '../gates/registry.ts';
import { learnAllModels } from '../learners/learned_models.fixture.ts';
import { hashBars, profileSource } from '../bundle/make_bundle.ts';
import { monitorReference } from '../profile/reference.ts';
import { trainFromWarmStart, train, type TrainOptions, type TrainResult } from './pipeline.ts';
import { pairCosts, tradingCosts } from '../../../shared/policy/costs.ts';
import { decisionPolicy } from '../../../shared/policy/policy.ts';
import { testedScores } from '../learners/cross_validation.ts';
import { auc } from '../measures/metrics.ts';
import { rowUniqueness } from '../dataset/noise.ts';
import { checkQuality, qualityLimits } from '../validate/quality_gate.ts';

const settings = tinySettings();
const MODELS = Object.values(MODEL_FILES);

let folder: string;
let bars: Map<string, BarColumns>;
let first: { version: string; path: string; result: TrainResult };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-train-'));
  bars = tinyBars(settings);
  first = await trainTinyModels(folder, { settings, bars, seed: 7 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function optionsOf(changes: Partial<TrainOptions>): TrainOptions {
  return {
    settings,
    bars,
    market: 'simulated',
    seed: 7,
    gitCommit: null,
    out: mkdtempSync(join(folder, 'out-')),
    counts: mkdtempSync(join(folder, 'out-')),
    created: new Date('2024-01-05T12:00:00Z'),
    workers: 0,
    cache: null,
    trials: 0,
    searchFolder: null,
    holdoutFrom: null,
    onProgress: () => undefined,
    ...changes,
  };
}

describe('train', () => {
  it('gives the same bars, settings and seed byte-identical models, thresholds, quantiles and verdicts', async () => {
    const stages = new Map<string, [number, number]>();
    const second = await train(
      optionsOf({
        bars: tinyBars(settings),
        out: folder,
        counts: folder,
        onProgress(stage, done, total) {
          expect(done).toBeGreaterThanOrEqual(stages.get(stage)?.[0] ?? 0);
          stages.set(stage, [done, total]);
        },
      }),
    );
    expect(second.version).toBe(`${first.version}00`);
    for (const file of MODELS)
      expect(readFileSync(join(second.path, file))).toEqual(readFileSync(join(first.path, file)));
    expect(second.manifest).toEqual(first.result.manifest);
    expect(Object.keys(second.manifest)).not.toContain('groups');
    expect(readBundle(second.path).modelsHash).toBe(readBundle(first.path).modelsHash);
    // Progress was reported from nothing to all of every stage, in order.
    expect([...stages.keys()]).toEqual([
      'features and labels',
      'generated markets',
      'learning',
      'placebo markets',
      'backtest of the holdout',
    ]);
    for (const [done, total] of stages.values()) expect(done).toBe(total);
  });

  it('gives another seed other models, of the same data, and the card of live models does not mention a simulated market', async () => {
    const other = await trainTinyModels(folder, { settings, bars, seed: 8, market: 'live' });
    for (const file of MODELS)
      expect(readFileSync(join(other.path, file)).equals(readFileSync(join(first.path, file)))).toBe(false);
    expect(other.result.manifest.data_hash).toBe(first.result.manifest.data_hash);
    expect(readFileSync(join(other.path, 'CARD.md'), 'utf8')).not.toMatch(/simulated/i);
    expect(readBundle(other.path).manifest.market).toBe('live');
  });

  it('identifies bars by their hash: equal bars have an equal one, and a price that differs in its tenth digit changes it', () => {
    const gold = bars.get('XAUUSD')!;
    const close = gold.close.slice();
    close[100] = close[100]! * (1 + 1e-9);
    const { data_hash } = first.result.manifest;
    expect(hashBars(tinyBars(settings))).toBe(data_hash);
    expect(hashBars(new Map(bars).set('XAUUSD', { ...gold, close }))).not.toBe(data_hash);
  });

  it('writes a bundle that the daemon’s loader accepts and that matches the learner’s answers', async () => {
    const schema = featureSchema(settings.minutehand.windows);
    const { x } = first.result.dataset.holdout.ai1;
    const set = await loadModelSet(first.path, schema, x.rows);
    try {
      expect(set.version).toBe(first.version);
      const scores = await set.infer(x.values, x.rows);
      expect(auc(scores.return_prob, first.result.dataset.holdout.ai1.y)).toBeCloseTo(
        first.result.manifest.metrics.ai1.holdout.auc!,
        5,
      );
      for (let row = 0; row < x.rows; row++) {
        expect(scores.risk_score[row]).toBe(riskRank(set.manifest.risk_quantiles, scores.risk_prob[row]!));
      }
    } finally {
      await set.release();
    }
  });

  it('describes the run: period, features, windows, label of each model, pairs and verdicts', () => {
    const { manifest, dataset } = first.result;
    const { minutehand, core } = settings;
    expect(manifest.period.from).toBe('2024-01-01T22:00Z');
    expect(
      manifest.period.holdout_from > manifest.period.from && manifest.period.to > manifest.period.holdout_from,
    ).toBe(true);
    expect(manifest.features).toEqual(dataset.definitions.map(({ name }) => name));
    expect(manifest.windows).toEqual(minutehand.windows);
    expect(manifest.pairs).toEqual(minutehand.pairs);
    expect(Object.keys(manifest.edge)).toEqual(minutehand.pairs);
    expect(manifest.label_policy).toMatchObject({
      ai1_horizon: 60,
      ai1_z_entry: 2,
      ai2_horizon: minutehand.label.horizon_bars,
      ai2_dd_threshold: core.risk_label_dd_threshold,
      ai3_horizon: minutehand.label.horizon_bars,
      ai3_target_sigma: minutehand.label.target_sigma,
    });
    expect([manifest.theta1, manifest.theta2]).toEqual([core.theta1_initial, core.theta2_initial]);
    expect(manifest.golden.features.at(-1)!.every((value) => value === null)).toBe(true);
  });

  it('spreads the risk scores of training’s entry candidates evenly, so that θ2 means a share of them', async () => {
    const { manifest, dataset } = first.result;
    const { x } = dataset.train.ai1;
    const set = await loadModelSet(first.path, featureSchema(settings.minutehand.windows), x.rows);
    const { risk_score } = await set.infer(x.values, x.rows);
    await set.release();
    for (const theta2 of [0.2, 0.3, 0.5, 0.7, 0.9]) {
      const share = risk_score.filter((score) => score < theta2).length / x.rows;
      // The ranks are of models that were not trained on the rows; the one used here was.
      expect(Math.abs(share - theta2)).toBeLessThan(0.15);
    }
    expect(manifest.risk_quantiles.length).toBe(201);
  });

  it('checks the edge on every bar of the holdout, with the scores that the written models give to its features', async () => {
    const { manifest, dataset } = first.result;
    const { minutehand } = settings;
    const width = dataset.definitions.length;
    const tradesOf: Record<string, Trade[]> = {};
    for (const history of dataset.histories.map(wholeHistory)) {
      const from = history.time.findIndex((time) => time >= dataset.holdoutFrom);
      const set = await loadModelSet(first.path, featureSchema(minutehand.windows), 1);
      const scores: ModelScores[] = [];
      for (let t = from; t < history.length; t++) {
        const features = history.features.slice(history.row[t]! * width, (history.row[t]! + 1) * width);
        const { return_prob, risk_score } = await set.infer(features, 1);
        scores.push({ return_prob: return_prob[0]!, risk_score: risk_score[0]! });
      }
      await set.release();
      const { id } = history.pair;
      const trades = backtest(history, from, history.length, {
        thresholds: { theta1: set.theta1, theta2: set.theta2 },
        policy: { ...decisionPolicy(settings), require_edge: true },
        edge: true,
        costs: pairCosts(tradingCosts(settings), history.pair),
        ...(manifest.expectation && { expectation: manifest.expectation }),
        scores: (t) => scores[t - from]!,
      });
      expect(trades.length).toBeGreaterThan(0);
      tradesOf[id] = [...trades];
    }
    const edges = pairEdges(tradesOf, lookLevel(1));
    for (const id of Object.keys(edges)) expect(manifest.edge[id]).toMatchObject(edges[id]!);
    expect(manifest.holdout_look).toEqual({ look: 1, level: lookLevel(1) });
  });

  it('has SIMULATED MARKET on the card of simulated models', () => {
    const card = readFileSync(join(first.path, 'CARD.md'), 'utf8');
    expect(card).toContain(`# Models ${first.version}: SIMULATED MARKET`);
    expect(card).toContain('A live daemon refuses them.');
    expect(readBundle(first.path).manifest.market).toBe('simulated');
  });

  it('leaves nothing behind when there is too little data', async () => {
    const out = join(folder, 'never');
    await expect(train(optionsOf({ out, bars: tinyBars(settings, 300) }))).rejects.toMatchObject({
      code: 'DATA_TOO_SHORT',
    });
    await expect(train(optionsOf({ out, bars: new Map() }))).rejects.toMatchObject({ code: 'DATA_MISSING' });
    expect(existsSync(out)).toBe(false);
    expect(listVersions(folder)).not.toContain('never');
  });

  it('tests every run for look-ahead leakage, and finds none', () => {
    const { gates, manifest } = first.result;
    const leakageGates = [
      'features look-ahead',
      'ai1 label ends',
      'ai2 label ends',
      'ai3 label ends',
      ...['ai1', 'ai2', 'ai3'].flatMap((name) => [
        `${name} fold borders`,
        `${name} fitted on training rows only`,
        `${name} shuffled labels`,
      ]),
      'ai1 shuffled labels refused',
      'ai2 shuffled labels refused',
    ];
    const verdicts = gates.map(writtenGate);
    for (const name of leakageGates) expect(verdicts).toContainEqual(expect.objectContaining({ name, passed: true }));
    expect(manifest.gates).toEqual(gates);
  });

  it('checks every gate of the list, in its order, each with a value that its relation to the limit explains', () => {
    const ofModels = MODEL_NAMES.flatMap((role) =>
      MODEL_GATES.filter((gate) => rolesOf(gate).includes(role)).map(({ code }) => gateKey({ code, role })),
    );
    // That of columns of a table has a verdict only where there are some.
    const checked = BUNDLE_GATES.filter(({ code }) => code !== 'served_columns');
    const ofBundle = checked.flatMap((gate) => rolesOf(gate).map((role) => gateKey({ code: gate.code, role })));
    expect(first.result.gates.map(keyOf)).toEqual([...ofBundle, ...ofModels]);
    expect(first.result.gates.filter((gate) => isMeasured(gate) && !isExplained(gate))).toEqual([]);
  });

  it('writes its reports beside the models: folds, blocks of time, hours, pairs, regimes, and what each feature is worth', () => {
    const written = JSON.parse(readFileSync(join(first.path, VALIDATION_FILE), 'utf8')) as TrainResult['validation'];
    expect(written).toEqual(JSON.parse(JSON.stringify(first.result.validation)));
    const { ai1 } = written;
    expect(ai1.out_of_fold.folds.length).toBe(settings.minutehand.train.folds);
    expect(ai1.walk_forward.folds.length).toBe(3);
    expect(Object.keys(ai1.holdout.by_pair)).toEqual(settings.minutehand.pairs);
    expect(ai1.importance.features.length).toBe(first.result.dataset.definitions.length);
    expect(ai1.holdout.pooled.auc).toBe(first.result.manifest.metrics.ai1.holdout.auc);
  });

  it('learns with each of its engines, and the forest’s bundle loads as well', async () => {
    const { minutehand } = settings;
    const forest = {
      ...settings,
      minutehand: { ...minutehand, train: { ...minutehand.train, engine: 'random_forest' } },
    } as const;
    const { result, path } = await trainTinyModels(folder, { settings: forest, bars });
    expect(result.manifest.engine.name).toBe('random_forest');
    expect(result.manifest.metrics.ai2.holdout.auc!).toBeGreaterThan(0.6);
    expect(readBundle(path).modelsHash).not.toBe(readBundle(first.path).modelsHash);
  });
});

describe('the models of train', () => {
  let learned: Record<ModelName, LearnedModel>;
  beforeAll(async () => {
    const { dataset } = first.result;
    learned = await learnAllModels({ dataset, settings, seed: 7 });
  });

  it('leaves the embargo of the label’s horizon, in bars of a minute, around every test block', () => {
    const { horizon_bars } = settings.minutehand.label;
    const { train } = first.result.dataset;
    for (const name of MODEL_NAMES) {
      const { time, labelEnd } = train[name];
      const trainable = (test: Int32Array, seconds: number): number[] => {
        const begin = Math.min(...Array.from(test, (row) => time[row]!));
        const end = Math.max(...Array.from(test, (row) => labelEnd[row]!));
        return [...time.keys()].filter((row) => labelEnd[row]! < begin || time[row]! > end + seconds);
      };
      for (const { train: rows, test } of learned[name].rawFolds)
        expect([...rows]).toEqual(trainable(test, horizon_bars * 60));
      const [before] = learned[name].rawFolds;
      expect(before!.train.length).toBeLessThan(trainable(before!.test, horizon_bars).length);
      for (const { train: rows, test } of learned[name].walkForward) {
        const begin = Math.min(...Array.from(test, (row) => time[row]!));
        const known = [...time.keys()].filter((row) => labelEnd[row]! + horizon_bars * 60 < begin);
        expect([...rows]).toEqual(known);
      }
    }
  });

  it('gives the monitor a reference of the rows that were learned, and the trades of the holdout', () => {
    const { manifest, dataset } = first.result;
    const written: unknown = JSON.parse(readFileSync(join(first.path, MONITOR_FILE), 'utf8'));
    const edges = Object.values(manifest.edge);
    const models = perModel((name) => ({ learned: learned[name] }));
    const referenceOf = (rows: typeof dataset.train.ai2): unknown => {
      const reference = monitorReference({
        ...profileSource({ ...dataset, train: { ...dataset.train, ai2: rows } }, models),
        definitions: dataset.definitions,
        lookBackBars: warmupBars(settings.minutehand.windows),
        backtest: {
          trades: edges.reduce((sum, { trades }) => sum + trades, 0),
          wins: edges.reduce((sum, { wins }) => sum + wins!, 0),
        },
      });
      return JSON.parse(JSON.stringify(reference)) as unknown;
    };
    expect(written).toEqual(referenceOf(dataset.train.ai2));
    expect(written).not.toEqual(referenceOf(dataset.holdout.ai2));
  });

  it('accepts AI1 and AI2 by their answers on the holdout, with as many positive answers as positives out of fold', () => {
    const { gates, dataset } = first.result;
    for (const name of ['ai1', 'ai2'] as const) {
      const { y } = dataset.train[name];
      const holdout = name === 'ai1' ? dataset.evaluation.holdout : dataset.holdout.ai2;
      const { split } = testedScores(learned[name].folds, y.length);
      const tested = [...split.keys()].filter((row) => split[row]! >= 0);
      const expected = checkQuality(
        {
          samples: y.length,
          scores: learned[name].model.exactAnswers(holdout.x),
          labels: holdout.y,
          rate: tested.reduce((sum, row) => sum + y[row]!, 0) / tested.length,
          uniqueness: rowUniqueness(holdout),
          time: holdout.time,
          labelEnd: holdout.labelEnd,
        },
        qualityLimits(settings, name),
      );
      expect(expected).toHaveLength(4);
      for (const gate of expected) expect(gates).toContainEqual({ ...gate, role: name });
    }
  });

  it('ranks risk by the quantiles of out-of-fold answers', () => {
    const { manifest, dataset } = first.result;
    const { x, time } = dataset.train.ai1;
    const { folds, model } = learned.ai2;
    const begins = folds.map(({ test }) => Math.min(...Array.from(test, (row) => dataset.train.ai2.time[row]!)));
    const answers = Array.from(time, (at, row) => {
      const fold = begins.filter((begin) => begin <= at).length - 1;
      return folds[Math.max(0, fold)]!.model.exactAnswers(takeRows(x, [row]))[0]!;
    });
    const quantiles = (values: readonly number[]): number[] => {
      const sorted = [...values].sort((a, b) => a - b);
      return manifest.risk_quantiles.map((_, quantile, { length }) => {
        const at = (quantile / (length - 1)) * (sorted.length - 1);
        return sorted[Math.floor(at)]! * (1 - (at % 1)) + sorted[Math.ceil(at)]! * (at % 1);
      });
    };
    const distance = (expected: readonly number[]): number =>
      Math.max(...manifest.risk_quantiles.map((quantile, i) => Math.abs(quantile - expected[i]!)));
    expect(distance(quantiles(answers))).toBeLessThan(1e-6);
    // The shipped model answers its own training rows differently.
    expect(distance(quantiles([...model.exactAnswers(x)]))).toBeGreaterThan(1e-3);
  });
});

describe('trainFromWarmStart', () => {
  const own = tinySettings({ minutehand: { train: { warm_start_min_days: 0.5, max_rows: 20_000 } } });
  const MINUTES = { full: 3000, all: 11_500, evaluated: 2500 };
  let base: Bundle;
  let all: Map<string, BarColumns>;
  let options: TrainOptions;

  beforeAll(async () => {
    all = tinyBars(own, MINUTES.all);
    const full = { settings: own, bars: tinyBars(own, MINUTES.full), target: 'net' as const };
    const learned = await trainTinyModels(join(folder, 'base'), full);
    base = readBundle(learned.path);
    const last = Math.max(...[...all.values()].map(({ time }) => time.at(-1)!));
    const holdoutFrom = (last - MINUTES.evaluated * 60) as OpenTime;
    options = optionsOf({ settings: own, bars: all, out: join(folder, 'warm'), holdoutFrom });
  });

  it('adds trees to the active models, and keeps their thresholds, ranks and parameters', async () => {
    const result = (await trainFromWarmStart(base, options))!;
    const { manifest, models } = readBundle(result.path);
    const { version, theta1, theta2, risk_quantiles, engine, period, metrics } = base.manifest;
    expect(models.net!.equals(base.models.net!)).toBe(true);
    expect(manifest.metrics.net).toEqual(metrics.net);
    expect(manifest).toMatchObject({ theta1, theta2, risk_quantiles, engine });
    expect(manifest.warm_start_from).toEqual({
      version,
      times: 1,
      learned_until: period.holdout_from,
      trees: perModel((name) => metrics[name].trees!),
    });
    expect(manifest.period.from).toBe(period.from);
    expect(Date.parse(manifest.period.holdout_from)).toBe(options.holdoutFrom! * 1000);
    const grown = MODEL_NAMES.map((name) => manifest.metrics[name].trees! - metrics[name].trees!);
    expect(Math.min(...grown)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...grown)).toBeGreaterThan(0);
    for (const name of MODEL_NAMES) expect(manifest.metrics[name].rows!).toBeGreaterThan(metrics[name].rows!);
    // This bundle passes the same gates as full ones.
    expect(result.gates.map(keyOf)).toEqual(first.result.gates.map(keyOf));
    for (const gate of result.gates.filter((own) =>
      /fold_borders|training_rows_only|shuffled_labels$/.test(keyOf(own)),
    ))
      expect(gate).toMatchObject({ passed: true });
    expect(readFileSync(join(result.path, 'CARD.md'), 'utf8')).toContain(`is warm-started from ${version}`);

    const again = (await trainFromWarmStart(base, options))!;
    expect(readBundle(again.path).modelsHash).toBe(readBundle(result.path).modelsHash);
    expect({ ...again.manifest, golden: null }).toEqual({ ...result.manifest, golden: null });
  }, 120_000);

  it('of the calibration alone keeps every tree, and the order of the answers', async () => {
    const result = (await trainFromWarmStart(base, { ...options, update: 'calibration' }))!;
    const { manifest, models } = readBundle(result.path);
    expect(manifest.warm_start_from).toMatchObject({ version: base.manifest.version, update: 'calibration' });
    const changed = MODEL_NAMES.filter((name) => !models[name].equals(base.models[name]));
    expect(changed).not.toEqual([]);
    for (const name of MODEL_NAMES) {
      expect(manifest.metrics[name].trees).toBe(base.manifest.metrics[name].trees);
      const before = decodeTreeModel(base.models[name]).model.ensembles[0]!.trees;
      const after = decodeTreeModel(models[name]).model.ensembles[0]!.trees;
      after.forEach(({ feature, threshold }, tree) => {
        expect([...feature]).toEqual([...before[tree]!.feature]);
        expect([...threshold]).toEqual([...before[tree]!.threshold]);
      });
    }
    expect(readFileSync(join(result.path, 'CARD.md'), 'utf8')).toContain('of its calibration alone');
    // Trees that are added later begin with those of the full training.
    const grown = (await trainFromWarmStart(readBundle(result.path), {
      ...options,
      bars: tinyBars(own, MINUTES.all + 3000),
      holdoutFrom: null,
    }))!;
    expect(grown.manifest.warm_start_from).toEqual({
      version: base.manifest.version,
      times: 2,
      learned_until: base.manifest.period.holdout_from,
      trees: perModel((name) => base.manifest.metrics[name].trees!),
    });
  }, 120_000);

  it('is refused when the configuration differs, and when there are too few new bars', async () => {
    const other = tinySettings({ minutehand: { train: { warm_start_min_days: 0.5, engine: 'random_forest' } } });
    await expect(trainFromWarmStart(base, { ...options, settings: other })).rejects.toMatchObject({
      code: 'WARM_START_REFUSED',
    });
    const short = { ...options, bars: tinyBars(own, MINUTES.full + 500), holdoutFrom: null };
    await expect(trainFromWarmStart(base, short)).rejects.toMatchObject({ code: 'DATA_TOO_SHORT' });
  });
});
