import type { DirectionManifest, InstrumentEdge } from '../../../../shared/bundle/direction/direction_manifest.ts';
import type { DirectionModel } from '../../../../shared/bundle/direction/direction_model.ts';
import type { InstrumentWindows } from '../../../../shared/core/features/instrument/definitions.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import type { GateResult } from '../../../../shared/bundle/gates/gate_result.ts';
import { evaluationLabel } from './label/direction.ts';
import { takeRows } from '../../learners/contract/fit_rows.ts';
import { barsPerRow, modelInputs } from '../../learners/contract/past_rows.ts';
import type { Trade } from '../../trades/backtest.ts';
import type { DirectionBias } from './direction_bias.ts';
import { lookLevel } from '../../backtest/edge.ts';
import type { NoveltyLimit } from './block_novelties.ts';
import { positions } from '../../dataset/rows.ts';
import { directionGates } from './gates/registry.ts';
import { edgeClaims, netResult, noAnswers, put, type NetResult } from './direction_net.ts';
import {
  evaluatedMetrics,
  lossDifference,
  upOrDownAuc,
  type DirectionMetrics,
  type EvaluatedAnswers,
  type LossDifference,
} from './direction_report.ts';
import { instrumentRows, type Instrument, type InstrumentRows } from './instrument_rows.ts';
import type { BiasLimits } from './gates/bias_limits.ts';
import { modelBias } from './model_bias.ts';
import { oneBarLater, refuseForeseeingSeries } from './series_foresight.ts';
import { backtestStrategy, type InstrumentCosts } from './strategy_backtest.ts';
import { CLASSES } from './walk_forward.ts';

const ROWS_PER_SCORE = 4096;
/** Evaluation labels look this far ahead. */
const LABEL_SECONDS = 86_400;

export interface EvaluationRequest {
  readonly manifest: DirectionManifest;
  /** @param rows at most `rowsPerScore` */
  readonly infer: DirectionModel['infer'];
  /** Absent: the bundle does not describe its training rows. */
  readonly novelty?: DirectionModel['novelty'] | undefined;
  /** Smallest novelty of an entry; absent: any. */
  readonly noveltyMin?: number | undefined;
  readonly instruments: readonly Instrument[];
  /** Epoch seconds: bars that close from then on, until before `to`, are evaluated; those before warm the features. */
  readonly from: number;
  readonly to: number;
  readonly costs: InstrumentCosts;
  /** Minimum of the plain F1; null: none. */
  readonly f1Floor: number | null;
  readonly biasLimits: BiasLimits;
  readonly seed: string;
  /**
   * Counts a look at the evaluated bars, before its result is known, and gives its number, from 1. Not called where the
   * model has learned from some of them.
   */
  countLook(look: EvaluationLook): number;
}

/** First and last evaluated close, epoch seconds, and the trades between them. */
export interface EvaluationLook {
  readonly from: number;
  readonly to: number;
  readonly trades: readonly Trade[];
}

/** A finished model on bars that it has not learned from. */
export interface DirectionEvaluation {
  /** First and last evaluated close, epoch seconds. */
  readonly period: { readonly from: number; readonly to: number };
  /** The model has learned from bars of the period: no edge is claimed. */
  readonly inSample: boolean;
  /** Number of this look at these bars, and the probability of a false edge that it may have; null in-sample. */
  readonly look: { readonly number: number; readonly level: number } | null;
  readonly metrics: Omit<DirectionMetrics, 'over_blocks'>;
  /** Log loss of the base rates of the training rows, and the model's loss minus theirs; null in earlier bundles. */
  readonly prior: { readonly log_loss: number; readonly difference: LossDifference } | null;
  readonly net: NetResult;
  readonly edge: Readonly<Record<string, InstrumentEdge>>;
  readonly bias: DirectionBias;
  readonly gates: readonly GateResult[];
}

/** Rows that a model must be opened for. */
export const rowsPerScore = ROWS_PER_SCORE;

/**
 * Measures the model of a bundle with its own threshold: probabilities against the labels, and trades after costs.
 * There is nothing to choose, so that every bar is out of sample if the model has not learned from it. Who evaluates
 * several models, or one with several costs, on the same bars chooses among them: each is a look (`lookLevel`).
 * @throws MinutehandError SERIES_FORESIGHT; DATA_TOO_SHORT without a labeled bar in the period
 */
export async function evaluateDirection(request: EvaluationRequest): Promise<DirectionEvaluation> {
  const { manifest, instruments, from, to, costs, seed } = request;
  const { timeframe } = manifest;
  const series = refuseForeseeingSeries(instruments);
  const plan = {
    windows: manifest.windows as unknown as InstrumentWindows,
    label: evaluationLabel(timeframe).policy,
  };
  const rows = instrumentRows(instruments, plan);
  const chosen = positions(rows.time.length, (row) => rows.time[row]! >= from && rows.time[row]! < to);
  if (chosen.length === 0)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `no labeled bar from ${isoSecond(from)} on`,
      expected: 'bars after the labels of the training period, and 24 hours after them',
      next: 'Give newer bars, or `--from` with an earlier day: figures of the training period are in-sample.',
    });
  const answers = await answersTo(request.infer, rows, chosen);
  const trades = tradesOf(request, rows, answers);
  const symbols = instruments.map(({ bars: { symbol } }) => symbol);
  const times = chosen.map((row) => rows.time[row]!);
  const period = { from: times.reduce((a, b) => Math.min(a, b)), to: times.reduce((a, b) => Math.max(a, b)) };
  const inSample = period.from < firstUnseen(manifest);
  const look = inSample ? null : lookOf(request.countLook({ ...period, trades }));
  const { pooled, edge: found } = edgeClaims(trades, symbols, 1, look?.level);
  const all = netResult(trades, costs, pooled);
  const net = inSample ? { ...all, no_edge: true } : all;
  const edge = inSample ? withoutClaims(found) : found;
  const bias = modelBias(rows, answers, timeframe, request.biasLimits);
  const hasEdge = !net.no_edge || Object.values(edge).some(({ no_edge }) => !no_edge);
  const isOutside = series.length > 0;
  const delayed = hasEdge && isOutside ? await delayedOf(request, plan, chosen, edge, net) : null;
  const metrics = evaluatedMetrics(rows, answers);
  return {
    period,
    inSample,
    look,
    metrics,
    prior: priorOf(manifest, rows, answers, seed),
    net,
    edge,
    bias,
    gates: directionGates({
      bias,
      upOrDown: upOrDownAuc(rows, answers),
      series,
      column: 'of training',
      delayed,
      hasEdge,
      f1: metrics,
      f1Floor: request.f1Floor,
      biasLimits: request.biasLimits,
    }),
  };
}

/**
 * Epoch seconds: bars that close from then on are in no label that the model has learned, of which the one it was
 * trained on may look further ahead than the evaluation label.
 */
export function firstUnseen({
  period,
  label,
  timeframe,
}: Pick<DirectionManifest, 'period' | 'label' | 'timeframe'>): number {
  return Date.parse(period.to) / 1000 + Math.max(LABEL_SECONDS, label.horizon * timeframe);
}

function lookOf(number: number): NonNullable<DirectionEvaluation['look']> {
  return { number, level: lookLevel(number) };
}

function withoutClaims(edge: Readonly<Record<string, InstrumentEdge>>): Record<string, InstrumentEdge> {
  return Object.fromEntries(Object.entries(edge).map(([symbol, own]) => [symbol, { ...own, no_edge: true }]));
}

/** Probabilities of a finished model, and labels, of the chosen rows. @param infer of at most `rowsPerScore` rows */
export async function answersTo(
  infer: DirectionModel['infer'],
  rows: InstrumentRows,
  chosen: Int32Array,
): Promise<EvaluatedAnswers> {
  const x = takeRows(rows.x, chosen);
  const probabilities = new Float64Array(chosen.length * CLASSES);
  const width = barsPerRow(x) * x.columns;
  const chunk = new Float32Array(ROWS_PER_SCORE * width);
  for (let at = 0; at < chosen.length; at += ROWS_PER_SCORE) {
    const count = Math.min(ROWS_PER_SCORE, chosen.length - at);
    chunk.set(modelInputs(x, at, at + count));
    const answers = await infer(chunk, count);
    probabilities.set(answers.subarray(0, count * CLASSES), at * CLASSES);
  }
  const labels = Float64Array.from(chosen, (row) => rows.evaluation[row]!);
  return { classes: CLASSES, probabilities, labels, rows: chosen };
}

/** As the model measures the chosen rows; undefined where its bundle does not describe its training rows. */
export function noveltiesOf(
  { novelty }: { readonly novelty?: DirectionModel['novelty'] | undefined },
  { rows, columns, values }: InstrumentRows['x'],
  chosen: Int32Array,
): Pick<NoveltyLimit, 'novelties'> | undefined {
  if (novelty === undefined) return undefined;
  const novelties = new Float64Array(rows).fill(NaN);
  for (const row of chosen) novelties[row] = novelty.of(values, row * columns);
  return { novelties };
}

/** Trades by the strategy of the bundle, entered within the evaluated rows. */
function tradesOf(
  { manifest, instruments, costs, novelty, noveltyMin }: EvaluationRequest,
  rows: InstrumentRows,
  answers: EvaluatedAnswers,
): ReturnType<typeof backtestStrategy> {
  const byBar = noAnswers(instruments);
  put(byBar, rows, answers.rows, answers.probabilities, noveltiesOf({ novelty }, rows.x, answers.rows));
  return instruments.flatMap((own, i) => backtestStrategy(own, byBar[i]!, () => manifest.strategy, costs, noveltyMin));
}

/** The same with every series one bar later, of the instruments that show an edge. */
async function delayedOf(
  request: EvaluationRequest,
  plan: Parameters<typeof instrumentRows>[1],
  chosen: Int32Array,
  edge: Readonly<Record<string, InstrumentEdge>>,
  net: NetResult,
) {
  const rows = instrumentRows(request.instruments.map(oneBarLater), plan);
  const claimed = Object.keys(edge).filter((symbol) => !edge[symbol]!.no_edge);
  const isClaimed = ({ pairId }: { readonly pairId: string }): boolean =>
    claimed.length === 0 || claimed.includes(pairId);
  const answers = await answersTo(request.infer, rows, chosen);
  const trades = tradesOf(request, rows, answers).filter(isClaimed);
  const claimedEdges = claimed.map((symbol) => edge[symbol]!);
  const count = claimedEdges.reduce((sum, own) => sum + own.trades, 0);
  const claimedNet =
    claimed.length === 0
      ? net.net_bps!
      : claimedEdges.reduce((sum, own) => sum + own.trades * (own.net_bps ?? 0), 0) / count;
  const mean = trades.length === 0 ? null : trades.reduce((sum, { netBps }) => sum + netBps, 0) / trades.length;
  return { net_bps: claimedNet, delayed_net_bps: mean, delayed_trades: trades.length };
}

/** Against the same probabilities for every bar: the base rates of the rows that the model learned from. */
function priorOf(
  { base_rates }: DirectionManifest,
  rows: InstrumentRows,
  answers: EvaluatedAnswers,
  seed: string,
): DirectionEvaluation['prior'] {
  if (base_rates === undefined) return null;
  const probabilities = answers.probabilities.map((_, i) => base_rates[i % CLASSES]!);
  const constant = { ...answers, probabilities };
  const { log_loss } = evaluatedMetrics(rows, constant);
  return { log_loss, difference: lossDifference(rows, answers, constant, `${seed}/prior`) };
}

function isoSecond(seconds: number): string {
  return Number.isFinite(seconds) ? new Date(seconds * 1000).toISOString() : 'the first bar';
}
