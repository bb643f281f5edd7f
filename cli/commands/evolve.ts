import type { Command } from 'commander';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import type { StrategyDocument } from '../../shared/policy/strategy_file.ts';
import type { EvolveJob } from '../../trainer/jobs/kinds/evolve_job.ts';
import { runEvolve } from '../../trainer/jobs/kinds/run_evolve.ts';
import { generationsFile } from '../../trainer/jobs/kinds/kept_generations.ts';
import { ownResources } from '../../trainer/jobs/resources/run_resources.ts';
import type { EvolveResult } from '../../trainer/learning/evolve/judge.ts';
import { readSpaceFile } from '../../trainer/learning/evolve/search_space.ts';
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

interface EvolveFlags extends PeriodFlags {
  readonly holdoutFrom?: string;
  readonly seed: string;
  readonly resamples: string;
  readonly out?: string;
  readonly candidate?: boolean;
  readonly cache: boolean;
  readonly printJob?: boolean;
}

export function addEvolve(program: Command, output: () => Output): void {
  addSubjectOptions(
    program
      .command('evolve')
      .argument('<space>', 'a search space, such as config/strategies/spaces/hourly.yaml')
      .description(
        'Searches rules of a declared space (features, thresholds, stops, targets, ages) by genetic programming on the development period, and judges the one that it proposes: deflated Sharpe ratio over every rule ever evaluated, ' +
          `probability of backtest overfitting, test for superior predictive ability, walk-forward searches, holdout, fills and series one bar later. One failing check refuses it. docs/guides/STRATEGIES.md explains space and checks.`,
      ),
  )
    .option('--holdout-from <day>', 'start of the holdout (default: the last holdout_fraction of the time)')
    .option('--seed <text>', 'of the search and the bootstrap; the same seed and bars give the same bytes', '0')
    .option('--resamples <n>', 'of the bootstrap', '1000')
    .option(
      '--out <folder>',
      'folder for report.json, rule.yaml and state.json, from which a search that was killed continues, and one that has ended is judged again (default: its generations are kept in this installation)',
    )
    .option('--candidate', 'keep the proposed rule with its verdicts in this installation, for `models promote`')
    .option('--no-cache', 'search anew, also where generations of this search are kept; the result is the same')
    .option('--print-job', 'search nothing: print these options as a job, for `minutehand job run`')
    .action((file: string, flags: EvolveFlags) => search(file, flags, output()));
}

async function search(file: string, flags: EvolveFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const job = jobOf(file, flags, settings);
  if (flags.printJob === true) process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
  else await recordJob(job, settings, output, (own) => runEvolution(job, settings, own));
}

/**
 * The space and the flags as a job.
 * @throws MinutehandError USAGE; as readSpaceFile
 */
function jobOf(file: string, flags: EvolveFlags, settings: Settings): EvolveJob {
  const { document, subject } = readSpaceFile(file, settings.minutehand.windows);
  const { holdoutFrom, out } = flags;
  return {
    kind: 'evolve',
    ...ruleMarketOf(flags, subject, settings),
    holdout_from: parseHoldoutFrom(holdoutFrom),
    seed: flags.seed,
    resamples: parseInteger(flags.resamples, '--resamples', 100),
    space: document,
    output: { folder: out ?? null, candidate: flags.candidate === true },
    ...(!flags.cache && { cache: false }),
    trigger: { code: 'command', values: { command: 'evolve' } },
  };
}

/** Searches rules in this process and prints what it found. */
export async function runEvolution(job: EvolveJob, settings: Settings, output: Output): Promise<void> {
  const paths = homePaths();
  const progress = output.progress();
  tellWhenInterrupted({
    output,
    progress,
    kept: () => [`The same command continues from the generations in ${generationsFile(job, paths)}.`],
  });
  const onProgress = (stage: string, done: number, total: number): void => progress.update(stage, done, total);
  const context = { settings, paths, gitCommit: gitCommit(), onProgress, onNote: (text: string) => output.note(text) };
  const { report, files, candidate } = await runEvolve(job, context).finally(() => progress.stop());
  output.line(
    `${report.space.name} on ${report.subject}: development ${report.development.from} to ${report.development.to}, holdout to ${report.holdout.to}`,
  );
  for (const line of resultLines(report)) output.line(line);
  if (files !== null) output.line(`Written: ${Object.values(files).join(', ')}`);
  if (job.output.candidate && candidate === null) output.note('No candidate was written: the search proposed no rule.');
  if (candidate !== null) output.line(candidateLine(candidate, report.accepted));
  output.written(
    candidate === null
      ? null
      : {
          target: `rule ${candidate.version}`,
          after: { instrument: report.subject, passed: report.accepted },
        },
  );
  const resources = ownResources({ gpu_seconds: null, gpu_memory_bytes: null });
  output.result({ ...report, files, candidate, resources });
}

function resultLines({ trials, searches, proposed, checks, accepted }: EvolveResult): string[] {
  const rules = `${trials} rules were evaluated in ${searches.length} searches: ${searches.map((own) => `${own.rules} on ${own.blocks} blocks`).join(', ')}`;
  if (proposed === null) return [rules, 'REFUSED: no rule has 20 trades on the development period'];
  const { strategy, walk_forward } = proposed;
  const failed = checks.filter(({ passed }) => !passed).map(({ code }) => code);
  return [
    rules,
    `proposed: ${formulaText('long', strategy.entry_long)}${formulaText('short', strategy.entry_short)}stop ${bps(strategy.stop)}, target ${bps(strategy.target)}, at most ${strategy.max_age} bars`,
    `Sharpe ratio of the training blocks ${proposed.sharpe.toFixed(2)}; the best of as many rules without skill is expected to reach ${proposed.expected_max_sharpe.toFixed(2)}`,
    'development:',
    ...reportLines(proposed.development).map((line) => `  ${line}`),
    `walk-forward: ${walk_forward.trades} trades, net ${walk_forward.net_bps === null ? '–' : walk_forward.net_bps.toFixed(2)} bps`,
    'holdout:',
    ...reportLines(proposed.holdout).map((line) => `  ${line}`),
    ...checks.map(checkLine),
    accepted ? 'ACCEPTED: every check passed' : `REFUSED: ${failed.join(', ')}`,
  ];
}

function formulaText(side: string, formula: string | undefined): string {
  return formula === undefined ? '' : `${side} when ${formula}; `;
}

function bps(distance: StrategyDocument['stop']): string {
  return distance?.bps === undefined ? 'none' : `${distance.bps} bps`;
}
