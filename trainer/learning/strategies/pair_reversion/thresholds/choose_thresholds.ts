import { sequenceBars } from '../../../../../shared/core/features/windows.ts';
import { rowNovelties } from '../../../novelty/row_novelties.ts';
import { rowsOfTable } from '../../../learners/contract/past_rows.ts';
import { lowerBound } from '../../../../../shared/bar_file/bar_file.ts';
import type { PerBundleModel, ThresholdReport } from '../../../../../shared/bundle/manifest.ts';
import type { InputDescription } from '../../../../../shared/bundle/input_novelty.ts';
import type { Matrix } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { resultOfShare, type Expectation } from '../../../../../shared/core/cost/expected_net.ts';
import { riskRank } from '../../../../../shared/strategies/pair_reversion/risk_rank.ts';
import type { Thresholds } from '../../../../../shared/strategies/pair_reversion/pair_input.ts';
import { SECONDS_PER_BAR, type OpenTime } from '../../../../../shared/bar.ts';
import { perModel } from '../../../../../shared/core/features/feature.ts';
import { pairCosts, tradingCosts } from '../../../../../shared/policy/costs.ts';
import { decisionPolicy, type Settings } from '../../../../../shared/policy/policy.ts';
import { runBacktest, type BacktestOptions } from '../../../trades/backtest.ts';
import { markToMarket } from '../../../backtest/equity.ts';
import { TRADING_DAYS_PER_YEAR } from '../../../../../shared/bundle/holdout_sharpe.ts';
import { sharpe } from '../../../backtest/performance.ts';
import { rollovers, tradingDayAt, type Rollover } from '../../../../../shared/core/cost/rollover.ts';
import type { LearnedModel } from '../../../calibrate/calibrate_model.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { partOfHistory, pricesOf, type KeptHistory } from '../../../history/kept_history.ts';
import type { PriceHistory } from '../../../history/pair_history.ts';
import type { TrainOptions } from '../../../options/train_options.ts';
import { outOfFold } from '../../../learners/cross_validation.ts';
import { deflatedSharpe, sharpeFacts } from '../../../statistics/deflated_sharpe_ratio.ts';
import { searchThresholds, type ThresholdMeasure } from './thresholds.ts';

export interface ChosenThresholds {
  readonly thresholds: Thresholds;
  readonly report: ThresholdReport;
}

/** Maps scores to risk scores and expected results. */
export interface Calibrated {
  readonly riskQuantiles: readonly number[];
  /** null: the expected result is that of the barriers. */
  readonly expectation: Expectation | null;
  /** Of the rows that AI1 learned from; null or absent where they are not described. */
  readonly inputs?: InputDescription | null | undefined;
}

/**
 * A pair's bars of the training period with their out-of-fold scores; NaN where features were not kept.
 */
interface AnsweredPair {
  readonly history: PriceHistory;
  /** First bar that all models answer. */
  readonly from: number;
  /** Bars before the holdout. */
  readonly length: number;
  readonly returnProb: Float64Array;
  readonly riskScore: Float64Array;
  readonly scale: Float64Array;
  /** NaN where no model of the result is learned. */
  readonly resultSigmas: Float64Array;
  /** NaN where the rows that AI1 learned from are not described. */
  readonly novelty: Float64Array;
  readonly costs: BacktestOptions['costs'];
  readonly overnight: NonNullable<BacktestOptions['overnight']>;
}

/**
 * θ1 and θ2 by backtests of the training period on out-of-fold scores: the
 * largest net Sharpe ratio among those with enough trades and a pass rate in its range, else the initial ones. An open
 * position meets `risk_exit` only at bars whose features were kept, which are all candidates and the sampled minutes.
 * @param otherTrials on the bars before the same holdout, by which the Sharpe ratio is deflated as well
 */
export function chooseThresholds(
  dataset: Dataset,
  learned: PerBundleModel<Pick<LearnedModel, 'folds'>>,
  { riskQuantiles, expectation, inputs }: Calibrated,
  settings: Settings,
  onProgress: (done: number, total: number) => void,
  otherTrials = 0,
): ChosenThresholds {
  const { core, retrain, minutehand } = settings;
  const rolls = rollovers(dataset.from, dataset.holdoutFrom);
  const pairs = dataset.histories.map((own) =>
    answerPair(own, dataset, learned, { riskQuantiles, inputs }, settings, rolls),
  );
  const policy = { ...decisionPolicy(settings), require_edge: false };
  const hasBars = new Uint8Array(rolls.length + 1);
  for (const { history, from, length } of pairs)
    for (let t = from; t < length; t++) hasBars[tradingDayAt(rolls, history.time[t]!)] = 1;
  const risks = Float64Array.from(candidateRisks(pairs, policy.z_entry)).sort();
  const daysOf = (thresholds: Thresholds): { days: number[]; trades: number } => {
    const days = new Float64Array(rolls.length + 1);
    let trades = 0;
    for (const {
      history,
      from,
      length,
      returnProb,
      riskScore,
      resultSigmas,
      novelty,
      scale,
      costs,
      overnight,
    } of pairs) {
      const run = runBacktest(history, from, length, {
        thresholds,
        policy,
        edge: true,
        costs,
        ...(expectation && { expectation }),
        overnight,
        scores: (t) => ({
          return_prob: returnProb[t]!,
          risk_score: riskScore[t]!,
          result_sigmas: resultSigmas[t]!,
          novelty: novelty[t]!,
        }),
        scale: (t) => scale[t]!,
      });
      trades += run.trades.length;
      const { time, change } = markToMarket(history, run.trades, overnight);
      for (let i = 0; i < time.length; i++) days[tradingDayAt(rolls, time[i]!)]! += change[i]! / pairs.length;
    }
    return { days: [...days].filter((_, day) => hasBars[day] === 1), trades };
  };
  const evaluate = (theta1: number, theta2: number): ThresholdMeasure => {
    const { days, trades } = daysOf({ theta1, theta2 });
    return { netSharpe: sharpe(days) ?? NaN, trades, passRate: shareBelow(risks, theta2) };
  };
  const initial = { theta1: core.theta1_initial, theta2: core.theta2_initial };
  const { best, tried } = searchThresholds({
    range: core.theta_search_range,
    step: core.theta_step,
    initial,
    minTrades: minutehand.search.min_trades,
    passRate: retrain.pass_rate_range,
    evaluations: minutehand.search.theta_evaluations,
    evaluate,
    onProgress,
  });
  onProgress(1, 1);
  const { theta1, theta2 } = best ?? initial;
  const thresholds = { theta1, theta2 };
  const { days, trades } = daysOf(thresholds);
  return {
    thresholds,
    report: {
      tried: tried.length,
      allowed: tried.filter(({ isAllowed }) => isAllowed).length,
      chosen: best !== null,
      trades,
      pass_rate: shareBelow(risks, thresholds.theta2),
      ...sharpeReport(days, tried, otherTrials),
    },
  };
}

/**
 * The Sharpe ratio of the days, deflated by the number and the dispersion of the trials.
 * @param otherTrials that count as well
 */
export function sharpeReport(
  days: readonly number[],
  tried: readonly { readonly netSharpe: number }[],
  otherTrials = 0,
): Pick<ChosenThresholds['report'], 'net_sharpe' | 'expected_max_sharpe' | 'probabilistic_sharpe' | 'deflated_sharpe'> {
  const ratio = sharpe(days);
  const perDay = tried.map(({ netSharpe }) => netSharpe / Math.sqrt(TRADING_DAYS_PER_YEAR));
  const deflated = ratio === null ? null : deflatedSharpe(sharpeFacts(days), perDay, otherTrials);
  return {
    net_sharpe: ratio,
    expected_max_sharpe: deflated === null ? null : deflated.expectedMaxSharpe * Math.sqrt(TRADING_DAYS_PER_YEAR),
    probabilistic_sharpe: finite(deflated?.probabilistic),
    deflated_sharpe: finite(deflated?.deflated),
  };
}

/** As `chooseThresholds`; the initial ones where nothing is searched. */
export function findThresholds(
  dataset: Dataset,
  learned: PerBundleModel<Pick<LearnedModel, 'folds'>>,
  calibrated: Calibrated,
  { settings, trials, onProgress }: Pick<TrainOptions, 'settings' | 'trials' | 'onProgress'>,
  otherTrials = 0,
): { readonly thresholds: Thresholds; readonly report: ThresholdReport | null } {
  const { core, minutehand } = settings;
  if (trials === 0 || minutehand.search.theta_evaluations === 0)
    return { thresholds: { theta1: core.theta1_initial, theta2: core.theta2_initial }, report: null };
  const onStep = (done: number, total: number): void => onProgress('thresholds', done, total);
  return chooseThresholds(dataset, learned, calibrated, settings, onStep, otherTrials);
}

function answerPair(
  kept: KeptHistory,
  { holdoutFrom, definitions }: Dataset,
  learned: PerBundleModel<Pick<LearnedModel, 'folds'>>,
  { riskQuantiles, inputs }: Pick<Calibrated, 'riskQuantiles' | 'inputs'>,
  settings: Settings,
  rolls: readonly Rollover[],
): AnsweredPair {
  const history = pricesOf(kept);
  const length = lowerBound(history.time.subarray(0, history.length), holdoutFrom);
  const { bars, x } = featuresBefore(kept, length, definitions.length, sequenceBars(settings.minutehand.windows));
  const time = Float64Array.from(bars, (t) => history.time[t]! + SECONDS_PER_BAR);
  const answersOf = (folds: LearnedModel['folds'] | undefined): Float64Array => {
    const all = new Float64Array(length).fill(NaN);
    if (folds === undefined) return all;
    const known = outOfFold(folds, { x, time });
    bars.forEach((t, i) => (all[t] = known[i]!));
    return all;
  };
  const answers = perModel((name) => answersOf(learned[name].folds));
  const novelty = new Float64Array(length).fill(NaN);
  const measured = rowNovelties(x, inputs, definitions);
  if (measured !== null) bars.forEach((t, i) => (novelty[t] = measured[i]!));
  const costs = pairCosts(tradingCosts(settings), history.pair);
  return {
    history,
    from: lowerBound(history.time.subarray(0, length), answeredFrom(learned)),
    length,
    returnProb: answers.ai1,
    riskScore: answers.ai2.map((risk) => (Number.isNaN(risk) ? NaN : riskRank(riskQuantiles, risk))),
    scale: answers.ai3,
    resultSigmas: answersOf(learned.net?.folds).map(resultOfShare),
    novelty,
    costs,
    overnight: { rolls, swaps: costs },
  };
}

/**
 * Epoch seconds from which on every model has answers out of fold: a model that was brought, from its calibration on.
 */
function answeredFrom({ net: _net, ...learned }: PerBundleModel<Pick<LearnedModel, 'folds'>>): OpenTime {
  const starts = Object.values(learned).map(({ folds }) => Math.min(...folds.map(({ from }) => from)));
  return (Math.max(...starts) - SECONDS_PER_BAR) as OpenTime;
}

/**
 * The first `length` bars whose features were kept.
 * @param sequence rows that a model gets together
 */
function featuresBefore(
  history: KeptHistory,
  length: number,
  columns: number,
  sequence: number,
): { readonly bars: readonly number[]; readonly x: Matrix } {
  const { row, features } = partOfHistory(history, 'row', 'features');
  const bars: number[] = [];
  for (let t = 0; t < length; t++) if (row[t]! >= 0) bars.push(t);
  // Features are kept in order of time: those before the holdout come first.
  const first = bars.length === 0 ? 0 : row[bars[0]!]!;
  return { bars, x: rowsOfTable(features, { first, rows: bars.length, columns, bars: sequence }) };
}

function candidateRisks(pairs: readonly AnsweredPair[], zEntry: number): number[] {
  return pairs.flatMap(({ history, from, length, riskScore }) => {
    const risks: number[] = [];
    for (let t = from; t < length; t++) if (Math.abs(history.z[t]!) >= zEntry) risks.push(riskScore[t]!);
    return risks;
  });
}

/** Share of ascending values below `bound`; 0 of none. */
function shareBelow(ascending: Float64Array, bound: number): number {
  return ascending.length === 0 ? 0 : lowerBound(ascending, bound) / ascending.length;
}

function finite(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}
