import { lowerBound } from '../../../shared/bar_file/bar_file.ts';
import { tradingDayAt } from '../../../shared/core/cost/rollover.ts';
import { meanOf } from '../../../shared/statistics.ts';
import { EDGE_LEVEL, lookLevel, MIN_TRADES } from '../backtest/edge.ts';
import { edgeTest } from '../backtest/edge_test.ts';
import { cumulate, markToMarket, maxDrawdown } from '../backtest/equity.ts';
import { isoSecond } from '../strategies/pair_reversion/backtest/ledger.ts';
import { netInterval, tradeDays, type NetInterval } from '../backtest/net_interval.ts';
import { performanceOf, type Performance } from '../backtest/performance.ts';
import type { FilledTrade } from '../trades/backtest.ts';
import type { RuleSubject } from './rule_subject.ts';
import { ruleTrades, tradeOf, type RuleColumns, type RuleTrade } from './rule_trades.ts';

/** What a rule earned in a period. Basis points of the gross notional per trade. */
export interface RuleReport {
  readonly performance: Performance;
  /** By trading days, 90 %. */
  readonly interval: NetInterval;
  readonly edge: RuleEdge;
  /** The same decisions, both fills one bar later. */
  readonly one_bar_later_net_bps: number | null;
  /** The decisions of the same rule where each auxiliary series is known one bar later. */
  readonly series_one_bar_later_net_bps: number | null;
  /** Spread, commission and slippage of every fill twice; swaps and funding once. */
  readonly doubled_costs_net_bps: number | null;
}

/**
 * Whether the mean net result per trade is above 0 by `edgeTest`: claimed at the level of a counted look at the bars,
 * and of no others.
 */
export interface RuleEdge {
  /** null where looks at the bars are not counted: nothing is claimed. */
  readonly has_edge: boolean | null;
  /** An edge has p below it; null where nothing is claimed. */
  readonly level: number | null;
  /** Of this and the next one: null with fewer than 20 trades. */
  readonly p: number | null;
  readonly lower_5_net_bps: number | null;
}

/** A trade of a rule, as a report has it. Times are UTC instants of the fills. */
export interface ReportedTrade {
  readonly side: -1 | 1;
  readonly entry_time: string;
  readonly exit_time: string;
  readonly reason: string;
  readonly gross_bps: number;
  readonly cost_bps: number;
  /** Swaps and funding; positive is paid. */
  readonly swap_bps: number;
  readonly net_bps: number;
}

export function reportedTrade(trade: FilledTrade): ReportedTrade {
  return {
    side: trade.side,
    entry_time: isoSecond(trade.entryTime),
    exit_time: isoSecond(trade.exitTime),
    reason: trade.reason,
    gross_bps: trade.grossBps,
    cost_bps: trade.costBps,
    swap_bps: trade.swapBps,
    net_bps: trade.netBps,
  };
}

/** What a rule is reported on. */
export interface ReportedRule {
  readonly subject: RuleSubject;
  /** Of the rule in the period. */
  readonly trades: readonly FilledTrade[];
  /** The rule where each auxiliary series is known one bar later. */
  readonly later: RuleColumns;
  /** Number of the look at the bars, from 1; null: not counted, and no edge is claimed. */
  readonly look: number | null;
}

/** @param from first decided bar @param to bars from here on are not decided on */
export function ruleReport({ subject, trades, later, look }: ReportedRule, from: number, to: number): RuleReport {
  const { history, overnight } = subject;
  const { rolls } = overnight;
  const changes = markToMarket(history, trades, overnight);
  const days = tradingDays(subject, changes, from, to);
  const performance = performanceOf({
    trades,
    days: days.map(([, sum]) => sum),
    maxDrawdown: maxDrawdown(cumulate(changes)),
    bars: to - from,
    pairs: 1,
    candidates: 0,
    refusals: {},
  });
  return {
    performance,
    interval: netInterval(
      [tradeDays(trades, rolls)],
      days.map(([day]) => day),
    ),
    edge: ruleEdge(trades, look),
    one_bar_later_net_bps: meanNet(trades.map((trade) => delayedTrade(subject, trade))),
    series_one_bar_later_net_bps: meanNet(ruleTrades(subject, later, from, to)),
    doubled_costs_net_bps: trades.length === 0 ? null : meanNet(trades)! - meanOf(trades.map(({ costBps }) => costBps)),
  };
}

/** Net results of the trading days of a period, in order; 0 where nothing was held. */
export function ruleDays(subject: RuleSubject, trades: readonly FilledTrade[], from: number, to: number): number[] {
  const changes = markToMarket(subject.history, trades, subject.overnight);
  return tradingDays(subject, changes, from, to).map(([, sum]) => sum);
}

function tradingDays(
  { history, overnight: { rolls } }: RuleSubject,
  changes: ReturnType<typeof markToMarket>,
  from: number,
  to: number,
): (readonly [number, number])[] {
  const dayOf = new Map<number, number>();
  for (let t = from; t < to; t++) dayOf.set(tradingDayAt(rolls, history.time[t]!), 0);
  for (let i = 0; i < changes.time.length; i++) {
    const day = tradingDayAt(rolls, changes.time[i]!);
    dayOf.set(day, (dayOf.get(day) ?? 0) + changes.change[i]!);
  }
  return [...dayOf].sort(([a], [b]) => a - b);
}

/** @param look at the bars of the trades, from 1; null: not counted */
export function ruleEdge(trades: readonly FilledTrade[], look: number | null): RuleEdge {
  const test = trades.length < MIN_TRADES ? null : edgeTest(trades);
  const level = look === null ? null : lookLevel(look);
  const has_edge = level === null ? null : test !== null && test.p < level;
  return { has_edge, level, p: test?.p ?? null, lower_5_net_bps: test?.lowerBound(EDGE_LEVEL) ?? null };
}

/** The same decisions, filled one bar later. */
export function delayedTrade(subject: RuleSubject, trade: FilledTrade): FilledTrade {
  const { side, entrySignal, exitSignal, exitBar, reason } = trade;
  const decided: RuleTrade = { side, entry: entrySignal, exit: exitSignal, exitBar, reason };
  return tradeOf(subject, decided, 1);
}

export function meanNet(trades: readonly FilledTrade[]): number | null {
  return trades.length === 0 ? null : meanOf(trades.map(({ netBps }) => netBps));
}

/** The bars whose decisions belong to a period, epoch seconds. */
export function barsOfPeriod({ history }: RuleSubject, from: number, to: number): { from: number; to: number } {
  return { from: lowerBound(history.time, from), to: lowerBound(history.time, to) };
}

/** First bar of the trading day that begins at `time` or later: no trading day belongs to both periods. */
export function holdoutBar({ history, overnight }: RuleSubject, time: number): number {
  const day = overnight.rolls.find((roll) => roll.time >= time)?.time ?? time;
  return lowerBound(history.time, day);
}
