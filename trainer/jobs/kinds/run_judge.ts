import { strategyIdentity } from '../../../shared/bundle/rule/rule_identity.ts';
import type { RuleManifest } from '../../../shared/bundle/rule/rule_manifest.ts';
import type { SearchedBefore } from '../../../shared/bundle/rule/searched_rules.ts';
import { keyText, problemsError } from '../../../shared/policy/problem.ts';
import {
  checkStrategy,
  strategyReadsProbabilities,
  type FormulaStrategy,
  type StrategyDocument,
} from '../../../shared/policy/strategy_file.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { isoSecond } from '../../learning/strategies/pair_reversion/backtest/ledger.ts';
import { countTrials, trialsOnSubject } from '../../learning/backtest/trial_ledger.ts';
import { judgeRule, type JudgedRule } from '../../learning/formula_rules/judge_rule.ts';
import { refuseForeignBars } from '../other_market.ts';
import { holdoutOf } from './holdout.ts';
import { refuseMissingDirection } from './missing_direction.ts';
import { readRuleSubject, refuseFewBars } from './read_rule_subject.ts';
import {
  lookAtHoldout,
  refusePairCandidate,
  ruleHoldout,
  writeCandidate,
  type KeptRule,
  type RuleContext,
} from './rule_candidate.ts';
import { furtherTrials, triedBefore } from './trials_of_rule.ts';
import type { JudgeJob } from './judge_job.ts';

/** All figures of a judgement. */
export interface JudgeReport extends JudgedRule {
  readonly strategy: StrategyDocument;
  readonly subject: string;
  readonly seed: string;
  /** Rules that were tried on the bars before this holdout, or before this one was chosen, itself included. */
  readonly trials: number;
  /** `evolved`: a search has proposed or tried it, and it needs the verdicts on its search as well. */
  readonly origin: RuleManifest['origin'];
  /** Searches of this installation that have tried it, or one of which it is a near copy; null: none. */
  readonly searched: SearchedBefore | null;
  readonly period: { readonly from: string; readonly holdout_from: string; readonly to: string };
}

export interface JudgeProduct {
  readonly report: JudgeReport;
  /** null: it was not asked for. */
  readonly candidate: KeptRule | null;
}

/**
 * Judges one rule; each judgement is an evaluation of the holdout. It activates nothing.
 * @throws MinutehandError CONFIG_INVALID for a rule, DATA_TOO_SHORT, HOLDOUT_SEARCHED, LOOKS_FORMAT; as readRuleSubject
 */
export async function runJudge(job: JudgeJob, context: RuleContext): Promise<JudgeProduct> {
  const { settings, paths, onProgress } = context;
  refuseForeignBars(job, settings);
  const { market, seed, resamples, output } = job;
  const strategy = strategyOf(job.strategy, settings.minutehand.windows);
  refuseMissingDirection('a rule', strategyReadsProbabilities(strategy), job);
  const onRead = (done: number, total: number): void => onProgress('reading bars', done, total);
  const bars = await readRuleSubject(job, strategy.subject, settings, onRead, context.onNote?.bind(context));
  refuseFewBars(bars);
  const { subject, from, to } = bars;
  if (output.candidate) refusePairCandidate(subject);
  const holdoutFrom = holdoutOf(bars, job.holdout_from, settings);
  const judgedBars = { from, holdoutFrom, to };
  const { trials: tried, searched } = triedBefore(job.strategy, strategy, paths.models);
  const place = ruleHoldout(subject, judgedBars, market);
  const work = sha256Hex(`rule ${strategyIdentity(strategy)}`);
  const before = trialsOnSubject(paths.models, place, work);
  // An evolved rule is one of those that its search has counted; one written by hand is a further trial.
  const trials = tried > 1 ? Math.max(tried, before + furtherTrials(searched)) : before + 1;
  const further = trials - before;
  if (further > 0) countTrials(paths.models, place, { kind: 'rule', work, trials: further, before });
  onProgress('judging', 0, 1);
  const judged = judgeRule({
    subject,
    strategy,
    trials,
    bars: { from, to },
    holdoutFrom,
    seed,
    resamples,
    lookAt: lookAtHoldout(subject, judgedBars, market, paths.models, { work }),
  });
  onProgress('judging', 1, 1);
  const { time } = subject.history;
  const period = {
    from: isoSecond(time[from]!),
    holdout_from: isoSecond(time[holdoutFrom]!),
    to: isoSecond(time[to - 1]!),
  };
  const origin = tried > 1 ? 'evolved' : 'written';
  const about = { strategy: job.strategy, subject: subject.id, seed, trials, origin, searched, period } as const;
  const report: JudgeReport = { ...about, ...judged };
  const { checks, holdout, holdout_look: look } = judged;
  const candidate = output.candidate
    ? writeCandidate(
        { strategy: job.strategy, origin, trials, seed, checks, holdout, look, report },
        subject,
        judgedBars,
        market,
        context,
      )
    : null;
  return { report, candidate };
}

/** @throws MinutehandError CONFIG_INVALID */
function strategyOf(document: StrategyDocument, windows: Windows): FormulaStrategy {
  const checked = checkStrategy(document, windows, keyText);
  if (Array.isArray(checked)) throw problemsError(checked);
  return checked as FormulaStrategy;
}
