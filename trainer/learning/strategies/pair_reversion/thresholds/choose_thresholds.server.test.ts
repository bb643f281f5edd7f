import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { wholeHistory } from '../../../history/kept_history.ts';
import type { OpenTime } from '../../../../../shared/bar.ts';
import { riskQuantiles, riskRank } from '../../../../../shared/strategies/pair_reversion/risk_rank.ts';
import type { ModelName } from '../../../../../shared/core/features/feature.ts';
import { pairCosts, tradingCosts } from '../../../../../shared/policy/costs.ts';
import { decisionPolicy } from '../../../../../shared/policy/policy.ts';
import { tinyBars, tinySettings, type SettingsOverrides } from '../../../../../test/tiny_models.ts';
import { trainTinyModels } from '../../../../../test/trained_models.ts';
import { backtest } from '../../../trades/backtest.ts';
import { sharpe } from '../../../backtest/performance.ts';
import { rollovers, tradingDayAt } from '../../../../../shared/core/cost/rollover.ts';
import type { Dataset } from '../dataset/dataset.ts';
import type { PairHistory } from '../../../history/pair_history.ts';
import type { LearnedModel } from '../../../calibrate/calibrate_model.ts';
import { learnAllModels } from '../../../learners/learned_models.fixture.ts';
import { fittedTrees, treesOf } from '../../../learners/trees/fitted_trees.ts';
import { outOfFold } from '../../../learners/cross_validation.ts';
import { chooseThresholds, type ChosenThresholds } from './choose_thresholds.ts';

const settings = tinySettings();
let dataset: Dataset;
let learned: Record<ModelName, LearnedModel>;
let quantiles: readonly number[];

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-thresholds-'));
  const { result } = await trainTinyModels(folder, { settings, bars: tinyBars(settings, 3600) });
  rmSync(folder, { recursive: true, force: true });
  dataset = result.dataset;
  learned = await learnAllModels({ dataset, settings, seed: 7 });
  quantiles = riskQuantiles(outOfFold(learned.ai2.folds, dataset.train.ai1), 200);
});

function choose(overrides: SettingsOverrides = {}, models: typeof learned = learned): ChosenThresholds {
  const own = tinySettings({
    retrain: { pass_rate_range: [0.05, 0.9] },
    ...overrides,
    minutehand: { search: { min_trades: 5, theta_evaluations: 20, ...overrides.minutehand?.search } },
  });
  return chooseThresholds(dataset, models, { riskQuantiles: quantiles, expectation: null }, own, () => undefined);
}

let chosen: ChosenThresholds | undefined;
/** The choice with nothing changed, made once. */
const plainChoice = (): ChosenThresholds => (chosen ??= choose());

/** Score of one bar by the fold model that was not trained on its time. */
function answer(name: ModelName, history: PairHistory, t: number): number {
  const columns = dataset.definitions.length;
  const at = history.time[t]! + 60;
  const { model } = learned[name].folds.find(({ from, until }) => at >= from && at < until)!;
  const row = history.row[t]! * columns;
  return model.answers({ rows: 1, columns, values: history.features.subarray(row, row + columns) })[0]!;
}

describe('chooseThresholds', () => {
  it('reports the Sharpe ratio that its choice has out of fold, as in a plain backtest of the training period', () => {
    const { thresholds, report } = plainChoice();
    expect(report).toMatchObject({ chosen: true });
    expect(report.allowed).toBeGreaterThan(0);
    const rolls = rollovers(dataset.from, dataset.holdoutFrom);
    const days = new Map<number, number>();
    let trades = 0;
    for (const history of dataset.histories.map(wholeHistory)) {
      const end = history.time.findIndex((time) => time >= dataset.holdoutFrom);
      for (let t = 0; t < end; t++) days.set(tradingDayAt(rolls, history.time[t]!), 0);
    }
    for (const history of dataset.histories.map(wholeHistory)) {
      const end = history.time.findIndex((time) => time >= dataset.holdoutFrom);
      const costs = pairCosts(tradingCosts(settings), history.pair);
      const made = backtest(history, 0, end, {
        thresholds,
        policy: { ...decisionPolicy(settings), require_edge: false },
        edge: true,
        costs,
        overnight: { rolls, swaps: costs },
        scores: (t) =>
          history.row[t]! < 0
            ? { return_prob: NaN, risk_score: NaN }
            : {
                return_prob: answer('ai1', history, t),
                risk_score: riskRank(quantiles, answer('ai2', history, t)),
              },
        scale: (t) => answer('ai3', history, t),
      });
      trades += made.length;
      for (const { entryTime, exitTime, netBps, scale } of made) {
        // Of trades within one day the day's result is what they earned.
        const day = (time: OpenTime): number => tradingDayAt(rolls, time);
        expect(day(entryTime)).toBe(day(exitTime));
        days.set(day(entryTime), days.get(day(entryTime))! + (scale * netBps) / 1e4 / dataset.histories.length);
      }
    }
    expect(report.trades).toBe(trades);
    // The pass rate is that of the entry candidates, whatever the other bars.
    const risks = dataset.histories
      .map(wholeHistory)
      .flatMap((history) =>
        [...history.time.keys()]
          .filter((t) => history.time[t]! < dataset.holdoutFrom && Math.abs(history.z[t]!) >= 2)
          .map((t) => riskRank(quantiles, answer('ai2', history, t))),
      );
    expect(report.pass_rate).toBe(risks.filter((risk) => risk < thresholds.theta2).length / risks.length);
    expect(report.net_sharpe).toBeCloseTo(sharpe([...days.values()])!, 9);
  });

  it('is the same again, on the grid, in the range and with enough trades', () => {
    const first = plainChoice();
    expect(choose()).toEqual(first);
    const { theta1, theta2 } = first.thresholds;
    const { theta_search_range: range } = settings.core;
    expect(theta1).toBeGreaterThanOrEqual(range.theta1[0]);
    expect(theta2).toBeLessThanOrEqual(range.theta2[1]);
    expect(Math.abs(theta1 * 100 - Math.round(theta1 * 100))).toBeLessThan(1e-9);
    expect(first.report.trades).toBeGreaterThanOrEqual(5);
    expect(first.report.pass_rate).toBeLessThanOrEqual(0.9);
  });

  it('reports the expected maximum Sharpe ratio of as many trials', () => {
    const { report } = plainChoice();
    expect(report.expected_max_sharpe!).toBeGreaterThan(0);
    expect(report.deflated_sharpe!).toBeLessThan(report.probabilistic_sharpe!);
  });

  it('keeps the initial ones when none is allowed', () => {
    const { core } = settings;
    const initial = { theta1: core.theta1_initial, theta2: core.theta2_initial };
    const many = choose({ minutehand: { search: { min_trades: 100_000 } } });
    expect(many.thresholds).toEqual(initial);
    expect(many.report).toMatchObject({ chosen: false, allowed: 0 });
    expect(choose({ retrain: { pass_rate_range: [0.01, 0.02] } }).thresholds).toEqual(initial);
  });

  it('uses the models of the folds, and not the one trained on all rows', () => {
    const trees = treesOf(learned.ai1.model);
    const mute = fittedTrees('gbdt', { ...trees, ensembles: [{ ...trees.ensembles[0]!, trees: [] }] });
    const blind = { ...learned, ai1: { ...learned.ai1, model: mute } };
    expect(choose({}, blind)).toEqual(plainChoice());
    const folds = learned.ai1.folds.map((fold) => ({ ...fold, model: mute }));
    expect(choose({}, { ...learned, ai1: { ...learned.ai1, folds } })).not.toEqual(plainChoice());
  });
});
