import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { replaceDurably } from '../../shared/durable_file.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { MACHINE_FILES, isThere } from '../../shared/files.ts';
import { homePaths } from '../../shared/home.ts';
import { FEATURE_FILE, readFeatureFile } from '../../shared/policy/feature_file.ts';
import { loadSettings, ownConfigDir, type Settings } from '../../shared/policy/policy.ts';
import { problemsError } from '../../shared/policy/problem.ts';
import { runAutomlJob } from '../../trainer/jobs/kinds/run_automl.ts';
import { FORMULA_SEARCH_DEFAULTS, type AutomlJob } from '../../trainer/jobs/kinds/automl_job.ts';
import { watchGpu } from '../../trainer/jobs/resources/gpu_watch.ts';
import { ownResources } from '../../trainer/jobs/resources/run_resources.ts';
import { GENERATORS, type Candidate, type Generator } from '../../trainer/learning/automl/candidates.ts';
import { withEntries } from '../../trainer/learning/automl/feature_entries.ts';
import {
  canLeaveOut,
  isSure,
  SURE_ERRORS,
  type AutomlOutcome,
  type Confirmation,
} from '../../trainer/learning/automl/search_formulas.ts';
import { REFUSALS, type Refusal } from '../../trainer/learning/automl/select.ts';
import { experimentJob, type ExperimentFlags } from '../experiment_job.ts';
import { gitCommit } from '../git_commit.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import type { Output } from '../output.ts';
import { recordJob } from '../recorded_job.ts';
import { parseInteger } from '../period.ts';

interface AutomlFlags extends ExperimentFlags {
  readonly generators: string;
  readonly candidates: string;
  readonly most: string;
  readonly level: string;
  readonly minutes?: string;
  readonly shuffleLabels?: boolean;
  readonly write?: boolean;
  readonly printJob?: boolean;
  readonly cache: boolean;
}

const DEFAULTS = FORMULA_SEARCH_DEFAULTS;

export function addAutoml(program: Command, output: () => Output): void {
  program
    .command('automl')
    .description(
      'Searches formulas that help AI1 beyond the columns of its schema: candidates against what a model of the present columns leaves unexplained, with a limit on the share of false ones, ' +
        'then all chosen ones together on later rows that no choice has seen. The holdout is not looked at.',
    )
    .option('--data <folder>', 'folder of SYMBOL.csv[.gz]; without it, the bars of this installation')
    .option('--from <day>', 'first UTC day or minute of the bars to use')
    .option('--to <day>', 'UTC day or minute of the end')
    .option('--days <n>', 'the last n days of these bars only')
    .option('--holdout-from <day>', 'UTC day or minute of the start of the holdout (default: train.holdout_fraction)')
    .option(
      '--generators <list>',
      `of ${GENERATORS.join(', ')}: statistics of the last bars, products and ratios of columns, hour and day`,
      DEFAULTS.generators.join(','),
    )
    .option('--candidates <n>', 'candidates at most; more are thinned by the seed', String(DEFAULTS.candidates))
    .option('--most <n>', 'chosen ones at most', String(DEFAULTS.most))
    .option(
      '--level <share>',
      'expected share of false candidates among those whose effect counts as real',
      String(DEFAULTS.level),
    )
    .option('--minutes <n>', 'test no further candidates after so many minutes; results then depend on the machine')
    .option('--seed <n>', 'seed of candidates, models and tests', '1')
    .option('--workers <n>', 'threads (default: one for each core); affects speed only, not results')
    .option('--shuffle-labels', 'exchange the labels among the rows: nothing should be chosen then')
    .option(
      '--write',
      `add the chosen formulas to ${FEATURE_FILE} if they help by more than ${SURE_ERRORS} standard errors; the next training has them`,
    )
    .option('--no-cache', 'test every candidate, also those whose scores are kept; the result is the same')
    .option('--print-job', 'search nothing: print these options as a job, for `minutehand job run`')
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand automl --data ./m1 --days 120\n  minutehand automl --data ./m1 --generators windows --candidates 200 --json',
    )
    .action((flags: AutomlFlags) => search(flags, output()));
}

async function search(flags: AutomlFlags, output: Output): Promise<void> {
  if (flags.shuffleLabels && flags.write)
    throw new MinutehandError('USAGE', { seen: '--shuffle-labels with --write', expected: 'one of them' });
  const settings = loadSettings();
  const job = jobOf(flags, settings);
  if (flags.printJob === true) process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
  else await recordJob(job, settings, output, (own) => runFormulaSearch(job, settings, own));
}

/**
 * The flags as a job.
 * @throws MinutehandError USAGE
 */
function jobOf(flags: AutomlFlags, settings: Settings): AutomlJob {
  const { market, window, seed, source, parameters, resources, trigger } = experimentJob(
    flags,
    settings,
    'automl',
    false,
  );
  return {
    kind: 'automl',
    market,
    window,
    seed,
    source: { folder: source.folder },
    parameters: {
      holdout_from: parameters.holdout_from,
      search: {
        ...DEFAULTS,
        generators: parseGenerators(flags.generators),
        candidates: atLeastOne(flags.candidates, '--candidates'),
        most: atLeastOne(flags.most, '--most'),
        level: parseLevel(flags.level),
        ...(flags.minutes !== undefined && { limit_minutes: parseMinutes(flags.minutes) }),
        shuffle_labels: flags.shuffleLabels === true,
      },
    },
    output: { write: flags.write === true },
    resources: { workers: resources.workers, cache: flags.cache },
    trigger,
  };
}

/** Runs a search of formulas in this process, prints what it found, and adds it to the feature file if asked to. */
export async function runFormulaSearch(job: AutomlJob, settings: Settings, output: Output): Promise<void> {
  const gpu = watchGpu(process.pid);
  const progress = output.progress();
  const { candidateCache } = homePaths();
  const kept =
    job.resources.cache === false
      ? 'Nothing is kept: the search ran with --no-cache.'
      : `Scores of the tested candidates are in ${candidateCache}: the same command goes on there.`;
  tellWhenInterrupted({ output, progress, kept: () => [kept] });
  const onProgress = (stage: string, done: number, total: number): void => progress.update(stage, done, total);
  const context = { settings, paths: homePaths(), gitCommit: gitCommit(), onProgress };
  const outcome = await runAutomlJob(job, context).finally(() => progress.stop());
  print(outcome, output);
  const isWritten = job.output.write && isSure(outcome);
  const file = join(ownConfigDir(), FEATURE_FILE);
  if (isWritten) {
    write(file, outcome, settings);
    output.line(
      `Written to ${file}. The next training has them; \`minutehand train\` says whether they help on the holdout.`,
    );
  } else if (job.output.write) {
    output.missing(
      outcome.chosen.length === 0
        ? 'Nothing was written: no formula was chosen.'
        : 'Nothing was written: the gain may be chance.',
    );
    process.exitCode = 1;
  }
  output.written(
    isWritten ? { action: 'automl', target: file, after: { formulas: outcome.chosen.map(({ name }) => name) } } : null,
  );
  const entries = outcome.chosen.length === 0 ? '' : withEntries('', outcome.chosen, noteOf(outcome));
  const resources = ownResources(await gpu.stop());
  output.result({ ...outcome, entries, written: isWritten ? file : null, resources });
}

/** @throws MinutehandError USAGE */
function parseGenerators(text: string): Generator[] {
  const names = text.split(',').map((name) => name.trim());
  const isKnown = (name: string): name is Generator => (GENERATORS as readonly string[]).includes(name);
  if (names.every(isKnown)) return names;
  throw new MinutehandError('USAGE', {
    seen: `--generators ${text}`,
    expected: `some of ${GENERATORS.join(', ')}`,
  });
}

/** @throws MinutehandError USAGE */
function atLeastOne(text: string, option: string): number {
  const number = parseInteger(text, option);
  if (number >= 1) return number;
  throw new MinutehandError('USAGE', { seen: `${option} ${text}`, expected: 'an integer from 1 on' });
}

/** @throws MinutehandError USAGE */
function parseLevel(text: string): number {
  const level = Number(text);
  if (level > 0 && level < 1) return level;
  throw new MinutehandError('USAGE', { seen: `--level ${text}`, expected: 'a share above 0 and below 1' });
}

/** @throws MinutehandError USAGE */
function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (minutes > 0 && minutes < Infinity) return minutes;
  throw new MinutehandError('USAGE', { seen: `--minutes ${text}`, expected: 'a number above 0' });
}

/** @throws MinutehandError CONFIG_INVALID when the file would have a problem; it stays as it is then */
function write(file: string, outcome: AutomlOutcome, settings: Settings): void {
  const before = isThere(file) ? readFileSync(file, 'utf8') : '';
  replaceDurably(MACHINE_FILES, file, withEntries(before, outcome.chosen, noteOf(outcome)));
  const { problems } = readFeatureFile(ownConfigDir(), settings.minutehand).pairs;
  if (problems.length === 0) return;
  replaceDurably(MACHINE_FILES, file, before);
  throw problemsError(problems);
}

const REFUSAL_TEXTS: Readonly<Record<Refusal, string>> = {
  chance: 'may be chance',
  unstable: 'help in some parts of the time only',
  redundant: 'repeat a column',
  enough: 'were one too many (--most)',
};

function print(outcome: AutomlOutcome, output: Output): void {
  const { rows, tested, untested, reused, judged, chosen, confirmation, is_shuffled } = outcome;
  const counts = Object.entries(tested).map(([generator, count]) => `${count} of ${generator}`);
  output.line(
    `${judged.length} candidates (${counts.join(', ')}) on ${rows.screened} rows of AI1${is_shuffled ? ', labels exchanged' : ''}`,
  );
  if (reused > 0) output.line(`  ${reused} of their scores were kept from an earlier search`);
  for (const refusal of REFUSALS) {
    const count = judged.filter((one) => one.refusal === refusal).length;
    if (count > 0) output.line(`  ${count} ${REFUSAL_TEXTS[refusal]}`);
  }
  if (chosen.length === 0) output.line('None was chosen: the present columns have what these formulas know.');
  for (const { candidate, score, refusal } of judged)
    if (refusal === null) output.line(`${chosenText(candidate)}  p ${score.p.toPrecision(2)}`);
  if (untested > 0) output.line(`${untested} further candidates were not tested: the time was over (--minutes)`);
  if (confirmation !== null)
    output.line(
      `Confirmed on ${comparedText(confirmation, rows.confirmed)} (${isSure(outcome) ? `more than ${SURE_ERRORS} standard errors` : 'may be chance'})`,
    );
  printColumns(outcome, output);
}

/** Columns that the present model does not need, and what it loses without them. */
function printColumns({ columns, without_idle: confirmed, rows }: AutomlOutcome, output: Output): void {
  const idle = columns.filter(({ is_idle }) => is_idle).map(({ feature }) => feature);
  output.line(`${columns.length - idle.length} of ${columns.length} present columns are shown to help AI1 out of fold`);
  if (confirmed === null) return;
  output.line(`Without the other ${idle.length}, on ${comparedText(confirmed, rows.confirmed)}`);
  output.line(
    canLeaveOut({ without_idle: confirmed })
      ? `They can be left out, by train.left_out of minutehand.yaml: { ai1: [${idle.join(', ')}] }`
      : 'They stay: together they help by more than a standard error.',
  );
}

function comparedText({ days, auc_before, auc_after, gain, standard_error }: Confirmation, rows: number): string {
  const figure = (value: number | null): string => (value === null ? '–' : value.toFixed(4));
  return `${rows} later rows of ${days} days: AUC ${figure(auc_before)} → ${figure(auc_after)}, log loss lower by ${gain.toExponential(1)} ± ${standard_error.toExponential(1)}`;
}

const noteOf = ({ dataset_id }: AutomlOutcome): string =>
  `Found by minutehand automl on the dataset ${dataset_id.slice(0, 12)}`;

const chosenText = ({ name, text }: Candidate): string => `${name}: ${text}`;
