import type { Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { ENTRANTS, type LeagueJob } from '../../trainer/jobs/kinds/league_job.ts';
import { runLeagueJob, type LeagueOutcome } from '../../trainer/jobs/kinds/run_league.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { Figure } from '../../trainer/learning/league/league.ts';
import { experimentJob, type ExperimentFlags } from '../experiment_job.ts';
import { gitCommit } from '../git_commit.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import type { Output } from '../output.ts';
import { recordJob } from '../recorded_job.ts';

const DEFAULT_ENTRANTS = 'prior,logistic,gbdt,random_forest';

interface LeagueFlags extends ExperimentFlags {
  readonly entrants: string;
  readonly cache: boolean;
  readonly printJob?: boolean;
}

export function addLeague(program: Command, output: () => Output): void {
  program
    .command('league')
    .description(
      'Learners of AI1 against each other: identical purged folds, walk-forward blocks and holdout, and the AUC beyond that of sign-randomized markets (skill), each with its standard error by days. ' +
        'Writes no bundle and adopts nothing; each answer to the holdout counts as a look at it.',
    )
    .option('--data <folder>', 'folder of SYMBOL.csv[.gz]; without it, the bars of this installation')
    .option('--from <day>', 'first UTC day or minute of the bars to use')
    .option('--to <day>', 'UTC day or minute of the end')
    .option('--days <n>', 'the last n days of these bars only')
    .option('--holdout-from <day>', 'UTC day or minute of the start of the holdout (default: train.holdout_fraction)')
    .option('--entrants <list>', `of ${ENTRANTS.join(', ')}`, DEFAULT_ENTRANTS)
    .option('--seed <n>', 'seed of row and column sampling', '1')
    .option('--workers <n>', 'threads (default: one for each core); affects speed only, not results')
    .option('--no-cache', 'rebuild all features and labels; the result is the same')
    .option('--print-job', 'play nothing: print these options as a job, for `minutehand job run`')
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand league --data ./m1 --days 120\n  minutehand league --data ./m1 --entrants prior,logistic,gbdt --json',
    )
    .action((flags: LeagueFlags) => play(flags, output()));
}

async function play(flags: LeagueFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const job = jobOf(flags, settings);
  if (flags.printJob === true) process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
  else await recordJob(job, settings, output, (own) => runLeague(job, settings, own));
}

/**
 * The flags as a job.
 * @throws MinutehandError USAGE
 */
function jobOf(flags: LeagueFlags, settings: Settings): LeagueJob {
  const entrants = parseEntrants(flags.entrants);
  const training = experimentJob(flags, settings, 'league', flags.cache);
  const { market, window, seed, source, parameters, resources, trigger } = training;
  return {
    kind: 'league',
    market,
    window,
    seed,
    source: { folder: source.folder },
    parameters: { holdout_from: parameters.holdout_from, entrants },
    resources,
    trigger,
  };
}

/** Plays a league in this process, and prints its table. */
export async function runLeague(job: LeagueJob, settings: Settings, output: Output): Promise<void> {
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['No figures were kept. Looks at the holdout stay counted.'] });
  const onProgress = (stage: string, done: number, total: number): void => progress.update(stage, done, total);
  const context = { settings, paths: homePaths(), gitCommit: gitCommit(), onProgress };
  const outcome = await runLeagueJob(job, context).finally(() => progress.stop());
  output.written({
    action: 'league',
    target: outcome.dataset_id,
    after: { entrants: job.parameters.entrants, holdout_looks: outcome.holdout_looks },
  });
  print(outcome, output);
  output.result(outcome);
}

/** @throws MinutehandError USAGE */
function parseEntrants(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  const isKnown = (name: string): boolean => ENTRANTS.includes(name);
  const known = names.filter(isKnown);
  const unknown = names.find((name) => !isKnown(name));
  if (unknown !== undefined || known.length < 2 || new Set(known).size < known.length)
    throw new MinutehandError('USAGE', {
      seen: `--entrants ${text}`,
      expected: `two or more different ones of ${ENTRANTS.join(', ')}`,
    });
  return known;
}

function print({ entrants, best, simplest_within_error, holdout_looks, folds }: LeagueOutcome, output: Output): void {
  const shown = ({ value, standard_error }: Figure, digits: number): string =>
    `${value === null ? '–' : value.toFixed(digits)}${standard_error === null ? '' : ` ± ${standard_error.toFixed(digits)}`}`;
  const columns = [18, 20, 20, 20, 20, 20, 8] as const;
  const row = (cells: readonly string[]): void =>
    output.line(
      cells
        .map((cell, index) => cell.padEnd(columns[index] ?? 0))
        .join('')
        .trimEnd(),
    );
  output.line(
    `AI1, ${entrants[0]!.folds.rows} rows of ${entrants[0]!.folds.days} days in ${folds} purged folds; ± one standard error by days`,
  );
  row(['entrant', 'log loss, folds', 'behind best', 'AUC, folds', 'AUC, holdout', 'skill, holdout', 'seconds']);
  for (const { name, folds: own, holdout, behind_best, is_within_error, skill, seconds } of entrants)
    row([
      `${name}${is_within_error ? ' *' : ''}`,
      shown(own.log_loss, 5),
      shown(behind_best, 5),
      shown(own.auc, 4),
      shown(holdout.auc, 4),
      skill === null ? '–' : shown({ value: skill.skill, standard_error: skill.standard_error }, 4),
      seconds.toFixed(1),
    ]);
  output.line('* within one standard error of the best log loss of the folds');
  output.line(`Best: ${best}. Simplest within its error: ${simplest_within_error}.`);
  output.line(
    `Skill is the AUC beyond that of markets whose direction is a coin. Looks at this holdout so far: ${holdout_looks}; a training on it now needs more evidence for an edge.`,
  );
}
