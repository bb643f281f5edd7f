import { sigmaBps } from '../../../shared/core/cost/expected_net.ts';
import { exp } from '../../../shared/elementary.ts';
import { pairReturn } from '../../../shared/core/position/pair_return.ts';
import {
  decideFormulaRule,
  NO_LIMITS,
  type FormulaRuleQuestion,
  type RuleLimits,
} from '../../../shared/strategies/formula_rule/formula_rule.ts';
import { HOLE_EXIT, isHole, stretchesOf, type Stretch } from '../../../shared/core/recent_history.ts';
import { barSecondsOf } from '../../../shared/pair.ts';
import type { PriceHistory } from '../history/pair_history.ts';
import { filledTrade, type FilledTrade } from '../trades/backtest.ts';
import type { NoveltyOfBars } from './novelty_of_bars.ts';
import type { RuleSubject, TradedSubject } from './rule_subject.ts';

const BPS = 1e4;

/** A rule with the values of its formulas at every bar of a subject: 1 yes, 0 no, NaN unknown; null: never. */
export interface RuleColumns {
  readonly limits: RuleLimits;
  readonly entryLong: ArrayLike<number> | null;
  readonly entryShort: ArrayLike<number> | null;
  readonly exit: ArrayLike<number> | null;
  /** Of a rule that reads the answers of a direction model; null or absent: no entry is refused for it. */
  readonly novelty?: NoveltyOfBars | null;
}

/**
 * Trades of a rule: decided at the close of a bar, filled at the next open, as in every backtest. A position that is
 * open at the end, or at a hole in the bars, is closed at the last open before it.
 * @param from first bar to decide on
 * @param to bars from here on are not there
 */
export function ruleTrades(subject: RuleSubject, rule: RuleColumns, from: number, to: number): FilledTrade[] {
  const { time, pair } = subject.history;
  const stretches = stretchesOf(time, from, to, barSecondsOf(pair));
  return stretches.flatMap((own) => tradesOf(subject, rule, own, own.to < to ? HOLE_EXIT : 'END_OF_DATA'));
}

/** @param endReason of a position that is open at the last bar */
function tradesOf(subject: RuleSubject, rule: RuleColumns, { from, to }: Stretch, endReason: string): FilledTrade[] {
  const trades: FilledTrade[] = [];
  for (let t = from; t + 1 < to; t++) {
    const { action, target } = decideFormulaRule(0, ruleInput(subject, rule, t));
    if (action !== 'ENTER') continue;
    const side = target as -1 | 1;
    const exit = findExit(subject, rule, side, t, to);
    const exitBar = exit === null ? to - 1 : exit.bar + 1;
    // Filled at the last open, it would be closed there.
    if (exitBar > t + 1)
      trades.push(
        tradeOf(subject, {
          side,
          entry: t,
          exit: exit?.bar ?? -1,
          exitBar,
          reason: exit?.reason ?? endReason,
          stopBps: stopOf(subject, rule.limits, t),
        }),
      );
    if (exit === null) break;
    // The bar of the exit does not enter.
    t = exit.bar;
  }
  return trades;
}

/** A position of a rule, and the bars that decided on it; `exit` is −1 where the data ended first, or a hole began. */
export interface RuleTrade {
  readonly side: -1 | 1;
  readonly entry: number;
  readonly exit: number;
  readonly exitBar: number;
  readonly reason: string;
  /** Loss at its stop before costs, basis points; absent without a stop. */
  readonly stopBps?: number | undefined;
}

/** Of an entry at a bar: the nearer one of its two stops. */
function stopOf({ history: { beta, zStd } }: RuleSubject, { stopBps, stopSigmas }: RuleLimits, entry: number) {
  const bySigmas = zStd[entry]! > 0 ? stopSigmas * sigmaBps({ beta: beta[entry]!, zStd: zStd[entry]! }) : Infinity;
  const stop = Math.min(stopBps, bySigmas);
  return stop < Infinity ? stop : undefined;
}

/** The trade with its fills, costs, swaps and funding. @param delay bars by which both fills are late */
export function tradeOf(subject: TradedSubject, trade: RuleTrade, delay = 0): FilledTrade {
  const { history, costs, overnight, funding } = subject;
  const { side, entry, exit, reason, stopBps } = trade;
  const late = (bar: number): number => delayed(history, bar, delay);
  const filled = filledTrade(
    history,
    {
      side,
      beta: history.beta[entry]!,
      entrySignal: entry,
      exitSignal: exit,
      entryBar: late(entry + 1),
      exitBar: late(trade.exitBar),
      reason,
      scale: 1,
      fullScale: 1,
      ...(stopBps !== undefined && { stopBps }),
    },
    { costs, overnight },
  );
  if (funding === null) return filled;
  // Longs pay the rate at each settlement, shorts receive it.
  const fundingBps = side * funding.between(filled.entryTime, filled.exitTime) * BPS;
  return { ...filled, swapBps: filled.swapBps + fundingBps, netBps: filled.netBps - fundingBps };
}

/** The bar of a fill that is late: none behind the end of the bars, or behind a hole. */
function delayed({ time, length, pair }: PriceHistory, bar: number, delay: number): number {
  let late = bar;
  while (late < bar + delay && late + 1 < length && !isHole(time[late]!, time[late + 1]!, barSecondsOf(pair))) late++;
  return late;
}

/** The bar at whose close a position ends, and why; null where the data ends first. */
export function findExit(
  subject: RuleSubject,
  rule: RuleColumns,
  side: -1 | 1,
  entry: number,
  to: number,
): { readonly bar: number; readonly reason: string } | null {
  // One object for all bars: a search asks for millions of them.
  const input: HeldInput = { ...NOTHING_HELD, limits: rule.limits };
  for (let t = entry + 1; t + 1 < to; t++) {
    input.exit = rule.exit?.[t] ?? NaN;
    measureHeld(subject, side, entry, t, input);
    const { action, reason } = decideFormulaRule(side, input);
    if (action === 'EXIT') return { bar: t, reason };
  }
  return null;
}

type HeldInput = { -readonly [Key in keyof FormulaRuleQuestion]: FormulaRuleQuestion[Key] };

const NOTHING_HELD: FormulaRuleQuestion = {
  limits: NO_LIMITS,
  earnedBps: NaN,
  earnedSigmas: NaN,
  ageBars: 0,
  exit: NaN,
  entryLong: NaN,
  entryShort: NaN,
  novelty: NaN,
  noveltyMin: undefined,
};

/** Results and age of a position at the close of a bar. @param entry the bar that decided its entry */
function measureHeld({ history }: RuleSubject, side: -1 | 1, entry: number, t: number, out: HeldInput): void {
  const { lnA, lnB, beta, zStd } = history;
  out.earnedBps = earnedBps(history, side, entry, t);
  const spreadMove = lnA[t]! - lnA[entry]! - beta[entry]! * (lnB[t]! - lnB[entry]!);
  // An instrument has no spread: 0 would be its deviation, and any move infinitely many of them.
  out.earnedSigmas = zStd[entry]! > 0 ? (side * spreadMove) / zStd[entry]! : NaN;
  out.ageBars = t - entry;
}

/** Result before costs at the close of bar `t`, basis points. @param entry the bar that decided the entry */
export function earnedBps({ lnA, lnB, beta }: PriceHistory, side: -1 | 1, entry: number, t: number): number {
  return BPS * pairReturn(side, beta[entry]!, exp(lnA[t]! - lnA[entry]!), exp(lnB[t]! - lnB[entry]!));
}

/** What the rule reads at a bar. @param held the open position: its side, and the bar that decided its entry */
export function ruleInput(
  subject: RuleSubject,
  { limits, entryLong, entryShort, exit, novelty }: RuleColumns,
  t: number,
  held: { readonly side: -1 | 1; readonly entry: number } | null = null,
): FormulaRuleQuestion {
  const input: HeldInput = {
    ...NOTHING_HELD,
    limits,
    exit: exit?.[t] ?? NaN,
    entryLong: entryLong?.[t] ?? NaN,
    entryShort: entryShort?.[t] ?? NaN,
    novelty: novelty?.bars[t],
    noveltyMin: novelty?.min,
  };
  if (held !== null) measureHeld(subject, held.side, held.entry, t, input);
  return input;
}
