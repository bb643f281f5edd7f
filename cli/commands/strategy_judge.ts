import { lookName } from '../../trainer/learning/backtest/holdout_looks.ts';
import type { Command } from 'commander';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { readStrategyDocument } from '../../shared/policy/strategy_file.ts';
import type { JudgeJob } from '../../trainer/jobs/kinds/judge_job.ts';
import { runJudge } from '../../trainer/jobs/kinds/run_judge.ts';
import { ownResources } from '../../trainer/jobs/resources/run_resources.ts';
import { checkLine } from '../../trainer/learning/formula_rules/rule_checks.ts';
import { gitCommit } from '../git_commit.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import type { Output } from '../output.ts';
import { recordJob } from '../recorded_job.ts';
import { parseHoldoutFrom, parseInteger } from '../period.ts';
import { candidateLine } from '../strategy/candidate_line.ts';
import { reportLines } from '../strategy/report_lines.ts';
import { ruleMarketOf } from '../strategy/rule_market.ts';
import { addSubjectOptions, type PeriodFlags } from '../strategy/rule_run.ts';
import { triedLine } from '../strategy/tried_line.ts';

interface JudgeFlags extends PeriodFlags {
  readonly holdoutFrom?: string;
  readonly seed: string;
  readonly resamples: string;
  readonly candidate?: boolean;
  readonly printJob?: boolean;
}

export function addStrategyJudge(strategy: Command, output: () => Output): void {
  const judge = strategy
    .command('judge')
    .argument('<file>', 'a strategy file')
    .description(
      'Judges a rule: trades, deflated Sharpe ratio, bootstrap of its days, fills and series one bar later before the holdout; the edge on the holdout. Each further evaluation of the holdout demands more of it. One failing check refuses the rule. A rule that a person wrote is one trial; one that a search of this installation has tried, as it is or with other numbers, has all the trials of the search, and needs its verdicts to be promoted: `evolve --candidate` gives them.',
    );
  addSubjectOptions(judge)
    .option('--holdout-from <day>', 'start of the holdout (default: the last holdout_fraction of the time)')
    .option('--seed <text>', 'of the bootstrap', '0')
    .option('--resamples <n>', 'of the bootstrap', '1000')
    .option('--candidate', 'keep the rule with its verdicts in this installation, for `models promote`')
    .option('--print-job', 'judge nothing: print these options as a job, for `minutehand job run`')
    .action((file: string, flags: JudgeFlags) => judgeFile(file, flags, output()));
}

async function judgeFile(file: string, flags: JudgeFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const job = jobOf(file, flags, settings);
  if (flags.printJob === true) process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
  else await recordJob(job, settings, output, (own) => runJudgement(job, settings, own));
}

/**
 * The file and the flags as a job.
 * @throws MinutehandError USAGE; as readStrategyDocument
 */
function jobOf(file: string, flags: JudgeFlags, settings: Settings): JudgeJob {
  const { document } = readStrategyDocument(file, settings.minutehand.windows);
  const { holdoutFrom } = flags;
  return {
    kind: 'judge',
    ...ruleMarketOf(flags, document.subject, settings),
    holdout_from: parseHoldoutFrom(holdoutFrom),
    seed: flags.seed,
    resamples: parseInteger(flags.resamples, '--resamples', 100),
    strategy: document,
    output: { candidate: flags.candidate === true },
    trigger: { code: 'command', values: { command: 'strategy judge' } },
  };
}

/** Judges a rule in this process and prints its verdicts. */
export async function runJudgement(job: JudgeJob, settings: Settings, output: Output): Promise<void> {
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['Nothing was written.'] });
  const onProgress = (stage: string, done: number, total: number): void => progress.update(stage, done, total);
  const context = {
    settings,
    paths: homePaths(),
    gitCommit: gitCommit(),
    onProgress,
    onNote: (text: string) => output.note(text),
  };
  const { report, candidate } = await runJudge(job, context).finally(() => progress.stop());
  const { strategy, subject, period, trials, origin, searched } = report;
  output.line(
    `${strategy.name} on ${subject}: development ${period.from} to ${period.holdout_from}, holdout to ${period.to}`,
  );
  if (origin === 'evolved')
    output.line(
      `${triedLine({ trials, searched })} OVERFITTING and WALK_FORWARD are verdicts on the search: \`minutehand evolve --candidate\``,
    );
  else if (trials > 1) output.line(`the last of ${trials} rules that were tried on ${subject}`);
  output.line('development:');
  for (const line of reportLines(report.development)) output.line(`  ${line}`);
  output.line(`holdout, ${lookName(report.holdout_look)}:`);
  for (const line of reportLines(report.holdout)) output.line(`  ${line}`);
  for (const check of report.checks) output.line(checkLine(check));
  const failed = report.checks.filter(({ passed }) => !passed).map(({ code }) => code);
  output.line(report.accepted ? 'ACCEPTED: every check passed' : `REFUSED: ${failed.join(', ')}`);
  if (candidate !== null) output.line(candidateLine(candidate, report.accepted && origin === 'written'));
  output.written(
    candidate === null
      ? null
      : { target: `rule ${candidate.version}`, after: { instrument: subject, passed: report.accepted } },
  );
  const resources = ownResources({ gpu_seconds: null, gpu_memory_bytes: null });
  output.result({ ...report, candidate, resources });
}
