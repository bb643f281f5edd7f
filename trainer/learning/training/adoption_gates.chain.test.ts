import { writtenGate, type WrittenGate } from '../../../test/written_gate.ts';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { activate } from '../../../test/activate.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import type { ModelSet } from '../../../shared/bundle/model_set.ts';
import { tinyBars, TINY_MINUTES, tinySettings } from '../../../test/tiny_models.ts';
import { trainTinyModels } from '../../../test/trained_models.ts';
import type { TrainResult } from './pipeline.ts';
import { adoptionGates } from './adoption_gates.ts';

/** Every loaded model set, wrapped around real ones. */
const { sets } = vi.hoisted(() => ({ sets: [] as ModelSet[] }));
vi.mock('../../../shared/bundle/model_set.ts', async (importOriginal) => {
  const real = await importOriginal<typeof import('../../../shared/bundle/model_set.ts')>();
  return {
    ...real,
    loadModelSet: async (...args: Parameters<typeof real.loadModelSet>) => {
      const set = await real.loadModelSet(...args);
      sets.push(set);
      return set;
    },
  };
});
const isReleased = (set: ModelSet): boolean => {
  try {
    void set.infer(new Float32Array(), 0);
    return false;
  } catch (error) {
    return /were released/.test(String(error));
  }
};

const settings = tinySettings();
let folder: string;
let bars: Map<string, BarColumns>;
let champion: { version: string; result: TrainResult };
/** Trained like the champion. */
let twin: { path: string; result: TrainResult };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-gate-'));
  bars = tinyBars(settings);
  champion = await trainTinyModels(folder, { settings, bars });
  twin = await trainTinyModels(folder, { settings, bars });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Results of the comparison with the active models. */
async function compared(challenger: TrainResult, own = bars, stages?: Set<string>): Promise<WrittenGate[]> {
  const onProgress = (stage: string): void => void stages?.add(stage);
  const context = { settings, bars: own, modelsFolder: folder, workers: 0, onProgress };
  sets.length = 0;
  const gates = await adoptionGates(challenger, context);
  expect(sets.length).toBeGreaterThan(0);
  expect(sets.map(isReleased)).not.toContain(false);
  expect(gates.slice(0, challenger.gates.length)).toEqual(challenger.gates);
  const [golden, ...rest] = gates.slice(challenger.gates.length).map(writtenGate);
  expect(golden).toEqual({
    name: 'golden vectors',
    passed: true,
    seen: `${challenger.manifest.golden.features.length} rows in each of three models`,
    limit: 'onnxruntime answers within 1e-5 of the learner',
  });
  return rest;
}

describe('check', () => {
  it('compares nothing before there is a champion', async () => {
    expect(await compared(champion.result)).toEqual([
      { name: 'champion', passed: true, seen: 'there is none', limit: 'none to compare with' },
    ]);
  });

  it('compares equal models on the bars of the holdout, with equal results', async () => {
    activate(folder, champion.version);
    const { result } = twin;
    const stages = new Set<string>();
    const [rank, score, sharpe] = await compared(result, bars, stages);
    expect([...stages]).toEqual(['champion and challenger']);
    const figure = result.manifest.metrics.ai1.holdout.auc!.toFixed(4);
    const since = result.manifest.period.holdout_from;
    expect(rank).toMatchObject({
      name: 'champion auc',
      passed: true,
      seen: `${figure} against ${figure} of ${champion.version} since ${since}`,
    });
    // One day: no ratio of Sharpe, however many trades.
    const brier = result.manifest.metrics.ai1.holdout.brier!.toFixed(4);
    expect(score).toMatchObject({ name: 'champion brier', passed: true });
    expect(score!.seen).toMatch(new RegExp(`^${brier} against ${brier} of `));
    expect(sharpe).toMatchObject({ name: 'champion net sharpe', passed: true });
    const [, young, old] = /^no ratio of (\d+) trades against none of (\d+) of/.exec(sharpe!.seen)!;
    expect(young).toBe(old);
    expect(Number(young)).toBeGreaterThan(0);
  });

  it('adopts equal models with the delivered limits', async () => {
    activate(folder, champion.version);
    const { retrain } = loadSettings({ env: {} });
    const context = { settings: { ...settings, retrain }, bars, modelsFolder: folder, workers: 0 };
    const gates = await adoptionGates(twin.result, { ...context, onProgress: () => undefined });
    const own = gates.map(writtenGate).filter(({ name }) => name.startsWith('champion'));
    expect(own.map(({ passed }) => passed)).toEqual([true, true, true]);
  });

  it('adopts equal models by AUC and Brier score where neither trades, however strict the policy is', async () => {
    activate(folder, champion.version);
    const core = { ...settings.core, min_expected_net_bps: 1e6 };
    const retrain = { ...settings.retrain, adopt_min_sharpe_gain: 0.05, adopt_max_auc_loss: 0.005 };
    const context = { settings: { ...settings, core, retrain }, bars, modelsFolder: folder, workers: 0 };
    const gates = await adoptionGates(twin.result, { ...context, onProgress: () => undefined });
    const own = gates.map(writtenGate).filter(({ name }) => name.startsWith('champion'));
    expect(own.map(({ name, passed }) => `${name} ${passed}`)).toEqual([
      'champion auc true',
      'champion brier true',
      'champion net sharpe true',
    ]);
    expect(own.at(-1)!.seen).toMatch(/^no ratio of 0 trades against none of 0 of \d+_\d+ since /);
  });

  it('rejects models with less skill than the champion on the same bars', async () => {
    activate(folder, champion.version);
    // One stump, far from the label, in a market with a strong signal.
    const { train } = settings.minutehand;
    const stump = { ...train.ai1, rounds: 1, leaves: 2, column_fraction: 0.03 };
    const weak = tinySettings({ minutehand: { train: { ai1: stump } } });
    const { result } = await trainTinyModels(folder, { settings: weak, bars });
    expect((await compared(result))[0]).toMatchObject({ name: 'champion auc', passed: false });
  });

  it('does not compare on bars that either side was trained on', async () => {
    activate(folder, champion.version);
    const early = tinyBars(settings, Math.round(TINY_MINUTES * 0.7));
    const { version, result } = await trainTinyModels(folder, { settings, bars: early });
    expect(await compared(result, early)).toEqual([
      expect.objectContaining({
        name: 'champion',
        passed: false,
        seen: expect.stringMatching(/^\d+ entry candidates/),
      }),
    ]);
    // As after a retraining: the challenger was trained on the holdout of the older champion.
    activate(folder, version);
    const since = twin.result.manifest.period.holdout_from;
    expect(since > result.manifest.period.holdout_from).toBe(true);
    const auc = twin.result.manifest.metrics.ai1.holdout.auc!.toFixed(4);
    expect((await compared(twin.result))[0]!.seen).toMatch(
      new RegExp(`^${auc} against 0\\.\\d{4} of ${version} since ${since}$`),
    );
  });

  it('does not compare a live bundle with models of a simulated market, nor any bundle with damaged models', async () => {
    activate(folder, champion.version);
    const result: TrainResult = { ...twin.result, manifest: { ...twin.result.manifest, market: 'live' } };
    expect(await compared(result)).toEqual([
      expect.objectContaining({ passed: true, seen: `${champion.version} was trained on a simulated market` }),
    ]);
    rmSync(join(folder, champion.version, 'ai1.onnx'));
    expect(await compared(result)).toEqual([expect.objectContaining({ name: 'champion', passed: true })]);
  });
});

describe('golden vectors', () => {
  it('veto a bundle whose files differ from the trained models', async () => {
    const path = join(folder, 'damaged', basename(twin.path));
    cpSync(twin.path, path, { recursive: true });
    const manifest = join(path, 'manifest.json');
    const golden = /"ai1": \[\s*([\d.e-]+)/;
    const text = readFileSync(manifest, 'utf8');
    const at = text.indexOf('"golden"');
    writeFileSync(manifest, text.slice(0, at) + text.slice(at).replace(golden, '"ai1": [0.999'));
    const context = { settings, bars, modelsFolder: folder, workers: 0, onProgress: () => undefined };
    expect((await adoptionGates({ ...twin.result, path }, context)).at(-1)).toMatchObject({
      code: 'golden_vectors',
      passed: false,
      evidence: { error_code: 'MODEL_GOLDEN' },
    });
  });
});
