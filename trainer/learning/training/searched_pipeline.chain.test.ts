import { keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import { writtenGate } from '../../../test/written_gate.ts';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activate } from '../../../test/activate.ts';
import type { OpenTime } from '../../../shared/bar.ts';
import { clipBars, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { readBundle } from '../../../shared/bundle/bundle.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { MODEL_FILES } from '../../../shared/bundle/manifest.ts';
import { riskRank } from '../../../shared/strategies/pair_reversion/risk_rank.ts';
import { MODEL_NAMES, type ModelName } from '../../../shared/core/features/feature.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { worldBars } from '../../../bench/gates/planted_world.ts';
import { parsePair } from '../../../shared/pair.ts';
import { tinySettings } from '../../../test/tiny_models.ts';
import { proveEdge } from '../strategies/pair_reversion/backtest/holdout.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { relabeled } from '../strategies/pair_reversion/dataset/relabel.ts';
import { adoptionGates } from './adoption_gates.ts';
import type { LearnedModel } from '../calibrate/calibrate_model.ts';
import { learnAllModels } from '../learners/learned_models.fixture.ts';
import { trainFromWarmStart, train, type TrainOptions, type TrainResult } from './pipeline.ts';
import { chooseThresholds } from '../strategies/pair_reversion/thresholds/choose_thresholds.ts';

const { windows, decision, label } = loadSettings({ env: {} }).minutehand;
const SHORT = { rounds: 10, learning_rate: 0.1, leaves: 7, min_data_in_leaf: 100 };
const PAIR = 'EURUSD_GBPUSD';
/** AI1 learns next to nothing by these, although the spread reverts in active hours: a search finds better ones. */
const POOR = { rounds: 10, learning_rate: 0.01, leaves: 4, min_data_in_leaf: 600 };
const SEED = 2;
const settings = tinySettings({
  minutehand: {
    pairs: [PAIR],
    windows,
    decision,
    label,
    train: { ai1: POOR, ai2: SHORT, ai3: SHORT, folds: 7, max_rows: 10_000, warm_start_min_days: 0.5 },
    search: { label: true, theta_evaluations: 12, min_trades: 5 },
  },
});
/** Of seven days a week, without its closed hours. */
const MINUTES = { full: 4 * 7200, evaluated: 7200 };
const WEEKS = 6;
/** Standard deviation of the planted spread: entering every candidate pays. */
const AMPLITUDE = 8e-4;

let folder: string;
let bars: Map<string, BarColumns>;
let options: TrainOptions;
let result: TrainResult;
/** The same models, trained with the parameters in the manifest. */
let learned: Record<ModelName, LearnedModel>;
let dataset: Dataset;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-searched-'));
  bars = worldBars({ pair: parsePair(PAIR), seed: 'search', weeks: WEEKS, amplitude: AMPLITUDE });
  const end = bars.get('EURUSD')!.time[MINUTES.full]! as OpenTime;
  options = {
    settings,
    bars: new Map([...bars].map(([symbol, own]) => [symbol, clipBars(own, undefined, end)])),
    market: 'simulated',
    seed: SEED,
    gitCommit: null,
    out: folder,
    counts: folder,
    created: new Date('2024-01-08T12:00:00Z'),
    workers: 0,
    cache: null,
    trials: 6,
    searchFolder: null,
    holdoutFrom: null,
    onProgress: () => undefined,
  };
  result = await train(options);

  const { engine, label_policy: policy } = result.manifest;
  const trees = Object.fromEntries(
    MODEL_NAMES.map((name) => [
      name,
      Object.fromEntries(
        Object.keys(settings.minutehand.train[name]).map((key) => [key, engine.parameters[`${name}_${key}`]!]),
      ),
    ]),
  );
  const barriers = {
    z_entry: policy['ai1_z_entry']!,
    z_exit: policy['ai1_z_exit']!,
    stop: policy['ai1_stop']!,
    horizon: policy['ai1_horizon']!,
  };
  const { train: rows } = result.dataset;
  dataset = { ...result.dataset, train: { ...rows, ai1: relabeled(result.dataset, barriers, 10_000) } };
  const own = tinySettings({
    minutehand: { ...settings.minutehand, train: { ...settings.minutehand.train, ...trees } },
  });
  learned = await learnAllModels({ dataset, settings: own, seed: SEED });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a training that searches', () => {
  it('reads no bar of the holdout for anything that it learns or chooses: with others there, all of it is the same', async () => {
    const { holdoutFrom } = result.dataset;
    const shaken = (own: BarColumns): BarColumns => {
      const move = (column: Float64Array): Float64Array =>
        column.map((price, i) => (own.time[i]! >= holdoutFrom ? price * (1 + 0.004 * Math.sin(i / 7)) : price));
      const open = move(own.open);
      const close = move(own.close);
      const high = move(own.high).map((price, i) => Math.max(price, open[i]!, close[i]!));
      const low = move(own.low).map((price, i) => Math.min(price, open[i]!, close[i]!));
      return { ...own, open, high, low, close };
    };
    const moved = new Map([...options.bars].map(([symbol, own]) => [symbol, symbol === 'EURUSD' ? shaken(own) : own]));
    const out = mkdtempSync(join(folder, 'moved-'));
    const again = await train({ ...options, bars: moved, out, counts: out });
    expect(again.dataset.holdoutFrom).toBe(holdoutFrom);
    for (const name of MODEL_NAMES)
      expect(readBundle(again.path).models[name].equals(readBundle(result.path).models[name]), name).toBe(true);
    const chosen = ({
      manifest: { theta1, theta2, risk_quantiles, search, engine, label_policy, expectation },
    }: TrainResult) => {
      return { theta1, theta2, risk_quantiles, search, engine, label_policy, expectation };
    };
    expect(chosen(again)).toEqual(chosen(result));
    expect(again.manifest.edge).not.toEqual(result.manifest.edge);
  });

  it('adopts parameters that are better beyond chance, and has found other thresholds', () => {
    const { search, engine, theta1, theta2 } = result.manifest;
    const { gain, gain_standard_error, gain_required_errors, forward_gain, adopted, best_parameters } = search!.ai1 as {
      readonly gain: number;
      readonly gain_standard_error: number;
      readonly gain_required_errors: number;
      readonly forward_gain: number;
      readonly adopted: boolean;
      readonly best_parameters: Readonly<Record<string, number>>;
    };
    expect(gain).toBeGreaterThan(gain_required_errors * gain_standard_error);
    expect(forward_gain).toBeGreaterThan(0);
    expect(adopted).toBe(true);
    expect(engine.parameters['ai1_leaves']).toBe(best_parameters['trees.leaves']);
    expect(engine.parameters['ai1_leaves']).not.toBe(POOR.leaves);
    expect(engine.parameters['ai1_learning_rate']).toBe(best_parameters['trees.learning_rate']);
    // AI2's parameters were not bad: no trial of it is better beyond chance.
    expect(search!.ai2).toMatchObject({ adopted: false });
    expect(engine.parameters['ai2_leaves']).toBe(SHORT.leaves);
    expect(search!.thresholds).toMatchObject({ chosen: true });
    expect([theta1, theta2]).not.toEqual([settings.core.theta1_initial, settings.core.theta2_initial]);
  });

  it('states the parameters and the label of its models: they reproduce the same bytes', () => {
    for (const name of MODEL_NAMES) {
      const metadata = { model: name, feature_schema: featureSchema(windows).hash, market: 'simulated' };
      const bytes = learned[name].model.toOnnx({ metadata, trained: dataset.train[name].x });
      expect(readFileSync(join(result.path, MODEL_FILES[name])).equals(bytes), name).toBe(true);
    }
  });

  it('ships the thresholds that its out-of-fold backtests have chosen', () => {
    const { risk_quantiles: riskQuantiles, theta1, theta2, search, expectation = null } = result.manifest;
    const calibrated = { riskQuantiles, expectation };
    const { own, total } = result.manifest.trials!;
    const { tried } = search!.thresholds!;
    // The configuration itself, the trials of the parameters, and those of the thresholds.
    expect(own).toBe(1 + search!.ai1!.trials + search!.ai2!.trials + search!.ai3!.trials + tried);
    const { thresholds, report } = chooseThresholds(
      dataset,
      learned,
      calibrated,
      settings,
      () => undefined,
      total - tried,
    );
    expect({ theta1, theta2 }).toEqual(thresholds);
    expect(search!.thresholds).toEqual(report);
    const alone = chooseThresholds(dataset, learned, calibrated, settings, () => undefined).report;
    expect(report.expected_max_sharpe).toBeGreaterThan(alone.expected_max_sharpe!);
  });

  it('checks edge and pass rate on the holdout with the published thresholds', () => {
    const { manifest, gates } = result;
    const { risk_quantiles: riskQuantiles, theta1, theta2, expectation = null } = manifest;
    const { core } = settings;
    const edgeBy = (thresholds: { theta1: number; theta2: number }) =>
      proveEdge(
        dataset,
        { ai1: learned.ai1.model, ai2: learned.ai2.model, riskQuantiles, thresholds, expectation },
        settings,
        () => 1,
        () => undefined,
      ).edge;
    expect(manifest.edge).toEqual(edgeBy({ theta1, theta2 }));
    expect(manifest.edge).not.toEqual(edgeBy({ theta1: core.theta1_initial, theta2: core.theta2_initial }));

    const shareOf = (rows: Dataset['evaluation']['holdout']): string => {
      const ranks = learned.ai2.model.answers(rows.x).map((risk) => riskRank(riskQuantiles, risk));
      const share = ranks.filter((rank) => rank < theta2).length / ranks.length;
      return `${(share * 100).toFixed(1)} % of ${ranks.length} candidates`;
    };
    expect(gates.map(writtenGate)).toContainEqual(
      expect.objectContaining({ name: 'risk pass rate', seen: shareOf(dataset.evaluation.holdout) }),
    );
    expect(shareOf(dataset.evaluation.train)).not.toBe(shareOf(dataset.evaluation.holdout));
  });

  it('is compared with a champion by net results', async () => {
    activate(folder, result.version);
    const sharpeWith = async (commission_bps: number): Promise<number> => {
      const symbols = Object.entries(settings.minutehand.symbols).map(([symbol, costs]) => [
        symbol,
        { ...costs, commission_bps },
      ]);
      const own = { ...settings, minutehand: { ...settings.minutehand, symbols: Object.fromEntries(symbols) } };
      const context = { settings: own as typeof settings, bars: options.bars, modelsFolder: folder, workers: 0 };
      const gates = await adoptionGates(result, { ...context, onProgress: () => undefined });
      const { passed, seen } = writtenGate(gates.find((gate) => keyOf(gate) === 'champion_net_sharpe')!);
      const [, young, trades, old] = /^(\S+) of (\d+) trades against (\S+) of \2 of/.exec(seen)!;
      expect({ passed, young }).toEqual({ passed: true, young: old });
      expect(Number(trades)).toBeGreaterThan(0);
      return Number(young);
    };
    expect(await sharpeWith(50)).toBeLessThan(await sharpeWith(0));
  });

  it('is warm-started with its own parameters and label, not with the configured ones', async () => {
    const base = readBundle(result.path);
    const last = bars.get('EURUSD')!.time.at(-1)!;
    const holdoutFrom = (last - MINUTES.evaluated * 60) as OpenTime;
    const warmStart = (await trainFromWarmStart(base, { ...options, bars, trials: 0, holdoutFrom }))!;
    const { engine, label_policy, theta1, theta2, risk_quantiles } = base.manifest;
    expect(warmStart.manifest).toMatchObject({ engine, label_policy, theta1, theta2, risk_quantiles });
    // No row that is learned reaches, with its label and the embargo, into the holdout of either.
    const embargo = label.horizon_bars * 60;
    for (const name of MODEL_NAMES) {
      const { time, labelEnd } = warmStart.dataset.train[name];
      expect(Math.min(...time)).toBeGreaterThanOrEqual(result.dataset.holdoutFrom);
      expect(Math.max(...labelEnd) + embargo).toBeLessThan(holdoutFrom);
    }
  }, 60_000);
});
