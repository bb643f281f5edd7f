import { checkTimeframes } from '../../shared/bar_file/own_timeframe.ts';
import { legBars } from '../../shared/bar_file/resampled_bars.ts';
import { SECONDS_PER_BAR, type OpenTime } from '../../shared/bar.ts';
import { lowerBound, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import type { Executability, ModelMetrics } from '../../shared/bundle/manifest.ts';
import { servingSet, type ModelSet } from '../../shared/bundle/model_set.ts';
import type { DecisionPolicy, Reason, Thresholds } from '../../shared/core/decide/decide.ts';
import { perModel, type ModelName } from '../../shared/core/features/feature.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Pair } from '../../shared/pair.ts';
import { pairCosts, type TradingCosts } from '../../shared/policy/costs.ts';
import type { DatasetPolicy } from '../dataset/dataset.ts';
import type { PairPolicy } from '../dataset/pair_build.ts';
import { countCommonMinutes, type PairHistory } from '../dataset/pair_history.ts';
import { buildPairs } from '../dataset/pair_pool.ts';
import { labelPair, type BarLabels } from '../label/pair_labels.ts';
import { EVALUATION_BARRIERS } from '../label/reversion.ts';
import { modelMetrics } from '../validate/model_metrics.ts';
import { isEvaluatedMinute, joinScores, scoreBars, type BarScores } from './bar_scores.ts';
import {
  runBacktest,
  type BacktestOptions,
  type BacktestRun,
  type FilledTrade,
  type OvernightSwaps,
} from './backtest.ts';
import { cumulate, markToMarket, maxDrawdown, totalCurve, type PnlChanges } from './equity.ts';
import { executabilityOf, tallyExecutability, type ExecutabilityTally } from './executability.ts';
import { netInterval, tradeDays, type NetInterval, type TradeDays } from './net_interval.ts';
import { joinColumns, joinParts, partsOf } from './parts.ts';
import { performanceOf, type Performance } from './performance.ts';
import { rollovers, tradingDayAt, type Rollover } from './rollover.ts';

export { ROWS_PER_SCORE } from './bar_scores.ts';

/**
 * Stretches of a pair that threads build: long against the warm-up that each one repeats, short enough that all threads
 * have one.
 */
const BARS_PER_PART = 60_000;
/** Both ways of looking at a bundle: as if every pair had an edge, and as the daemon publishes it. */
export const VIEWS = ['all_pairs', 'edge_pairs'] as const;
export type View = (typeof VIEWS)[number];

export interface PeriodOptions {
  readonly pairs: readonly Pair[];
  /** Bars before `from` warm the features; there are none from `to` on. */
  readonly bars: ReadonlyMap<string, BarColumns>;
  readonly from: OpenTime;
  /** What decides, loaded for `ROWS_PER_SCORE` rows: one bundle, or several on the same bars. */
  readonly sets: readonly ModelSet[];
  /** Instead of those of the bundle. */
  readonly thresholds?: Partial<Thresholds>;
  readonly policy: DecisionPolicy;
  readonly labels: Pick<DatasetPolicy, 'windows' | 'risk' | 'scale'>;
  readonly costs: Readonly<Record<string, TradingCosts>>;
  /** Threads that build features; 0 = on the calling one. They change the time and nothing else. */
  readonly workers: number;
  onProgress(done: number, total: number): void;
}

/** A trade as it is written down. */
export interface TradeRecord extends FilledTrade {
  /**
   * Epoch seconds of the closes at which was decided, the `timestamp` of the signals; null where the data ended first.
   */
  readonly entrySignalTime: number;
  readonly exitSignalTime: number | null;
  readonly entryPrices: readonly [a: number, b: number];
  readonly exitPrices: readonly [a: number, b: number];
}

export interface ViewResult {
  readonly total: Performance;
  readonly pairs: Readonly<Record<string, Performance>>;
  /** In order of pair, then time. */
  readonly trades: readonly TradeRecord[];
  /** Net value at every minute of the period, all pairs together. */
  readonly curve: Float64Array;
  readonly changes: Readonly<Record<string, PnlChanges>>;
  /** Net results of the trading days, ascending. */
  readonly days: readonly number[];
  /** The same trades without leverage_reduction_rate; null where the policy has no steps. */
  readonly fullLeverage: Pick<Performance, 'net_return' | 'max_drawdown'> | null;
  readonly executability: Executability;
  /** Of these trades, at full size. */
  readonly interval: NetInterval;
}

/** What one bundle did in the period. */
export interface BundleResult extends Readonly<Record<View, ViewResult>> {
  readonly version: string;
  readonly thresholds: Thresholds;
  readonly models: Readonly<Record<ModelName, ModelMetrics>>;
  /** What AI1 answered to the candidates of its evaluation label, and what they were. */
  readonly ai1: { readonly scores: Float64Array; readonly labels: Float64Array };
  /** Pairs without an edge by this bundle. */
  readonly noEdge: readonly string[];
}

export interface PeriodResult {
  readonly pairs: readonly string[];
  /** Opens of the first and the last bar that a pair could decide on. */
  readonly first: OpenTime;
  readonly last: OpenTime;
  /** Bars that were decided on, of all pairs, and of each. */
  readonly bars: number;
  readonly barsOf: Readonly<Record<string, number>>;
  /** Opens of the first bars of the trading days, ascending; `days` of a view belong to them. */
  readonly days: readonly number[];
  readonly bundles: readonly BundleResult[];
}

/**
 * Trades of every bundle on the same bars, by the daemon's features, scores, `decide` and position, one bar after the
 * other.
 * @throws MinutehandError DATA_MISSING, DATA_TOO_SHORT, MODEL_OUTPUT, DATA_FORMAT as `checkTimeframes`
 */
export async function backtestPeriod(options: PeriodOptions): Promise<PeriodResult> {
  const { bars, sets } = options;
  checkTimeframes(options.pairs, bars);
  const pairs = options.pairs.filter(
    (pair) => countCommonMinutes(legBars(bars, pair, 'a'), legBars(bars, pair, 'b')) > 0,
  );
  if (pairs.length === 0)
    throw new MinutehandError('DATA_MISSING', { seen: 'no pair has minutes that both of its symbols have' });
  const times = pairs.flatMap(({ a, b }) => [bars.get(a)!, bars.get(b)!]);
  const rolls = rollovers(
    Math.min(...times.map(({ time }) => time[0]!)),
    Math.max(...times.map(({ time, length }) => time[length - 1]!)),
  );

  const parts = pairs.map((pair) =>
    partsOf(
      { pair, a: legBars(bars, pair, 'a')!, b: legBars(bars, pair, 'b')!, policy: partPolicy(options) },
      BARS_PER_PART,
    ),
  );
  const tasks = parts.flat();
  const owners = parts.flatMap((own, pair) => own.map((_, part) => ({ pair, part })));
  const scored: ScoredPart[][] = parts.map(() => []);
  const results: PairResult[] = [];
  let done = 0;
  let work = Promise.resolve();
  await buildPairs(tasks, options.workers, ({ history }, i) => {
    // A set's answers are overwritten by the next question: parts wait for each other where onnxruntime answers.
    work = work.then(async () => {
      const { pair, part } = owners[i]!;
      scored[pair]![part] = await scorePart(history, options);
      if (Object.keys(scored[pair]!).length === parts[pair]!.length) {
        results[pair] = checkPair(scored[pair]!, rolls, options);
        scored[pair] = [];
      }
      options.onProgress(++done, tasks.length);
    });
  });
  await work;
  return assemble(results, sets, options);
}

/** Labels are made of the whole pair, later: here only features count, of all bars from `from` on. */
function partPolicy({ labels, from }: PeriodOptions): PairPolicy {
  return { ...labels, barriers: EVALUATION_BARRIERS, share: 0, holdoutFrom: from };
}

/** What one bundle did with one pair. */
interface PairBundleResult {
  readonly views: Readonly<Record<View, PairView>>;
  readonly evaluated: Readonly<Record<ModelName, Evaluated>>;
}

interface PairView {
  readonly run: BacktestRun;
  readonly trades: readonly TradeRecord[];
  readonly changes: PnlChanges;
  /** Without leverage_reduction_rate; null where the policy has no steps. */
  readonly fullChanges: PnlChanges | null;
  /** Net result of each trading day; its index is that of the day. */
  readonly days: Float64Array;
  readonly tally: ExecutabilityTally;
  readonly tradeDays: TradeDays;
}

interface Evaluated {
  readonly scores: Float64Array;
  readonly labels: Float64Array;
}

interface PairResult {
  readonly pair: Pair;
  readonly bars: number;
  readonly first: number;
  readonly last: number;
  /** Open of the first bar of each trading day, NaN for one without bars. */
  readonly dayStart: Float64Array;
  readonly bundles: readonly PairBundleResult[];
}

/** Bars without their features, and what each set answers to those from `from` on. */
interface ScoredPart {
  readonly history: PairHistory;
  readonly scores: readonly BarScores[];
}

async function scorePart(history: PairHistory, options: PeriodOptions): Promise<ScoredPart> {
  const start = lowerBound(history.time, options.from);
  const scores: BarScores[] = [];
  for (const set of options.sets.map((own) => servingSet(own, history.pair.id)))
    scores.push(await scoreBars(set, history, start, options.policy, thresholdsOf(set, options.thresholds)));
  // Features are most of a part's memory, and nobody asks for them any more.
  return { history: { ...history, features: new Float32Array(), rows: 0 }, scores };
}

function checkPair(parts: readonly ScoredPart[], rolls: readonly Rollover[], options: PeriodOptions): PairResult {
  const history = joinParts(parts.map((part) => part.history));
  const { pair, length, time } = history;
  const start = lowerBound(history.time, options.from);
  const labels = labelPair(history, partPolicy(options), isEvaluatedMinute);
  const dayStart = new Float64Array(rolls.length + 1).fill(NaN);
  for (let t = length - 1; t >= start; t--) dayStart[tradingDayAt(rolls, time[t]!)] = time[t]!;
  const costs = pairCosts(options.costs, pair);
  const bundles: PairBundleResult[] = [];
  for (const [i, whole] of options.sets.entries()) {
    const set = servingSet(whole, pair.id);
    const scores = joinScores(parts.map((part) => part.scores[i]!));
    const view = (edge: boolean, requireEdge: boolean): PairView =>
      runView(history, start, rolls, {
        thresholds: thresholdsOf(set, options.thresholds),
        policy: { ...options.policy, require_edge: requireEdge },
        edge,
        costs,
        ...(set.expectation && { expectation: set.expectation }),
        overnight: { rolls, swaps: costs },
        scores: (t) => ({
          return_prob: scores.ai1[t - start]!,
          risk_score: scores.riskScore[t - start]!,
          result_sigmas: scores.resultSigmas[t - start]!,
        }),
        scale: (t) => scores.ai3[t - start]!,
      });
    const allPairs = view(true, false);
    // Nothing but a missing edge makes a difference.
    const isGated = options.policy.require_edge && !whole.hasEdge(pair.id);
    bundles.push({
      views: { all_pairs: allPairs, edge_pairs: isGated ? view(false, true) : allPairs },
      evaluated: {
        ai1: evaluatedRows(scores.ai1, labels.evaluation, start),
        ai2: evaluatedRows(scores.ai2, labels.ai2, start),
        ai3: evaluatedRows(scores.ai3, labels.ai3, start),
      },
    });
  }
  return {
    pair,
    bars: length - start,
    first: start < length ? time[start]! : NaN,
    last: start < length ? time[length - 1]! : NaN,
    dayStart,
    bundles,
  };
}

function thresholdsOf({ theta1, theta2 }: ModelSet, instead: PeriodOptions['thresholds']): Thresholds {
  return { theta1, theta2, ...instead };
}

function runView(
  history: PairHistory,
  start: number,
  rolls: readonly Rollover[],
  options: BacktestOptions & { readonly overnight: OvernightSwaps },
): PairView {
  const run = runBacktest(history, start, history.length, options);
  const changes = markToMarket(history, run.trades, options.overnight);
  const days = new Float64Array(rolls.length + 1);
  for (let i = 0; i < changes.time.length; i++) days[tradingDayAt(rolls, changes.time[i]!)]! += changes.change[i]!;
  const fullChanges =
    options.policy.leverage === undefined
      ? null
      : markToMarket(
          history,
          run.trades.map((trade) => ({ ...trade, scale: trade.fullScale })),
          options.overnight,
        );
  const trades = run.trades.map((trade) => recordOf(history, trade));
  const tally = tallyExecutability(history, start, run.trades, options.costs);
  return { run, trades, changes, fullChanges, days, tally, tradeDays: tradeDays(run.trades, rolls) };
}

function recordOf({ time, openA, openB }: PairHistory, trade: FilledTrade): TradeRecord {
  const { entrySignal, exitSignal, entryBar, exitBar } = trade;
  return {
    ...trade,
    entrySignalTime: time[entrySignal]! + SECONDS_PER_BAR,
    exitSignalTime: exitSignal < 0 ? null : time[exitSignal]! + SECONDS_PER_BAR,
    entryPrices: [openA[entryBar]!, openB[entryBar]!],
    exitPrices: [openA[exitBar]!, openB[exitBar]!],
  };
}

function evaluatedRows(scores: Float64Array, { bar, label }: BarLabels, start: number): Evaluated {
  let skipped = 0;
  while (skipped < bar.length && bar[skipped]! < start) skipped++;
  const own = new Float64Array(bar.length - skipped);
  for (let i = 0; i < own.length; i++) own[i] = scores[bar[skipped + i]! - start]!;
  return { scores: own, labels: label.slice(skipped) };
}

function assemble(all: readonly PairResult[], sets: readonly ModelSet[], options: PeriodOptions): PeriodResult {
  const results = all.filter(({ bars }) => bars > 0);
  if (results.length === 0)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: 'no bar of the period has warm features',
      next: 'Give more bars before or in the period: the longest look-back is 480 bars with the windows as delivered.',
    });
  const first = Math.min(...results.map((result) => result.first)) as OpenTime;
  const last = Math.max(...results.map((result) => result.last)) as OpenTime;
  const minutes = (last - first) / SECONDS_PER_BAR + 1;
  const dayStart = earliest(results.map((result) => result.dayStart));
  const dayIndices = [...dayStart.keys()].filter((day) => !Number.isNaN(dayStart[day]!));

  const viewOf = (view: View, i: number): ViewResult =>
    assembleView(
      results,
      results.map(({ bundles }) => bundles[i]!.views[view]),
      { first, minutes, dayIndices },
    );
  const bundles = sets.map((set, i): BundleResult => {
    const evaluated = perModel((name) => pool(results.map((result) => result.bundles[i]!.evaluated[name])));
    return {
      version: set.version,
      thresholds: thresholdsOf(set, options.thresholds),
      models: perModel((name) => modelMetrics(evaluated[name].scores, evaluated[name].labels)),
      ai1: evaluated.ai1,
      noEdge: results.map(({ pair }) => pair.id).filter((id) => !set.hasEdge(id)),
      all_pairs: viewOf('all_pairs', i),
      edge_pairs: viewOf('edge_pairs', i),
    };
  });
  return {
    pairs: results.map(({ pair }) => pair.id),
    first,
    last,
    bars: results.reduce((sum, { bars }) => sum + bars, 0),
    barsOf: Object.fromEntries(results.map(({ pair, bars }) => [pair.id, bars])),
    days: dayIndices.map((day) => dayStart[day]!),
    bundles,
  };
}

interface Span {
  readonly first: OpenTime;
  readonly minutes: number;
  readonly dayIndices: readonly number[];
}

/** @param views of the results, in their order */
function assembleView(
  results: readonly PairResult[],
  views: readonly PairBundleResult['views'][View][],
  { first, minutes, dayIndices }: Span,
): ViewResult {
  const curve = totalCurve(
    views.map(({ changes }) => changes),
    first,
    minutes,
  );
  const days = dayIndices.map((day) => views.reduce((sum, own) => sum + own.days[day]!, 0) / views.length);
  const total = performanceOf({
    trades: views.flatMap(({ run }) => run.trades),
    days,
    maxDrawdown: maxDrawdown(curve),
    bars: results.reduce((sum, { bars }) => sum + bars, 0),
    pairs: results.length,
    candidates: views.reduce((sum, { run }) => sum + run.candidates, 0),
    refusals: sumCounts(views.map(({ run }) => run.refusals)),
  });
  const pairs = results.map(({ pair, bars, dayStart: own }, i): [string, Performance] => {
    const { run, changes, days: pairDays } = views[i]!;
    return [
      pair.id,
      performanceOf({
        trades: run.trades,
        days: [...pairDays].filter((_, day) => !Number.isNaN(own[day]!)),
        maxDrawdown: maxDrawdown(cumulate(changes)),
        bars,
        pairs: 1,
        candidates: run.candidates,
        refusals: run.refusals,
      }),
    ];
  });
  return {
    total,
    pairs: Object.fromEntries(pairs),
    trades: views.flatMap(({ trades }) => trades),
    curve,
    changes: Object.fromEntries(results.map(({ pair }, i) => [pair.id, views[i]!.changes])),
    days,
    fullLeverage: fullLeverageOf(
      views.flatMap(({ fullChanges }) => fullChanges ?? []),
      { first, minutes },
    ),
    executability: executabilityOf(views.map(({ tally }) => tally)),
    interval: netInterval(
      views.map((own) => own.tradeDays),
      dayIndices,
      `${first}/${minutes}`,
    ),
  };
}

function fullLeverageOf(
  changes: readonly PnlChanges[],
  { first, minutes }: Pick<Span, 'first' | 'minutes'>,
): ViewResult['fullLeverage'] {
  if (changes.length === 0) return null;
  const curve = totalCurve(changes, first, minutes);
  return { net_return: curve.at(-1)!, max_drawdown: maxDrawdown(curve) };
}

function pool(parts: readonly Evaluated[]): Evaluated {
  return {
    scores: joinColumns(parts.map(({ scores }) => scores)),
    labels: joinColumns(parts.map(({ labels }) => labels)),
  };
}

function sumCounts(counts: readonly Readonly<Partial<Record<Reason, number>>>[]): Partial<Record<Reason, number>> {
  const sum: Partial<Record<Reason, number>> = {};
  for (const own of counts) {
    for (const [reason, count] of Object.entries(own) as [Reason, number][]) sum[reason] = (sum[reason] ?? 0) + count;
  }
  return sum;
}

/** The least of each element that is there. */
function earliest(columns: readonly Float64Array[]): Float64Array {
  return columns[0]!.map((_, i) => {
    const there = columns.map((column) => column[i]!).filter((value) => !Number.isNaN(value));
    return there.length === 0 ? NaN : Math.min(...there);
  });
}
