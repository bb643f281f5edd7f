import type { Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { readStrategyDocument } from '../../shared/policy/strategy_file.ts';
import { isoSecond } from '../../trainer/learning/backtest/ledger.ts';
import { judgeRule } from '../../trainer/learning/formula_rules/judge_rule.ts';
import { checkLine } from '../../trainer/learning/formula_rules/rule_checks.ts';
import type { Output } from '../output.ts';
import { parseInteger } from '../period.ts';
import { lookAtHoldout, refusePairCandidate, writeCandidate } from '../strategy/rule_candidate.ts';
import { documentOf, reportLines } from '../strategy/report_lines.ts';
import { addSubjectOptions, readSubject, type PeriodFlags } from '../strategy/rule_run.ts';
import { holdoutOf, marketOfBars } from '../strategy/holdout_option.ts';

interface JudgeFlags extends PeriodFlags {
  readonly holdoutFrom?: string;
  readonly seed: string;
  readonly resamples: string;
  readonly candidate?: boolean;
}

export function addStrategyJudge(strategy: Command, output: () => Output): void {
  const judge = strategy
    .command('judge')
    .argument('<file>', 'a strategy file')
    .description(
      'Judges a rule that a person wrote: trades, deflated Sharpe ratio of one trial, bootstrap of its days and fills one bar later before the holdout; the edge on the holdout. Each further look at a holdout demands more of it. One failing check refuses the rule. A rule that a search proposed is judged by `evolve`, which counts all that it tried.',
    );
  addSubjectOptions(judge)
    .option('--holdout-from <day>', 'start of the holdout (default: the last holdout_fraction of the time)')
    .option('--seed <text>', 'of the bootstrap', '0')
    .option('--resamples <n>', 'of the bootstrap', '1000')
    .option('--candidate', 'keep the rule with its verdicts in this installation, for `models promote`')
    .action((file: string, flags: JudgeFlags) => runJudge(file, flags, output()));
}

async function runJudge(file: string, flags: JudgeFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const { document, strategy } = readStrategyDocument(file, settings.minutehand.windows);
  const resamples = parseInteger(flags.resamples, '--resamples', 100);
  const { subject, from, to } = await readSubject(flags, strategy, output);
  const { time } = subject.history;
  if (to - from < 2)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `${to - from} bars of ${subject.id} in this period whose features are warm`,
      expected: 'two at least',
    });
  if (flags.candidate === true) refusePairCandidate(subject);
  const holdoutFrom = holdoutOf(subject, { from, to }, flags.holdoutFrom, settings);
  const bars = { from, holdoutFrom, to };
  const market = marketOfBars(flags, settings);
  const { seed } = flags;
  const lookAt = lookAtHoldout(subject, bars, market);
  const judged = judgeRule({ subject, strategy, bars: { from, to }, holdoutFrom, seed, resamples, lookAt });
  const period = {
    from: isoSecond(time[from]!),
    holdout_from: isoSecond(time[holdoutFrom]!),
    to: isoSecond(time[to - 1]!),
  };
  output.line(
    `${strategy.name} on ${subject.id}: development ${period.from} to ${period.holdout_from}, holdout to ${period.to}`,
  );
  output.line('development:');
  for (const line of reportLines(judged.development)) output.line(`  ${line}`);
  output.line(`holdout, look ${judged.holdout_look}:`);
  for (const line of reportLines(judged.holdout)) output.line(`  ${line}`);
  for (const check of judged.checks) output.line(checkLine(check));
  const failed = judged.checks.filter(({ passed }) => !passed).map(({ code }) => code);
  output.line(judged.accepted ? 'ACCEPTED: every check passed' : `REFUSED: ${failed.join(', ')}`);
  const report = { strategy: documentOf(strategy), subject: subject.id, seed, period, ...judged };
  const candidate =
    flags.candidate === true
      ? writeCandidate(
          {
            strategy: document,
            origin: 'written',
            trials: 1,
            seed,
            checks: judged.checks,
            holdout: judged.holdout,
            look: judged.holdout_look,
            report,
          },
          subject,
          bars,
          market,
          output,
        )
      : null;
  if (candidate === null) output.written(null);
  output.result({ ...report, candidate });
}
