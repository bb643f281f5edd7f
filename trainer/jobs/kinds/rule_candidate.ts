import { basename } from 'node:path';
import { ruleFolder } from '../../../shared/bundle/rule/active_rule.ts';
import { writeRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import type { RuleManifest } from '../../../shared/bundle/rule/rule_manifest.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { isInstrument, symbolsOf } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { StrategyDocument } from '../../../shared/policy/strategy_file.ts';
import { countLook, type EvaluatedBy, type Holdout } from '../../learning/backtest/holdout_looks.ts';
import { isoSecond } from '../../learning/strategies/pair_reversion/backtest/ledger.ts';
import { ruleGates, type RuleCheck } from '../../learning/formula_rules/rule_checks.ts';
import type { RuleReport } from '../../learning/formula_rules/rule_report.ts';
import type { RuleSubject } from '../../learning/formula_rules/rule_subject.ts';
import type { FilledTrade } from '../../learning/trades/backtest.ts';

/** What a job of a rule gets beside its document. */
export interface RuleContext {
  readonly settings: Settings;
  readonly paths: Pick<HomePaths, 'home' | 'models'>;
  /** Of this program, for the manifest; null outside a repository. */
  readonly gitCommit: string | null;
  onProgress(stage: string, done: number, total: number): void;
  /** What a person should know; absent: to standard error. */
  onNote?(line: string): void;
}

/** The bars that a rule is judged on: indexes of the subject's history, ascending; `to` is the bar behind the last. */
export interface JudgedBars {
  readonly from: number;
  readonly holdoutFrom: number;
  readonly to: number;
}

/** A rule with its verdicts, to be kept in this installation. */
export interface CandidateRule {
  readonly strategy: StrategyDocument;
  readonly origin: RuleManifest['origin'];
  readonly trials: number;
  readonly seed: string;
  readonly checks: readonly RuleCheck[];
  readonly holdout: RuleReport;
  readonly look: number;
  readonly report: unknown;
}

/** A rule that was kept. */
export interface KeptRule {
  readonly version: string;
  readonly path: string;
}

/** @throws MinutehandError USAGE for a pair: only rules of instruments are served */
export function refusePairCandidate({ history }: RuleSubject): void {
  if (isInstrument(history.pair)) return;
  throw new MinutehandError('USAGE', {
    seen: `a candidate of the pair ${history.pair.id}`,
    expected: 'the rule of an instrument: no daemon serves a rule of a pair',
  });
}

/**
 * Counts the look of this installation at a holdout, before its result is known.
 * @param market of the bars
 * @param by the rule that is judged, or the search
 * @returns the number of the look, from 1
 */
export function lookAtHoldout(
  { history }: RuleSubject,
  { holdoutFrom, to }: JudgedBars,
  market: Settings['minutehand']['market'],
  models: string,
  by: EvaluatedBy,
) {
  const from = isoSecond(history.time[holdoutFrom]!);
  const end = isoSecond(history.time[to - 1]!);
  const symbols = symbolsOf([history.pair]);
  return (trades: readonly FilledTrade[]): number => countLook(models, { market, from, to: end, symbols }, trades, by);
}

/** The holdout of one subject, by which the trials of its rules are counted. */
export function ruleHoldout(
  { id, history }: RuleSubject,
  { holdoutFrom, to }: JudgedBars,
  market: Settings['minutehand']['market'],
): Holdout {
  return {
    market,
    subject: id,
    from: isoSecond(history.time[holdoutFrom]!),
    to: isoSecond(history.time[to - 1]!),
  };
}

/** Writes a rule with its verdicts, whatever they are: it is served only once it is promoted. */
export function writeCandidate(
  candidate: CandidateRule,
  { history, costs, direction }: RuleSubject,
  { from, holdoutFrom, to }: JudgedBars,
  market: Settings['minutehand']['market'],
  { paths, gitCommit }: Pick<RuleContext, 'paths' | 'gitCommit'>,
): KeptRule {
  const { strategy, origin, trials, seed, checks, holdout, look, report } = candidate;
  const { edge, performance } = holdout;
  const holdoutCheck = checks.find(({ code }) => code === 'HOLDOUT')!;
  const { spread_bps, commission_bps, slippage_bps } = costs.a;
  const path = writeRuleBundle(ruleFolder(paths.models), new Date(MACHINE_CLOCK.nowMs()), {
    manifest: {
      git_commit: gitCommit,
      market,
      instrument: history.pair.id,
      strategy,
      origin,
      ...(direction !== null && { direction }),
      trials,
      seed,
      period: {
        from: isoSecond(history.time[from]!),
        holdout_from: isoSecond(history.time[holdoutFrom]!),
        to: isoSecond(history.time[to - 1]!),
      },
      costs: { spread_bps, commission_bps, slippage_bps },
      gates: ruleGates(checks, look),
      edge: {
        no_edge: !holdoutCheck.passed,
        trades: performance.trades,
        net_bps: performance.mean_net_bps,
        lower_net_bps: edge.lower_5_net_bps,
        p_value: edge.p,
      },
      holdout_look: look,
    },
    report,
  });
  return { version: basename(path), path };
}
