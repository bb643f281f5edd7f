import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { activate } from '../../shared/bundle/bundle.ts';
import { tinyBars, TINY_MINUTES, tinySettings, trainTinyModels } from '../../test/tiny_models.ts';
import type { TrainResult } from '../pipeline.ts';
import { judge, judgeComparison, judgePassRate, judgeSkill, type Compared, type GateResult } from './gate.ts';

const settings = tinySettings();
let folder: string;
let bars: Map<string, BarColumns>;
let champion: { version: string; result: TrainResult };
/** Learned as the champion was. */
let twin: { path: string; result: TrainResult };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-gate-'));
  bars = tinyBars(settings);
  champion = await trainTinyModels(folder, { settings, bars });
  twin = await trainTinyModels(folder, { settings, bars });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the comparison with the models in force says. */
async function compared(challenger: TrainResult, own = bars): Promise<GateResult[]> {
  const context = { settings, bars: own, modelsFolder: folder, workers: 0, onProgress: () => undefined };
  const gates = await judge(challenger, context);
  expect(gates.slice(0, challenger.gates.length)).toEqual(challenger.gates);
  const [golden, ...rest] = gates.slice(challenger.gates.length);
  expect(golden).toMatchObject({ name: 'golden vectors', passed: true });
  return rest;
}

describe('judge', () => {
  it('has nothing to compare with before there is a champion', async () => {
    expect(await compared(champion.result)).toEqual([
      { name: 'champion', passed: true, seen: 'there is none', limit: 'none to compare with' },
    ]);
  });

  it('finds models as good as themselves, on the bars of the holdout', async () => {
    activate(folder, champion.version);
    const { result } = twin;
    const [rank, sharpe] = await compared(result);
    const figure = result.manifest.metrics.ai1.holdout.auc!.toFixed(4);
    const since = result.manifest.period.holdout_from;
    expect(rank).toMatchObject({
      name: 'champion auc',
      passed: true,
      seen: `${figure} against ${figure} of ${champion.version} since ${since}`,
    });
    expect(sharpe).toMatchObject({ name: 'champion net sharpe', passed: true });
    const [, young, trades, old] = /^(\S+) of (\d+) trades against (\S+) of \2 of/.exec(sharpe!.seen)!;
    expect(young).toBe(old);
    expect(Number(trades)).toBeGreaterThan(0);
  });

  it('keeps out models that know less than the champion about the same bars', async () => {
    activate(folder, champion.version);
    // One stump, far from the answer, on a market that a real model knows well.
    const { train } = settings.minutehand;
    const stump = { ...train.ai1, rounds: 1, leaves: 2, column_fraction: 0.03 };
    const weak = tinySettings({ minutehand: { train: { ai1: stump } } });
    const { result } = await trainTinyModels(folder, { settings: weak, bars });
    expect((await compared(result))[0]).toMatchObject({ name: 'champion auc', passed: false });
  });

  it('does not compare on bars that either has learned from', async () => {
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
    // As after a retraining: the challenger has learned from the holdout of the older champion.
    activate(folder, version);
    const since = twin.result.manifest.period.holdout_from;
    expect(since > result.manifest.period.holdout_from).toBe(true);
    const auc = twin.result.manifest.metrics.ai1.holdout.auc!.toFixed(4);
    expect((await compared(twin.result))[0]!.seen).toMatch(
      new RegExp(`^${auc} against 0\\.\\d{4} of ${version} since ${since}$`),
    );
  });

  it('does not hold a live bundle against models of a simulated market, nor any against damaged ones', async () => {
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
  it('keep out a bundle whose files are no longer what was learned', async () => {
    const path = join(folder, 'damaged', basename(twin.path));
    cpSync(twin.path, path, { recursive: true });
    const manifest = join(path, 'manifest.json');
    const golden = /"ai1": \[\s*([\d.e-]+)/;
    const text = readFileSync(manifest, 'utf8');
    const at = text.indexOf('"golden"');
    writeFileSync(manifest, text.slice(0, at) + text.slice(at).replace(golden, '"ai1": [0.999'));
    const context = { settings, bars, modelsFolder: folder, workers: 0, onProgress: () => undefined };
    expect((await judge({ ...twin.result, path }, context)).at(-1)).toMatchObject({
      name: 'golden vectors',
      passed: false,
    });
  });
});

describe('judgeComparison', () => {
  const side = (auc: number | null, net_sharpe: number | null): Compared => ({
    version: 'one',
    models: { ai1: { auc } },
    gate_off: { total: { net_sharpe, trades: 50 } },
  });
  it.each([
    [side(0.6, 1), side(0.581, 0.91), [true, true]],
    [side(0.6, 1), side(0.579, 0.89), [false, false]],
    // A tenth of a loss is a tenth more loss.
    [side(0.6, -2), side(0.6, -2.19), [true, true]],
    [side(0.6, -2), side(0.6, -2.21), [true, false]],
    // Not trading is better than losing, and worse than earning.
    [side(0.6, -2), side(0.6, null), [true, true]],
    [side(0.6, 2), side(0.6, null), [true, false]],
    [side(0.6, null), side(0.6, -0.01), [true, false]],
    [side(null, null), side(0.5, null), [true, true]],
    [side(0.6, null), side(null, null), [false, true]],
  ])('of %j and %j', (champion, challenger, passed) => {
    expect(judgeComparison(champion, challenger).map((gate) => gate.passed)).toEqual(passed);
  });
});

describe('judgePassRate', () => {
  it('wants the share of candidates below θ2 in its range, both ends included', () => {
    const risks = Float64Array.from({ length: 100 }, (_, i) => i / 100);
    const passed = (theta2: number): boolean => judgePassRate(risks, theta2, [0.05, 0.4]).passed;
    expect([0.04, 0.05, 0.3, 0.4, 0.41].map(passed)).toEqual([false, true, true, true, false]);
    expect(judgePassRate(risks, 0.3, [0.05, 0.4])).toMatchObject({
      name: 'risk pass rate',
      seen: '30.0 % of 100 candidates',
    });
    expect(judgePassRate(new Float64Array(), 0.3, [0.05, 0.4]).passed).toBe(false);
  });
});

describe('judgeSkill', () => {
  it('refuses a coin, and probabilities no better than their mean', () => {
    const metrics = { rows: 10, label_mean: 0.4, auc: 0.6, brier: 0.23, brier_of_mean: 0.24, log_loss: 0.6, ece: 0 };
    const passed = (changes: object): boolean[] => judgeSkill({ ...metrics, ...changes }).map((gate) => gate.passed);
    expect(passed({})).toEqual([true, true]);
    expect(passed({ auc: 0.519 })).toEqual([false, true]);
    expect(passed({ auc: null })).toEqual([false, true]);
    expect(passed({ brier: 0.24 })).toEqual([true, false]);
    expect(passed({ brier: null })).toEqual([true, false]);
  });
});
