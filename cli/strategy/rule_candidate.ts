import { basename } from 'node:path';
import { ruleFolder } from '../../shared/bundle/rule/active_rule.ts';
import { writeRuleBundle } from '../../shared/bundle/rule/rule_bundle.ts';
import type { RuleManifest } from '../../shared/bundle/rule/rule_manifest.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { isInstrument } from '../../shared/pair.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { StrategyDocument } from '../../shared/policy/strategy_file.ts';
import { isoSecond } from '../../trainer/learning/backtest/ledger.ts';
import { countLook } from '../../trainer/learning/backtest/holdout_looks.ts';
import { ruleGates, type RuleCheck } from '../../trainer/learning/formula_rules/rule_checks.ts';
import type { RuleReport } from '../../trainer/learning/formula_rules/rule_report.ts';
import type { RuleSubject } from '../../trainer/learning/formula_rules/rule_subject.ts';
import type { FilledTrade } from '../../trainer/learning/trades/backtest.ts';
import { gitCommit } from '../git_commit.ts';
import type { Output } from '../output.ts';

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

/** @throws MinutehandError USAGE for a pair: only rules of instruments are served */
export function refusePairCandidate({ history }: RuleSubject): void {
  if (isInstrument(history.pair)) return;
  throw new MinutehandError('USAGE', {
    seen: `--candidate with the pair ${history.pair.id}`,
    expected: 'the rule of an instrument: no daemon serves a rule of a pair',
  });
}

/**
 * Counts the look of this installation at a holdout, before its result is known.
 * @param market of the bars
 * @returns the number of the look, from 1
 */
export function lookAtHoldout(
  { history }: RuleSubject,
  { holdoutFrom, to }: JudgedBars,
  market: Settings['minutehand']['market'],
) {
  const from = isoSecond(history.time[holdoutFrom]!);
  const end = isoSecond(history.time[to - 1]!);
  return (trades: readonly FilledTrade[]): number => countLook(homePaths().models, { market, from, to: end }, trades);
}

/** Writes a rule with its verdicts, whatever they are: it is served only once it is promoted. */
export function writeCandidate(
  candidate: CandidateRule,
  { history, costs, direction }: RuleSubject,
  { from, holdoutFrom, to }: JudgedBars,
  market: Settings['minutehand']['market'],
  output: Output,
): { readonly version: string; readonly path: string } {
  const { strategy, origin, trials, seed, checks, holdout, look, report } = candidate;
  const { edge, performance } = holdout;
  const holdoutCheck = checks.find(({ code }) => code === 'HOLDOUT')!;
  const { spread_bps, commission_bps, slippage_bps } = costs.a;
  const path = writeRuleBundle(ruleFolder(homePaths().models), new Date(MACHINE_CLOCK.nowMs()), {
    manifest: {
      git_commit: gitCommit(),
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
  const version = basename(path);
  const hasPassed = checks.every(({ passed }) => passed);
  output.written({ target: `rule ${version}`, after: { instrument: history.pair.id, passed: hasPassed } });
  output.line(
    hasPassed
      ? `Candidate ${path}. \`minutehand models promote ${version}\` has a running daemon serve it.`
      : `Candidate ${path}. It failed its judgement: \`minutehand models promote\` refuses it without an override.`,
  );
  return { version, path };
}
