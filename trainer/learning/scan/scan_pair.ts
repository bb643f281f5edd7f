import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import type { OpenTime } from '../../../shared/bar.ts';
import { clipBars, lowerBound } from '../../../shared/bar_file/bar_file.ts';
import type { DecisionPolicy, ModelScores } from '../../../shared/strategies/pair_reversion/pair_input.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { ln } from '../../../shared/elementary.ts';
import type { Pair } from '../../../shared/pair.ts';
import type { PairFillCosts } from '../../../shared/core/cost/fill_cost.ts';
import { runBacktest, type FilledTrade } from '../trades/backtest.ts';
import { EDGE_LEVEL, MIN_TRADES } from '../backtest/edge.ts';
import { edgeTest } from '../backtest/edge_test.ts';
import { markToMarket } from '../backtest/equity.ts';
import { breakEven } from '../backtest/holdout_performance.ts';
import { tradingDayAt, type Rollover } from '../../../shared/core/cost/rollover.ts';
import type { SwapCosts } from '../../../shared/core/cost/swap.ts';
import { findLeadLag, type LeadLag } from '../data_quality/lead_lag.ts';
import { buildPairHistory, matchMinutes, type PairHistory } from '../history/pair_history.ts';
import { engleGranger, type Cointegration } from './engle_granger.ts';

/** Without models: every candidate whose distance to z_exit exceeds its costs is entered. */
const CERTAIN: ModelScores = { return_prob: 1, risk_score: 0 };

/** Epoch seconds. Choices use [from, holdoutFrom) only; the rest is the holdout. */
export interface ScanSpan {
  readonly from: number;
  readonly holdoutFrom: number;
}

/** One pair in one timeframe, with all windows. */
export interface ScanTask {
  readonly pair: Pair;
  readonly a: BarColumns;
  readonly b: BarColumns;
  /** Their bars as they are, before those of a longer timeframe are made: a lag of minutes shows in no other. */
  readonly own: { readonly a: BarColumns; readonly b: BarColumns };
  readonly windows: readonly Windows[];
  readonly span: ScanSpan;
  readonly policy: DecisionPolicy;
  readonly costs: PairFillCosts & { readonly a: SwapCosts; readonly b: SwapCosts };
  readonly rolls: readonly Rollover[];
}

/** Basis points per trade of gross notional at full size; null without trades. */
export interface PeriodFigures {
  readonly trades: number;
  readonly win_rate: number | null;
  readonly gross_bps: number | null;
  /** Of entry and exit: spread, commission, slippage. */
  readonly cost_bps: number | null;
  /** Overnight swaps; negative where they were earned. */
  readonly swap_bps: number | null;
  /** gross − cost − swap. */
  readonly net_bps: number | null;
  /** Round-trip costs, without overnight swaps, at which the net result is 0. */
  readonly break_even_cost_bps: number | null;
  /** Lower 5 % bound of `net_bps`; null with fewer than 20 trades. */
  readonly lower_5_net_bps: number | null;
  /** P(so high a `net_bps`) when the true one is 0; null with fewer than 20 trades. */
  readonly p: number | null;
  readonly mean_bars_held: number | null;
}

/** One pair, timeframe and windows in both periods. */
export interface ScannedWindows {
  readonly windows: Windows;
  readonly development: PeriodFigures;
  readonly holdout: PeriodFigures;
  /** Net results of all trading days, fractions of the notional, indexed as `tradingDayAt`. */
  readonly days: Float64Array;
}

export interface ScannedPair {
  readonly pair: Pair;
  /** Bars of both legs in the development period. */
  readonly bars: number;
  readonly cointegration: Cointegration | null;
  /** One leg repeats the other at another time; null where none does. By the bars of both periods. */
  readonly lag: LeadLag | null;
  /** Whether the development period alone shows a lag: no choice uses the holdout. */
  readonly isLagging: boolean;
  readonly trials: readonly ScannedWindows[];
}

/**
 * Cointegration on the development period, and trades of each set of windows in both periods by the daemon's features
 * and decision. Positions open at the end of the development period are closed there, so that no trade sees the
 * holdout.
 */
export function scanPair(task: ScanTask): ScannedPair {
  const { pair, a, b, span } = task;
  const { length, inA, inB } = matchMinutes(a, b);
  const time = Float64Array.from(inA.subarray(0, length), (i) => a.time[i]!);
  const end = lowerBound(time, span.holdoutFrom);
  const logs = ({ close }: BarColumns, at: Int32Array): Float64Array =>
    Float64Array.from(at.subarray(0, end), (i) => ln(close[i]!));
  return {
    pair,
    bars: end,
    cointegration: engleGranger(logs(a, inA), logs(b, inB)),
    ...lagOf(task),
    trials: task.windows.map((windows) => scanWindows(task, windows)),
  };
}

function lagOf({ own, span }: ScanTask): Pick<ScannedPair, 'lag' | 'isLagging'> {
  const to = span.holdoutFrom as OpenTime;
  const before = findLeadLag(clipBars(own.a, undefined, to), clipBars(own.b, undefined, to));
  return { lag: before ?? findLeadLag(own.a, own.b), isLagging: before !== null };
}

function scanWindows(task: ScanTask, windows: Windows): ScannedWindows {
  const { pair, a, b, span, rolls } = task;
  const history = buildPairHistory(pair, a, b, windows, () => false);
  const first = lowerBound(history.time, span.from);
  const border = lowerBound(history.time, span.holdoutFrom);
  const before = tradesOf(history, first, border, task);
  const after = tradesOf(history, border, history.length, task);
  const days = new Float64Array(rolls.length + 1);
  const { time, change } = markToMarket(history, [...before, ...after], { rolls, swaps: task.costs });
  for (let i = 0; i < time.length; i++) days[tradingDayAt(rolls, time[i]!)]! += change[i]!;
  return {
    windows,
    development: figuresOf(before),
    holdout: figuresOf(after),
    days,
  };
}

function tradesOf(history: PairHistory, from: number, to: number, task: ScanTask): readonly FilledTrade[] {
  const { policy, costs, rolls } = task;
  return runBacktest(history, from, to, {
    thresholds: { theta1: 0, theta2: 1 },
    policy: { ...policy, require_edge: false },
    edge: true,
    costs,
    overnight: { rolls, swaps: costs },
    scores: () => CERTAIN,
  }).trades;
}

function figuresOf(trades: readonly FilledTrade[]): PeriodFigures {
  const { mean_cost_bps = null, break_even_cost_bps = null } = breakEven(trades);
  const count = trades.length;
  const mean = (of: (trade: FilledTrade) => number): number | null =>
    count === 0 ? null : trades.reduce((sum, trade) => sum + of(trade), 0) / count;
  const test = count < MIN_TRADES ? null : edgeTest(trades);
  const held = trades.reduce((sum, { entryBar, exitBar }) => sum + exitBar - entryBar, 0);
  return {
    trades: count,
    win_rate: mean(({ netBps }) => (netBps > 0 ? 1 : 0)),
    gross_bps: mean(({ grossBps }) => grossBps),
    cost_bps: mean_cost_bps,
    swap_bps: mean(({ swapBps }) => swapBps),
    net_bps: mean(({ netBps }) => netBps),
    break_even_cost_bps,
    lower_5_net_bps: test?.lowerBound(EDGE_LEVEL) ?? null,
    p: test?.p ?? null,
    mean_bars_held: count === 0 ? null : held / count,
  };
}
