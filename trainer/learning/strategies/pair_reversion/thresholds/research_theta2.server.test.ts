import { keyOf } from '../../../../../shared/bundle/gates/gate_result.ts';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activate } from '../../../../../test/activate.ts';
import { isoMinute, type OpenTime } from '../../../../../shared/bar.ts';
import { clipBars, type BarColumns } from '../../../../../shared/bar_file/bar_file.ts';
import { readBundle, type Bundle } from '../../../../../shared/bundle/bundle.ts';
import { featureSchema } from '../../../../../shared/bundle/feature_schema.ts';
import { recordedGates } from '../../../../../shared/bundle/recorded_gates.ts';
import { loadModelSet, type ModelSet } from '../../../../../shared/bundle/model_set.ts';
import { parsePair } from '../../../../../shared/pair.ts';
import { tradingCosts } from '../../../../../shared/policy/costs.ts';
import { decisionPolicy } from '../../../../../shared/policy/policy.ts';
import { TINY_MINUTES, tinyBars, tinySettings } from '../../../../../test/tiny_models.ts';
import { trainTinyModels } from '../../../../../test/trained_models.ts';
import { lookLevel, pairEdges } from '../../../backtest/edge.ts';
import { backtestPeriod, ROWS_PER_SCORE } from '../backtest/period.ts';
import { datasetPolicy } from '../dataset/dataset_policy.ts';
import { adoptionGates } from '../../../training/adoption_gates.ts';
import type { TrainOptions } from '../../../options/train_options.ts';
import { looksPath } from '../../../backtest/holdout_looks.ts';
import { researchTheta2, type Theta2Result } from './research_theta2.ts';

const settings = tinySettings({
  core: {
    theta_search_range: { theta1: [0.2, 0.9], theta2: [0.2, 0.8] },
    theta1_initial: 0.3,
    theta2_initial: 0.25,
    theta_step: 0.2,
  },
  minutehand: { search: { min_trades: 5 } },
  retrain: { pass_rate_range: [0.1, 0.9] },
});
const bars = tinyBars(settings, TINY_MINUTES + 900);
const pairs = settings.minutehand.pairs.map(parsePair);

let folder: string;
let base: Bundle;
let result: Theta2Result;
let set: ModelSet;
const optionsOf = (changes: Partial<TrainOptions> = {}): TrainOptions => ({
  settings,
  bars,
  market: 'simulated',
  seed: 7,
  gitCommit: null,
  out: folder,
  counts: folder,
  created: new Date('2024-02-01T00:00:00Z'),
  workers: 0,
  cache: null,
  trials: 0,
  searchFolder: null,
  holdoutFrom: null,
  onProgress: () => undefined,
  ...changes,
});
const backtestOf = async (theta2: number, from: number, to: number, given = bars) => {
  const { bundles } = await backtestPeriod({
    pairs,
    sets: [set],
    thresholds: { theta2 },
    from: from as OpenTime,
    policy: decisionPolicy(settings),
    bars: new Map([...given].map(([symbol, own]) => [symbol, clipBars(own, undefined, to as OpenTime)])),
    labels: datasetPolicy(settings),
    costs: tradingCosts(settings),
    workers: 0,
    onProgress: () => undefined,
  });
  return bundles[0]!.all_pairs;
};
const seconds = (text: string): number => Date.parse(text) / 1000;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-theta2-'));
  const { version } = await trainTinyModels(folder, { settings });
  activate(folder, version);
  base = readBundle(join(folder, version));
  set = await loadModelSet(base.folder, featureSchema(settings.minutehand.windows), ROWS_PER_SCORE);
  result = (await researchTheta2(base, optionsOf()))!;
}, 120_000);
afterAll(async () => {
  await set.release();
  rmSync(folder, { recursive: true, force: true });
});

describe('a search of θ2 alone', () => {
  it('selects the allowed value with the best net Sharpe ratio on the bars after the bundle’s', async () => {
    const from = seconds(base.manifest.period.to) + 120;
    const ratios: [number, number][] = [];
    for (let theta2 = 20; theta2 <= 80; theta2 += 20) {
      const { total } = await backtestOf(theta2 / 100, from, Infinity);
      if (total.net_sharpe !== null && total.trades >= 5) ratios.push([theta2 / 100, total.net_sharpe]);
    }
    const best = ratios.reduce((one, other) => (other[1] > one[1] ? other : one));
    expect(ratios.length).toBeGreaterThan(1);
    expect(result.manifest.theta2).toBe(best[0]);
    expect(result.manifest.search!.thresholds).toMatchObject({ tried: 4, chosen: true, net_sharpe: best[1] });
  });

  it('keeps models, θ1, ranks and training, and measures the edge again on the holdout of the bundle', async () => {
    const next = readBundle(result.path);
    expect(next.models).toEqual(base.models);
    const { theta2, search, edge, holdout_look, trials, gates, backtest, executability, ...rest } = next.manifest;
    const { version: _v, created: _c, files: _f, ...kept } = rest;
    expect(base.manifest).toMatchObject({ ...kept });
    expect(theta2).not.toBe(base.manifest.theta2);
    expect(search!.thresholds!.tried).toBe(4);
    // Those of the training count on.
    expect([base.manifest.trials, trials]).toEqual([
      { own: 1, total: 1 },
      { own: 4, total: 5 },
    ]);
    const measuredAgain = [
      'risk_pass_rate',
      'executable_outside_wide_minutes',
      'executable_one_minute_later',
      'ai1.skill',
    ];
    // The models stay, and with them what their training has proven: no gate is without a verdict.
    const carried = base.manifest.gates!.filter((gate) => !measuredAgain.includes(keyOf(gate)));
    expect(gates!.slice(0, carried.length)).toEqual(carried);
    expect(gates!.slice(carried.length).map(keyOf)).toEqual(measuredAgain);
    expect(recordedGates(next.manifest).missing).toEqual(recordedGates(base.manifest).missing);
    const { holdout_from, to } = base.manifest.period;
    const { trades } = await backtestOf(theta2, seconds(holdout_from), seconds(to) + 60);
    const tradesOf = Object.fromEntries(pairs.map(({ id }) => [id, trades.filter(({ pairId }) => pairId === id)]));
    const edges = pairEdges(tradesOf, lookLevel(2));
    for (const { id } of pairs) expect(edge[id]).toMatchObject(edges[id]!);
    expect(base.manifest.holdout_look!.look).toBe(1);
    expect(holdout_look).toEqual({ look: 2, level: lookLevel(2) });
    expect(backtest).not.toEqual(base.manifest.backtest);
    expect(executability).not.toEqual(base.manifest.executability);
  });

  it('reports edge, metrics and executability of the holdout as a training with the same θ2', async () => {
    const { theta1, theta2, edge, backtest, executability } = result.manifest;
    const core = { ...settings.core, theta1_initial: theta1, theta2_initial: theta2 };
    const { search, ...minutehand } = settings.minutehand;
    const asked = { ...settings, core, minutehand: { ...minutehand, search: { ...search, theta_evaluations: 0 } } };
    const out = join(folder, 'trained');
    const { manifest } = (await trainTinyModels(out, { settings: asked })).result;
    expect(manifest.theta2).toBe(theta2);
    const figuresOf = (edges: typeof edge) =>
      Object.values(edges).map(({ bound_level: _l, lower_5_net_bps: _b, no_edge: _n, ...kept }) => kept);
    expect(figuresOf(edge)).toEqual(figuresOf(manifest.edge));
    expect(executability).toEqual(manifest.executability);
    const { net_sharpe, max_drawdown, ...counts } = backtest!;
    expect(counts).toEqual({
      trades: manifest.backtest!.trades,
      win_rate: manifest.backtest!.win_rate,
      mean_net_bps: manifest.backtest!.mean_net_bps,
    });
    expect(net_sharpe).toBeCloseTo(manifest.backtest!.net_sharpe!, 9);
    expect(max_drawdown).toBeCloseTo(manifest.backtest!.max_drawdown, 9);
    rmSync(out, { recursive: true });
  });

  it('does not use the holdout: other bars there change no choice', async () => {
    const { holdout_from, to } = base.manifest.period;
    const from = seconds(holdout_from);
    const end = seconds(to) - 8 * 3600;
    const shaken = new Map([...bars].map(([symbol, own]) => [symbol, shake(own, from, end)]));
    const other = (await researchTheta2(base, optionsOf({ bars: shaken })))!;
    expect(other.manifest.theta2).toBe(result.manifest.theta2);
    expect(other.manifest.search).toEqual(result.manifest.search);
    expect(other.manifest.edge).not.toEqual(result.manifest.edge);
  });

  it('counts each search with other trades as one more evaluation of the holdout, adopted or not, and the same trades once', async () => {
    const again = (await researchTheta2(base, optionsOf({ created: new Date('2024-02-02T00:00:00Z') })))!;
    expect(again.manifest.holdout_look).toEqual(result.manifest.holdout_look);
    expect(again.manifest.edge).toEqual(result.manifest.edge);
    const { holdout_from, to } = base.manifest.period;
    const shaken = new Map([...bars].map(([symbol, own]) => [symbol, shake(own, seconds(holdout_from), seconds(to))]));
    const before = JSON.parse(readFileSync(looksPath(folder), 'utf8')) as Record<string, unknown[]>;
    const other = (await researchTheta2(base, optionsOf({ bars: shaken, created: new Date('2024-02-03T00:00:00Z') })))!;
    const after = JSON.parse(readFileSync(looksPath(folder), 'utf8')) as Record<string, unknown[]>;
    const [key] = Object.keys(after) as [string];
    expect(after[key]!.length).toBe(before[key]!.length + 1);
    expect(other.manifest.holdout_look!.look).toBe(after[key]!.length);
    expect(other.manifest.holdout_look!.level).toBeLessThan(result.manifest.holdout_look!.level);
    for (const { path } of [again, other]) rmSync(path, { recursive: true });
  });

  it('is compared with the active models on the holdout before it is adopted', async () => {
    const context = { settings, bars: result.bars, modelsFolder: folder, workers: 0, onProgress: () => undefined };
    const gates = await adoptionGates(result, context);
    expect(gates.map(keyOf)).toEqual(
      expect.arrayContaining(['risk_pass_rate', 'golden_vectors', 'champion_net_sharpe']),
    );
    const last = Math.max(...[...result.bars.values()].map(({ time }) => time.at(-1)!));
    expect(isoMinute(last)).toBe(base.manifest.period.to);
  });

  it('is null where no value is allowed or the best is already active, and needs bars after the bundle’s', async () => {
    const before = readdirSync(folder).length;
    const strict = tinySettings({ minutehand: { search: { min_trades: 100_000 } } });
    expect(
      await researchTheta2(base, optionsOf({ settings: { ...settings, minutehand: strict.minutehand } })),
    ).toBeNull();
    expect(await researchTheta2(readBundle(result.path), optionsOf())).toBeNull();
    const known = new Map(
      [...bars].map(([symbol, own]) => [
        symbol,
        clipBars(own, undefined, seconds(base.manifest.period.to) as OpenTime),
      ]),
    );
    await expect(researchTheta2(base, optionsOf({ bars: known }))).rejects.toMatchObject({ code: 'DATA_TOO_SHORT' });
    expect(readdirSync(folder)).toHaveLength(before);
    expect(existsSync(join(result.path, 'CARD.md'))).toBe(true);
    expect(readFileSync(join(result.path, 'CARD.md'), 'utf8')).toContain(String(result.manifest.theta2));
  });
});

/** The same bars with other prices from `from` to `end`. */
function shake(columns: BarColumns, from: number, end: number): BarColumns {
  const factor = Float64Array.from(columns.time, (time, i) =>
    time >= from && time < end ? 1 + 2e-4 * Math.sin(i) : 1,
  );
  const moved = (column: Float64Array): Float64Array => column.map((value, i) => value * factor[i]!);
  const { open, high, low, close } = columns;
  return { ...columns, open: moved(open), high: moved(high), low: moved(low), close: moved(close) };
}
