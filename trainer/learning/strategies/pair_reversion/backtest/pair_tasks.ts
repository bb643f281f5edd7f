import { SECONDS_PER_BAR, type OpenTime } from '../../../../../shared/bar.ts';
import { lowerBound } from '../../../../../shared/bar_file/bar_file.ts';
import type { ModelSet } from '../../../../../shared/bundle/model_set.ts';
import type { DecisionPolicy, Thresholds } from '../../../../../shared/strategies/pair_reversion/pair_input.ts';
import { perModel, type ModelName } from '../../../../../shared/core/features/feature.ts';
import type { ExposurePolicy } from '../../../../../shared/core/position/exposure.ts';
import type { Windows } from '../../../../../shared/core/features/windows.ts';
import type { Pair } from '../../../../../shared/pair.ts';
import { buildPairHistory, viewColumns, type HistoryColumns, type PairHistory } from '../../../history/pair_history.ts';
import { labelPair, type BarLabels, type PairLabelPolicy } from '../label/pair_labels.ts';
import { isEvaluatedMinute, scoreBars, type BarScores } from './bar_scores.ts';
import {
  runBacktest,
  type BacktestOptions,
  type BacktestRun,
  type FilledTrade,
  type OvernightSwaps,
} from '../../../trades/backtest.ts';
import { jointBacktest, type JointPair } from '../../../trades/joint_backtest.ts';
import { markToMarket, type PnlChanges } from '../../../backtest/equity.ts';
import { tallyExecutability, type ExecutabilityTally } from '../../../backtest/executability.ts';
import { tradeDays, type TradeDays } from '../../../backtest/net_interval.ts';
import type { BarsPart } from './parts.ts';
import { tradingDayAt, type Rollover } from '../../../../../shared/core/cost/rollover.ts';

/** A pair's warm bars with scores by bundle, in memory shared by its tasks. */
export interface PairColumns {
  readonly history: HistoryColumns;
  readonly scores: readonly BarScores[];
}

/** Computes the features and scores of one part of a pair. */
export interface PartTask {
  readonly kind: 'part';
  readonly pair: Pair;
  readonly part: BarsPart;
  readonly windows: Windows;
  /** First decided bar. */
  readonly from: OpenTime;
  readonly policy: DecisionPolicy;
  /** Thresholds by bundle. */
  readonly thresholds: readonly Thresholds[];
  /** Columns of the part; written to. */
  readonly columns: PairColumns;
}

/** Trades a pair with one bundle. */
export interface ViewTask {
  readonly kind: 'view';
  readonly pair: Pair;
  readonly history: HistoryColumns;
  readonly scores: BarScores;
  /** First decided bar. */
  readonly start: number;
  readonly rolls: readonly Rollover[];
  readonly options: Omit<BacktestOptions, 'scores' | 'scale'> & { readonly overnight: OvernightSwaps };
}

/** Computes a pair's labels, with each bundle's answers. */
export interface LabelTask {
  readonly kind: 'labels';
  readonly pair: Pair;
  readonly columns: PairColumns;
  readonly start: number;
  readonly rolls: readonly Rollover[];
  readonly policy: PairLabelPolicy;
}

export type PairTask = PartTask | ViewTask | LabelTask;

/** A trade as recorded. */
export interface TradeRecord extends FilledTrade {
  /** Epoch seconds of the closes of the decisions, the `timestamp` of the signals; null if the data ended first. */
  readonly entrySignalTime: number;
  readonly exitSignalTime: number | null;
  readonly entryPrices: readonly [a: number, b: number];
  readonly exitPrices: readonly [a: number, b: number];
}

/** Candidates that AI2 judged: epoch seconds of the closes of their bars, ascending. */
export interface JudgedCandidates {
  readonly refused: Float64Array;
  readonly admitted: Float64Array;
}

export interface PairView {
  readonly run: BacktestRun;
  readonly trades: readonly TradeRecord[];
  readonly judged: JudgedCandidates;
  readonly changes: PnlChanges;
  /** Without leverage_reduction_rate; null where the policy has no steps. */
  readonly fullChanges: PnlChanges | null;
  /** Net result of each trading day, by day index. */
  readonly days: Float64Array;
  readonly tally: ExecutabilityTally;
  readonly tradeDays: TradeDays;
}

/** Scores and labels of the bars with a known label. */
export interface Evaluated {
  readonly scores: Float64Array;
  readonly labels: Float64Array;
}

export interface PairLabels {
  /** By bundle. */
  readonly evaluated: readonly Readonly<Record<ModelName, Evaluated>>[];
  /** Epoch seconds of the opens of AI1's evaluated bars, which are the same for every bundle. */
  readonly ai1Times: Float64Array;
  /** Open of the first bar of each trading day, NaN without bars. */
  readonly dayStart: Float64Array;
}

/** Features of a part to be scored; null if scored. */
export type UnscoredPart = Pick<PairHistory, 'row' | 'features' | 'rows'> | null;

export type PairTaskResult = UnscoredPart | PairView | PairLabels;

/** @param sets null: parts are not scored, and their features are returned */
export function performTask(
  task: PairTask,
  sets: readonly ModelSet[] | null,
): PairTaskResult | Promise<PairTaskResult> {
  switch (task.kind) {
    case 'part':
      return buildPart(task, sets);
    case 'view':
      return runView(task);
    case 'labels':
      return evaluateLabels(task);
  }
}

/** Memory of a result that can be transferred. */
export function buffersOf(result: PairTaskResult): ArrayBuffer[] {
  if (result === null || !('features' in result)) return [];
  return [result.features.buffer as ArrayBuffer, result.row.buffer as ArrayBuffer];
}

async function buildPart(task: PartTask, sets: readonly ModelSet[] | null): Promise<UnscoredPart> {
  const { pair, part, windows, from, columns } = task;
  const history = buildPairHistory(pair, part.a, part.b, windows, (time) => time >= from, columns.history);
  for (const scores of columns.scores) for (const column of Object.values(scores)) (column as Float64Array).fill(NaN);
  if (sets === null) return { row: history.row, features: history.features, rows: history.rows };
  await scorePart(task, history, sets);
  return null;
}

/** @param kept features of the part */
export async function scorePart(
  { pair, from, policy, thresholds, columns }: PartTask,
  kept: NonNullable<UnscoredPart>,
  sets: readonly ModelSet[],
): Promise<void> {
  const { row, features, rows } = kept;
  const history = { ...historyOf(pair, columns.history), row, features, rows };
  const start = lowerBound(history.time, from);
  for (const [i, set] of sets.entries())
    await scoreBars(set, history, start, policy, thresholds[i]!, columns.scores[i]!);
}

/** The history without features. */
export function historyOf(pair: Pair, columns: HistoryColumns): PairHistory {
  return {
    pair,
    length: columns.time.length,
    ...columns,
    row: new Int32Array(),
    features: new Float32Array(),
    rows: 0,
  };
}

/** Columns of the part, as views of the same memory. */
export function columnsOfPart({ history, scores }: PairColumns, { first, end }: BarsPart): PairColumns {
  return {
    history: viewColumns(history, first, end),
    scores: scores.map((own) => viewColumns({ ...own }, first, end)),
  };
}

function runView(task: ViewTask): PairView {
  const { history, from, to, options } = jointPairOf(task);
  return viewOf(task, runBacktest(history, from, to, options));
}

/** Trades all pairs together, where their open positions limit each other. @param tasks of one bundle and view */
export function runViewsJointly(tasks: readonly ViewTask[], exposure: ExposurePolicy): PairView[] {
  const runs = jointBacktest(tasks.map(jointPairOf), exposure);
  return tasks.map((task, i) => viewOf(task, runs[i]!));
}

function jointPairOf({ pair, history: columns, scores, start, options }: ViewTask): JointPair {
  const history = historyOf(pair, columns);
  return {
    history,
    from: start,
    to: history.length,
    options: {
      ...options,
      scores: (t) => ({
        return_prob: scores.ai1[t]!,
        risk_score: scores.riskScore[t]!,
        result_sigmas: scores.resultSigmas[t]!,
        novelty: scores.novelty[t]!,
      }),
      scale: (t) => scores.ai3[t]!,
    },
  };
}

/** What is told of a run. */
function viewOf({ pair, history: columns, start, rolls, options }: ViewTask, run: BacktestRun): PairView {
  const history = historyOf(pair, columns);
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
  const closes = (bars: readonly number[]): Float64Array =>
    Float64Array.from(bars, (t) => history.time[t]! + SECONDS_PER_BAR);
  const judged = { refused: closes(run.riskRefused), admitted: closes(run.riskAdmitted) };
  const tally = tallyExecutability(history, start, run.trades, options.costs);
  return { run, trades, judged, changes, fullChanges, days, tally, tradeDays: tradeDays(run.trades, rolls) };
}

/** The trade with the times of its decisions and the prices of its fills. */
export function recordOf({ time, openA, openB }: PairHistory, trade: FilledTrade): TradeRecord {
  const { entrySignal, exitSignal, entryBar, exitBar } = trade;
  return {
    ...trade,
    entrySignalTime: time[entrySignal]! + SECONDS_PER_BAR,
    exitSignalTime: exitSignal < 0 ? null : time[exitSignal]! + SECONDS_PER_BAR,
    entryPrices: [openA[entryBar]!, openB[entryBar]!],
    exitPrices: [openA[exitBar]!, openB[exitBar]!],
  };
}

function evaluateLabels({ pair, columns, start, rolls, policy }: LabelTask): PairLabels {
  const history = historyOf(pair, columns.history);
  const labels = labelPair(history, policy, isEvaluatedMinute);
  const ofModel = { ai1: labels.evaluation, ai2: labels.ai2, ai3: labels.ai3 };
  const dayStart = new Float64Array(rolls.length + 1).fill(NaN);
  for (let t = history.length - 1; t >= start; t--) dayStart[tradingDayAt(rolls, history.time[t]!)] = history.time[t]!;
  return {
    evaluated: columns.scores.map((scores) => perModel((name) => evaluatedRows(scores[name], ofModel[name], start))),
    ai1Times: evaluatedRows(history.time, labels.evaluation, start).scores,
    dayStart,
  };
}

function evaluatedRows(scores: Float64Array, { bar, label }: BarLabels, start: number): Evaluated {
  let skipped = 0;
  while (skipped < bar.length && bar[skipped]! < start) skipped++;
  const own = new Float64Array(bar.length - skipped);
  for (let i = 0; i < own.length; i++) own[i] = scores[bar[skipped + i]!]!;
  return { scores: own, labels: label.slice(skipped) };
}
