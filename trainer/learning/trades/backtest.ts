import type { OpenTime } from '../../../shared/bar.ts';
import { sigmaBps, type Expectation } from '../../../shared/core/cost/expected_net.ts';
import { pairFillCostBps, type PairFillCosts } from '../../../shared/core/cost/fill_cost.ts';
import type {
  DecisionPolicy,
  ModelScores,
  Scores,
  Thresholds,
} from '../../../shared/strategies/pair_reversion/pair_input.ts';
import type { Reason } from '../../../shared/strategies/pair_reversion/reasons.ts';
import { riskJudgement } from '../../../shared/strategies/pair_reversion/risk_refusal.ts';
import { scoresOf } from '../../../shared/strategies/pair_reversion/scores.ts';
import { step, type Step } from '../../../shared/strategies/pair_reversion/step.ts';
import type { ExposureAfter } from '../../../shared/core/position/exposure.ts';
import { applyLeverage } from '../../../shared/core/position/leverage.ts';
import { pairReturn } from '../../../shared/core/position/pair_return.ts';
import { HOLE_EXIT, isHole } from '../../../shared/core/recent_history.ts';
import { barSecondsOf } from '../../../shared/pair.ts';
import { newsWindows } from '../../../shared/core/news/news_windows.ts';
import { FLAT, type Market, type Position } from '../../../shared/core/position/position.ts';
import { marketAt, openTimeAt, type PriceHistory } from '../history/pair_history.ts';
import { tradingDayAt, type Rollover } from '../../../shared/core/cost/rollover.ts';
import { swapBpsPerNight, type SwapCosts } from '../../../shared/core/cost/swap.ts';

const BPS = 1e4;

/** Basis points refer to gross notional at full size; the realized result is `scale` times that. */
export interface Trade {
  readonly pairId: string;
  readonly side: -1 | 1;
  /** Opens of the bars at which the fills took place: the ones after the decisions. */
  readonly entryTime: OpenTime;
  readonly exitTime: OpenTime;
  readonly reason: string;
  /** P&L before costs, basis points of gross notional at full size. */
  readonly grossBps: number;
  /** After spread, commission, slippage and overnight swaps. */
  readonly netBps: number;
  /** What it would lose, costs included, if it ended exactly at its stop; absent without a stop. */
  readonly stopBps?: number;
  /** The most that it was behind at the open of a bar, before costs, basis points; 0 where it never was. */
  readonly adverseBps?: number;
}

/** A trade with its components. */
export interface FilledTrade extends Trade {
  /**
   * Bars of the history at whose close the decisions were made; `exitSignal` is −1 if the data ended first, or a hole
   * began.
   */
  readonly entrySignal: number;
  readonly exitSignal: number;
  /** Bars of the history at whose open the fills took place. */
  readonly entryBar: number;
  readonly exitBar: number;
  /** Hedge ratio, frozen at the entry. */
  readonly beta: number;
  /** position_scale at the entry, as published. */
  readonly scale: number;
  /** AI3's position_scale at the entry, before leverage_reduction_rate. */
  readonly fullScale: number;
  /** Cost of opening both legs, of opening and closing them, and of overnight swaps. */
  readonly entryCostBps: number;
  readonly costBps: number;
  readonly swapBps: number;
}

export interface LegPair<T> {
  readonly a: T;
  readonly b: T;
}

/** Interest on positions held over the end of a trading day. */
export interface OvernightSwaps {
  readonly rolls: readonly Rollover[];
  readonly swaps: LegPair<SwapCosts>;
}

export interface BacktestOptions {
  readonly thresholds: Thresholds;
  readonly policy: DecisionPolicy;
  readonly edge: boolean;
  readonly costs: PairFillCosts;
  /** Default: overnight swaps cost nothing. */
  readonly overnight?: OvernightSwaps;
  /** Calibration of the expected result; default: the result at the barriers. */
  readonly expectation?: Expectation;
  /** Model scores of bar `t`; called only for bars in [from, to). */
  scores(t: number): ModelScores | null;
  /** position_scale of bar `t`; called only at entries. Default: full size. */
  scale?(t: number): number;
  /**
   * Position before the first bar; default: flat. The trade of a position that is open at the start is not recorded.
   */
  readonly start?: Position;
  /** Called with the step at bar `t`. @returns the position to continue with */
  observe?(t: number, done: Step): Position;
}

/** Result of a run over one pair's bars. */
export interface BacktestRun {
  readonly trades: readonly FilledTrade[];
  /** Entry candidates: bars at which the pair was flat and |z| ≥ z_entry. */
  readonly candidates: number;
  /** Number of refused candidates by reason. */
  readonly refusals: Readonly<Partial<Record<Reason, number>>>;
  /** Bars of the candidates that AI2 judged, ascending. */
  readonly riskRefused: readonly number[];
  readonly riskAdmitted: readonly number[];
}

/**
 * Trades of one pair, using the daemon's own `step` bar by bar. A decision at a bar's close is filled at the next open;
 * a position open at the end, or at a hole in the bars, is closed at the last open before it.
 */
export function backtest(history: PriceHistory, from: number, to: number, options: BacktestOptions): FilledTrade[] {
  return [...runBacktest(history, from, to, options).trades];
}

/** As `backtest`, with candidates and refusals. */
export function runBacktest(history: PriceHistory, from: number, to: number, options: BacktestOptions): BacktestRun {
  const pass = startPass(from, options);
  runPass(history, to, options, pass);
  return endPass(history, to, options, pass);
}

/** Where a run over one pair's bars is. */
export interface BacktestPass {
  /** The bar that is decided next. */
  t: number;
  /** Before it. */
  position: Position;
  entrySignal: number;
  candidates: number;
  readonly trades: FilledTrade[];
  readonly refusals: Partial<Record<Reason, number>>;
  readonly riskRefused: number[];
  readonly riskAdmitted: number[];
  /** Whether the run pauses before each entry, until `judged`, and after each entry and exit. */
  readonly pauses: boolean;
  /** The bar whose entry may be decided by `exposure`, what the entry would do to all open positions. */
  judged: number;
  exposure: ExposureAfter | null;
}

export function startPass(from: number, { start = FLAT }: BacktestOptions, pauses = false): BacktestPass {
  const counts = { candidates: 0, trades: [], refusals: {}, riskRefused: [], riskAdmitted: [] };
  return { t: from, position: start, entrySignal: -1, ...counts, pauses, judged: -1, exposure: null };
}

/** Why a run paused: before an entry that nothing of the pair refuses, behind an entry or an exit; null = it ended. */
export type PassEvent = 'asks' | 'entered' | 'exited' | null;

/** Runs on to the end, or to the next event. */
export function runPass(history: PriceHistory, to: number, options: BacktestOptions, pass: BacktestPass): PassEvent {
  const { policy } = options;
  const { trades, refusals, pauses } = pass;
  const news = newsWindows(policy.news, history.pair);
  const terms = { ...options.thresholds, hasEdge: options.edge, isHalted: false, exposure: null, news };
  const { time } = history;
  const barSeconds = barSecondsOf(history.pair);
  let { position } = pass;
  for (let t = pass.t; t + 1 < to; t++) {
    const before = position;
    if (isHole(time[t]!, time[t + 1]!, barSeconds)) {
      // What is decided here would be filled behind the hole.
      if (before.side === 0) continue;
      if (pass.entrySignal >= 0 && pass.entrySignal + 1 < t)
        trades.push(makeTrade(history, before, pass.entrySignal, -1, t, HOLE_EXIT, options));
      const { leverage } = policy;
      ({ position } = applyLeverage(leverage, history.pair, marketAt(history, t), null, 0, before, FLAT, time[t]!));
      pass.entrySignal = -1;
      if (pauses) return pauseAt(pass, t + 1, position, 'exited');
      continue;
    }
    const isCandidate = before.side === 0 && Math.abs(history.z[t]!) >= policy.z_entry;
    // Shortcut: on most bars nothing is decided and no position ages, and a step would take as long as the features.
    if (before.side === 0 && !isCandidate && options.observe === undefined) continue;
    const market = marketAt(history, t);
    const scores = scoresAtBar(market, t, history, options);
    const own = pass.judged === t ? { ...terms, exposure: pass.exposure } : terms;
    const taken = step(market, scores, own, policy, before, '', history.time[t]! as OpenTime);
    const { action, reason } = taken.decision;
    if (pauses && action === 'ENTER' && pass.judged !== t) return pauseAt(pass, t, position, 'asks');
    const fullScale = action === 'ENTER' ? (options.scale?.(t) ?? 1) : 0;
    const risk = scores?.risk_score ?? null;
    const { leverage } = policy;
    const at = history.time[t]!;
    ({ position } = applyLeverage(leverage, history.pair, market, risk, fullScale, before, taken.position, at));
    if (isCandidate) {
      pass.candidates++;
      if (action === 'HOLD') refusals[reason] = (refusals[reason] ?? 0) + 1;
      const judgement = riskJudgement(reason);
      if (judgement !== null) (judgement === 'refused' ? pass.riskRefused : pass.riskAdmitted).push(t);
    }
    if (action === 'EXIT' && pass.entrySignal >= 0)
      trades.push(makeTrade(history, before, pass.entrySignal, t, t + 1, reason, options));
    if (action === 'ENTER') pass.entrySignal = t;
    if (options.observe !== undefined) position = options.observe(t, { ...taken, position });
    if (pauses && action !== 'HOLD') return pauseAt(pass, t + 1, position, action === 'ENTER' ? 'entered' : 'exited');
  }
  pass.t = to;
  pass.position = position;
  return null;
}

function pauseAt(pass: BacktestPass, t: number, position: Position, event: PassEvent): PassEvent {
  pass.t = t;
  pass.position = position;
  return event;
}

/** A position that is open at the end is closed at the last open. */
export function endPass(
  history: PriceHistory,
  to: number,
  options: BacktestOptions,
  { position, entrySignal, trades, candidates, refusals, riskRefused, riskAdmitted }: BacktestPass,
): BacktestRun {
  if (position.side !== 0 && entrySignal >= 0 && entrySignal + 1 < to - 1)
    trades.push(makeTrade(history, position, entrySignal, -1, to - 1, 'END_OF_DATA', options));
  return { trades, candidates, refusals, riskRefused, riskAdmitted };
}

function scoresAtBar(market: Market, t: number, history: PriceHistory, options: BacktestOptions): Scores | null {
  const scores = options.scores(t);
  if (scores === null) return null;
  const { policy, expectation = null, costs } = options;
  const { return_prob, risk_score } = scores;
  const quotedA = history.quotedA[t]!;
  const quotedB = history.quotedB[t]!;
  const time = history.time[t]! as OpenTime;
  const sigmas = scores.result_sigmas ?? NaN;
  const novelty = scores.novelty ?? NaN;
  return scoresOf(market, return_prob, risk_score, policy, expectation, costs, time, quotedA, quotedB, sigmas, novelty);
}

function makeTrade(
  history: PriceHistory,
  position: Position,
  entrySignal: number,
  exitSignal: number,
  exitBar: number,
  reason: string,
  options: BacktestOptions,
): FilledTrade {
  const { side, beta } = position;
  const fullScale = options.scale?.(entrySignal) ?? 1;
  const scale = position.account?.scale ?? fullScale;
  const entryBar = entrySignal + 1;
  const decided = { side: side as -1 | 1, beta, entrySignal, exitSignal, entryBar, exitBar, reason, scale, fullScale };
  const stopBps = options.policy.stop * sigmaBps(position);
  return filledTrade(history, { ...decided, stopBps }, options);
}

/** What a trade was decided to be; the prices and costs of its fills follow. `stopBps` is before costs. */
export type DecidedTrade = Pick<
  FilledTrade,
  'side' | 'beta' | 'entrySignal' | 'exitSignal' | 'entryBar' | 'exitBar' | 'reason' | 'scale' | 'fullScale' | 'stopBps'
>;

/** A trade that was filled at the opens of two bars, with its P&L: that of every backtest. */
export function filledTrade(
  history: PriceHistory,
  decided: DecidedTrade,
  { costs, overnight }: Pick<BacktestOptions, 'costs' | 'overnight'>,
): FilledTrade {
  const { side, beta, entrySignal, exitSignal, entryBar, exitBar, reason, scale, fullScale, stopBps } = decided;
  const gross = grossBps(history, side, beta, entryBar, exitBar);
  const entryCostBps = fillCostAt(history, entryBar, side, beta, costs);
  const costBps = entryCostBps + fillCostAt(history, exitBar, -side, beta, costs);
  const entryTime = openTimeAt(history, entryBar);
  const exitTime = openTimeAt(history, exitBar);
  const swapBps = swapBetween(overnight, side, beta, entryTime, exitTime);
  return {
    pairId: history.pair.id,
    side,
    entryTime,
    exitTime,
    reason,
    grossBps: gross,
    netBps: gross - costBps - swapBps,
    ...(stopBps !== undefined && {
      stopBps: stopBps + costBps,
      adverseBps: adverseBps(entryBar, exitBar, (bar) => grossBps(history, side, beta, entryBar, bar)),
    }),
    entrySignal,
    exitSignal,
    entryBar,
    exitBar,
    beta,
    scale,
    fullScale,
    entryCostBps,
    costBps,
    swapBps,
  };
}

/**
 * How far a position was behind at most.
 * @param grossAt its result at the open of a bar, basis points
 */
export function adverseBps(entryBar: number, exitBar: number, grossAt: (bar: number) => number): number {
  let most = 0;
  for (let bar = entryBar + 1; bar <= exitBar; bar++) most = Math.max(most, -grossAt(bar));
  return most;
}

/** Cost of filling both legs at the open of a bar; leg A is bought if `side` > 0. */
export function fillCostAt(
  history: PriceHistory,
  bar: number,
  side: number,
  beta: number,
  costs: PairFillCosts,
): number {
  const { quotedA, quotedB } = history;
  return pairFillCostBps(costs, beta, openTimeAt(history, bar), quotedA[bar]!, quotedB[bar]!, side);
}

/** P&L before costs of a position between the opens of two bars, in basis points of gross notional. */
export function grossBps(
  { openA, openB }: PriceHistory,
  side: number,
  beta: number,
  entryBar: number,
  exitBar: number,
): number {
  return BPS * pairReturn(side, beta, openA[exitBar]! / openA[entryBar]!, openB[exitBar]! / openB[entryBar]!);
}

/**
 * A position opened at the open of `entry` and closed at the open of `exit` is held over every end of a trading day
 * after the first and up to the second.
 */
export function swapBetween(
  overnight: OvernightSwaps | undefined,
  side: number,
  beta: number,
  entry: number,
  exit: number,
): number {
  if (overnight === undefined) return 0;
  const { rolls, swaps } = overnight;
  let held = 0;
  for (let i = tradingDayAt(rolls, entry); i < rolls.length && rolls[i]!.time <= exit; i++) held += rolls[i]!.swapDays;
  return held === 0 ? 0 : held * swapBpsPerNight(side, beta, swaps.a, swaps.b);
}
