import type { FormulaStrategy } from '../../../shared/policy/strategy_file.ts';
import { lookLevel, MIN_TRADES } from '../backtest/edge.ts';
import { expectedMaxSharpe, probabilisticSharpe, sharpeFacts } from '../statistics/deflated_sharpe_ratio.ts';
import { superiorAbility } from '../statistics/superior_ability.ts';
import type { FilledTrade } from '../trades/backtest.ts';
import { MAX_SPA_P, MIN_DEFLATED_SHARPE, oneBarLaterCheck, ruleCheck, type RuleCheck } from './rule_checks.ts';
import { laterColumns, ruleColumns } from './rule_columns.ts';
import { reportedTrade, ruleDays, ruleReport, type ReportedTrade, type RuleReport } from './rule_report.ts';
import type { RuleSubject } from './rule_subject.ts';
import { ruleTrades } from './rule_trades.ts';

export interface JudgeOptions {
  readonly subject: RuleSubject;
  readonly strategy: FormulaStrategy;
  /** Rules that were tried before this one was chosen, itself included. */
  readonly trials: number;
  /** Bars that are decided on, [from, to). */
  readonly bars: { readonly from: number; readonly to: number };
  /** First bar of the holdout. */
  readonly holdoutFrom: number;
  readonly seed: string;
  /** Of the bootstrap. */
  readonly resamples: number;
  /** Counts the evaluation of the holdout before its result is known. @returns its number, from 1 */
  lookAt(trades: readonly FilledTrade[]): number;
}

/** A rule, judged. */
export interface JudgedRule {
  readonly checks: readonly RuleCheck[];
  /** Whether all checks passed. */
  readonly accepted: boolean;
  readonly holdout_look: number;
  readonly deflated_sharpe: number;
  readonly spa_p: number;
  readonly development: RuleReport;
  readonly holdout: RuleReport;
  /** Of both periods, in order. */
  readonly trades: readonly ReportedTrade[];
}

/**
 * Probability that the Sharpe ratio of daily results is above what the best of as many trials without skill is expected
 * to reach; NaN without results. With the variance of the ratio of independent days without skill, as a search has it.
 */
export function deflatedSharpeOf(days: Float64Array, trials: number): number {
  if (!hasResults(days)) return NaN;
  return probabilisticSharpe(sharpeFacts(days), expectedMaxSharpe(trials, 1 / (days.length - 1)));
}

function hasResults(days: Float64Array): boolean {
  return days.length > 1 && days.some((day) => day !== 0);
}

/**
 * Judges a rule by the checks of an evolved one that do not ask about its search. On the bars before the holdout:
 * trades, the probability that its Sharpe ratio is above what the best of as many trials without skill is expected to
 * reach (0 of one trial), the bootstrap of its days, and fills and series one bar later; on the holdout: its edge, at
 * the level of this look.
 */
export function judgeRule(options: JudgeOptions): JudgedRule {
  const { subject, strategy, trials: tried, bars, holdoutFrom, seed, resamples, lookAt } = options;
  const columns = ruleColumns(subject, strategy);
  const trades = ruleTrades(subject, columns, bars.from, holdoutFrom);
  const days = Float64Array.from(ruleDays(subject, trades, bars.from, holdoutFrom));
  const isTraded = hasResults(days);
  const deflated = deflatedSharpeOf(days, tried);
  const spa = isTraded ? superiorAbility([days], { seed: `${seed}/judge`, resamples }).adjusted[0]! : NaN;
  const later = laterColumns(subject, strategy);
  const development = ruleReport({ subject, trades, later, look: null }, bars.from, holdoutFrom);
  const tested = ruleTrades(subject, columns, holdoutFrom, bars.to);
  const look = lookAt(tested);
  const holdout = ruleReport({ subject, trades: tested, later, look }, holdoutFrom, bars.to);
  const checks = [
    ruleCheck('TRADES', trades.length, '>=', MIN_TRADES),
    ruleCheck('DEFLATED_SHARPE', deflated, '>=', MIN_DEFLATED_SHARPE),
    ruleCheck('SPA', spa, '<=', MAX_SPA_P),
    ruleCheck('HOLDOUT', holdout.edge.p, '<', lookLevel(look)),
    oneBarLaterCheck(development),
  ];
  const accepted = checks.every(({ passed }) => passed);
  return {
    checks,
    accepted,
    holdout_look: look,
    deflated_sharpe: deflated,
    spa_p: spa,
    development,
    holdout,
    trades: [...trades, ...tested].map(reportedTrade),
  };
}
