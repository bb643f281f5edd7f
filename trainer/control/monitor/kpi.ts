import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import { ALL_PAIRS, type Halt, type HaltReason } from '../../../shared/bundle/halts.ts';
import type { RetrainPolicy } from '../../../shared/policy/policy.ts';
import { cumulate, maxDrawdown, totalCurve, type PnlChanges } from '../../learning/backtest/equity.ts';
import type { JudgedCandidates, TradeRecord } from '../../learning/strategies/pair_reversion/backtest/period.ts';
import { evidenceBelow } from '../../learning/profile/evidence.ts';
import { isWin } from '../../learning/profile/performance_drift.ts';

/** Trades of several pairs, and candidates, closer together than this count as one, since they are dependent. */
const BLOCK_SECONDS = 3600;

/** Signals of a pair by these models, as in the backtest with NO_EDGE applied. */
export interface PublishedPair {
  readonly pairId: string;
  /** Ascending; only trades entered by a signal of these models. */
  readonly trades: readonly TradeRecord[];
  /** Changes of all trades in the backtest; those of other trades are ignored. */
  readonly changes: PnlChanges;
  /** Candidates that AI2 judged, at closes that were answered by these models. Without an edge nothing reaches it. */
  readonly judged: JudgedCandidates;
  /**
   * Epoch seconds: decisions up to this time are ignored, because an operator lifted the pair's halts; −Infinity =
   * never.
   */
  readonly resumed: number;
}

/** Live KPIs of a pair, or of all together. */
export interface Kpi {
  /** Closed trades, and those that the win rate is computed from. */
  readonly trades: number;
  readonly window_trades: number;
  /** Share of the last `kpi_window_trades` that earned after costs. */
  readonly win_rate: number | null;
  /**
   * Deepest fall of the net result from its peak, open position included, as a fraction of the full-size gross
   * notional; of all pairs together, each has the same share.
   */
  readonly drawdown: number;
  /** Bars at which it was flat and an entry was refused by nothing before AI2 (`riskJudgement`). */
  readonly candidates: number;
  /** Share of them that AI2 refused; null without any. */
  readonly refusal_rate: number | null;
  /** Largest e-values so far (evidence.ts) against each limit; 1 where there is no limit. */
  readonly evidence: {
    readonly win_rate: number;
    readonly refusal_rate_low: number;
    readonly refusal_rate_high: number;
  };
}

export interface KpiFigures {
  readonly total: Kpi;
  readonly pairs: Readonly<Record<string, Kpi>>;
}

export type KpiPolicy = Pick<
  RetrainPolicy,
  | 'kpi_window_trades'
  | 'kpi_min_trades'
  | 'kpi_win_rate_min'
  | 'kpi_drawdown_max'
  | 'kpi_refusal_rate_min'
  | 'kpi_refusal_rate_max'
  | 'kpi_false_alarm_rate'
>;

/**
 * KPIs of each pair since its halts were lifted, and of all pairs since all halts were.
 * @param allResumed epoch seconds, like `resumed` of a pair
 */
export function kpiFigures(pairs: readonly PublishedPair[], allResumed: number, policy: KpiPolicy): KpiFigures {
  const figures = pairs.map((pair): [string, Kpi] => [pair.pairId, kpiOf([pair], pair.resumed, policy)]);
  return { total: kpiOf(pairs, allResumed, policy), pairs: Object.fromEntries(figures) };
}

function kpiOf(pairs: readonly PublishedPair[], since: number, policy: KpiPolicy): Kpi {
  const { kpi_window_trades } = policy;
  const own = pairs.map((pair) => ({ ...pair, trades: pair.trades.filter((trade) => trade.entrySignalTime > since) }));
  const closed = own
    .flatMap(({ trades }) => trades.filter(({ exitSignalTime }) => exitSignalTime !== null))
    .sort((a, b) => a.exitSignalTime! - b.exitSignalTime!);
  const window = closed.slice(-kpi_window_trades);
  const judged = pairs.flatMap((pair) => judgedAfter(since, pair)).sort((a, b) => a.close - b.close);
  const candidates = judged.length;
  const refused = judged.filter(({ isRefused }) => isRefused).length;
  return {
    trades: closed.length,
    window_trades: window.length,
    win_rate: window.length === 0 ? null : window.filter(isWin).length / window.length,
    drawdown: maxDrawdown(curveOf(own.map(({ trades, changes }) => changesOf(trades, changes)))),
    candidates,
    refusal_rate: candidates === 0 ? null : refused / candidates,
    evidence: evidenceOf(closed, judged, pairs.length === 1, policy),
  };
}

function evidenceOf(
  closed: readonly TradeRecord[],
  judged: readonly Judged[],
  isOnePair: boolean,
  { kpi_win_rate_min, kpi_refusal_rate_min, kpi_refusal_rate_max }: KpiPolicy,
): Kpi['evidence'] {
  const against = (values: () => readonly number[], limit: number | null): number =>
    limit === null ? 1 : evidenceBelow(values(), limit);
  const byEntry = [...closed].sort((a, b) => a.entrySignalTime - b.entrySignalTime);
  const wins = byEntry.map((trade) => (isWin(trade) ? 1 : 0));
  // One position at a time: the trades of a pair do not overlap.
  const winValues = (): readonly number[] =>
    isOnePair
      ? wins
      : blockMeans(
          byEntry.map(({ entrySignalTime }) => entrySignalTime),
          wins,
        );
  const closes = judged.map(({ close }) => close);
  const isAdmitted = judged.map(({ isRefused }) => (isRefused ? 0 : 1));
  return {
    win_rate: against(winValues, kpi_win_rate_min),
    refusal_rate_low: against(() => blockMeans(closes, isAdmitted).map((share) => 1 - share), kpi_refusal_rate_min),
    refusal_rate_high: against(
      () => blockMeans(closes, isAdmitted),
      kpi_refusal_rate_max === null ? null : 1 - kpi_refusal_rate_max,
    ),
  };
}

/** The mean of each block of time that has values. @param times ascending, epoch seconds */
function blockMeans(times: ArrayLike<number>, values: ArrayLike<number>): number[] {
  const means: number[] = [];
  for (let from = 0; from < times.length;) {
    const block = Math.floor(times[from]! / BLOCK_SECONDS);
    let to = from;
    let sum = 0;
    while (to < times.length && Math.floor(times[to]! / BLOCK_SECONDS) === block) sum += values[to++]!;
    means.push(sum / (to - from));
    from = to;
  }
  return means;
}

/** A candidate that AI2 judged at this close, epoch seconds. */
interface Judged {
  readonly close: number;
  readonly isRefused: boolean;
}

function judgedAfter(since: number, { judged: { refused, admitted } }: PublishedPair): Judged[] {
  const after = (closes: Float64Array, isRefused: boolean): Judged[] =>
    Array.from(closes, (close) => ({ close, isRefused })).filter(({ close }) => close > since);
  return [...after(refused, true), ...after(admitted, false)];
}

/** The changes that belong to these trades, which ascend: a pair has one position at a time. */
function changesOf(trades: readonly TradeRecord[], { time, change }: PnlChanges): PnlChanges {
  let next = 0;
  const isTheirs = time.map((at) => {
    while (next < trades.length && trades[next]!.exitTime < at) next++;
    return next < trades.length && trades[next]!.entryTime <= at ? 1 : 0;
  });
  const kept = (values: Float64Array): Float64Array => values.filter((_, i) => isTheirs[i] === 1);
  return { time: kept(time), change: kept(change) };
}

function curveOf(curves: readonly PnlChanges[]): Float64Array {
  if (curves.length === 1) return cumulate(curves[0]!);
  const times = curves.filter(({ time }) => time.length > 0).map(({ time }) => [time[0]!, time.at(-1)!] as const);
  if (times.length === 0) return new Float64Array();
  const first = Math.min(...times.map(([from]) => from));
  const last = Math.max(...times.map(([, to]) => to));
  return totalCurve(curves, first, (last - first) / SECONDS_PER_BAR + 1);
}

/** A KPI beyond its limit. */
export interface Breach {
  /** `*`: all pairs together. */
  readonly pair_id: string;
  readonly reason: HaltReason;
  readonly seen: string;
  readonly limit: string;
}

/** Pairs to halt; all if the total is beyond a limit. */
export function kpiBreaches({ total, pairs }: KpiFigures, policy: KpiPolicy): Breach[] {
  const needed = neededEvidence(Object.keys(pairs).length + 1, policy);
  return [
    ...breachesOf(ALL_PAIRS, total, policy, needed),
    ...Object.entries(pairs).flatMap(([id, kpi]) => breachesOf(id, kpi, policy, needed)),
  ];
}

/**
 * E-value required for a halt: all tests together have an error rate of at most `kpi_false_alarm_rate`, however often
 * they are checked (Bonferroni). 1 without tests.
 */
export function neededEvidence(subjects: number, policy: KpiPolicy): number {
  const { kpi_false_alarm_rate, kpi_win_rate_min, kpi_refusal_rate_min, kpi_refusal_rate_max } = policy;
  const limits = [kpi_win_rate_min, kpi_refusal_rate_min, kpi_refusal_rate_max].filter((limit) => limit !== null);
  return kpi_false_alarm_rate === null ? 1 : (subjects * limits.length) / kpi_false_alarm_rate;
}

function breachesOf(pair_id: string, kpi: Kpi, policy: KpiPolicy, needed: number): Breach[] {
  const { kpi_min_trades, kpi_win_rate_min, kpi_drawdown_max, kpi_refusal_rate_min, kpi_refusal_rate_max } = policy;
  const { evidence } = kpi;
  const { window_trades, win_rate, drawdown, trades, candidates, refusal_rate } = kpi;
  const found: Breach[] = [];
  if (
    kpi_win_rate_min !== null &&
    win_rate !== null &&
    window_trades >= kpi_min_trades &&
    win_rate < kpi_win_rate_min &&
    evidence.win_rate >= needed
  )
    found.push({
      pair_id,
      reason: 'win_rate',
      seen: `${win_rate.toFixed(2)} of ${window_trades} trades`,
      limit: `at least ${kpi_win_rate_min}`,
    });
  if (kpi_drawdown_max !== null && drawdown > kpi_drawdown_max)
    found.push({
      pair_id,
      reason: 'drawdown',
      seen: `${drawdown.toFixed(4)} of the capital in ${trades} trades`,
      limit: `at most ${kpi_drawdown_max}`,
    });
  if (
    kpi_refusal_rate_max !== null &&
    refusal_rate !== null &&
    candidates >= kpi_min_trades &&
    refusal_rate > kpi_refusal_rate_max &&
    evidence.refusal_rate_high >= needed
  )
    found.push({
      pair_id,
      reason: 'refusal_rate',
      seen: `${refusal_rate.toFixed(3)} of ${candidates} candidates`,
      limit: `at most ${kpi_refusal_rate_max}`,
    });
  if (
    kpi_refusal_rate_min !== null &&
    refusal_rate !== null &&
    candidates >= kpi_min_trades &&
    refusal_rate < kpi_refusal_rate_min &&
    evidence.refusal_rate_low >= needed
  )
    found.push({
      pair_id,
      reason: 'refusal_rate',
      seen: `${refusal_rate.toFixed(3)} of ${candidates} candidates`,
      limit: `at least ${kpi_refusal_rate_min}`,
    });
  return found;
}

/** As `halts.json` has them. */
export function haltsOf(breaches: readonly Breach[], version: string, now: Date): Halt[] {
  return breaches.map((breach) => ({ ...breach, version, since: now.toISOString() }));
}
