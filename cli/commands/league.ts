import type { Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { ENTRANTS, USUAL_ENTRANTS, type LeagueJob } from '../../trainer/jobs/kinds/league_job.ts';
import { runLeagueJob, type LeagueOutcome } from '../../trainer/jobs/kinds/run_league.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import { SCENARIOS } from '../../trainer/learning/splits/scenarios.ts';
import { parseInteger } from '../period.ts';
import {
  endLeague,
  figureText,
  keptText,
  latencyText,
  parseSeeds,
  rangeOf,
  sizeText,
  takenOverText,
} from '../league_options.ts';
import { experimentJob, type ExperimentFlags } from '../experiment_job.ts';
import { parseGroups } from '../groups_option.ts';
import { gitCommit } from '../git_commit.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { unknownName } from '../named_option.ts';
import type { Output } from '../output.ts';
import { recordJob } from '../recorded_job.ts';
import { leagueStrategyOption } from '../strategy_option.ts';
import { printTable } from '../text_table.ts';

const DEFAULT_ENTRANTS = USUAL_ENTRANTS.join(',');

interface LeagueFlags extends ExperimentFlags {
  readonly entrants: string;
  readonly groups?: string;
  readonly seeds: string;
  readonly coins?: string;
  readonly cache: boolean;
  readonly printJob?: boolean;
}

export function addLeague(program: Command, output: () => Output): void {
  program
    .command('league')
    .description(
      'Learners of AI1 against each other: identical purged folds, walk-forward blocks and holdout, and the AUC beyond that of sign-randomized markets (skill), each with its standard error by days. ' +
        'Writes no bundle and adopts nothing; each answer to the holdout counts as an evaluation of it.',
    )
    .addOption(leagueStrategyOption())
    .option('--data <folder>', 'folder of SYMBOL.csv[.gz]; without it, the bars of this installation')
    .option('--from <day>', 'first UTC day or minute of the bars to use')
    .option('--to <day>', 'UTC day or minute of the end')
    .option('--days <n>', 'the last n days of these bars only')
    .option('--holdout-from <day>', 'UTC day or minute of the start of the holdout (default: train.holdout_fraction)')
    .option('--entrants <list>', `of ${ENTRANTS.join(', ')}`, DEFAULT_ENTRANTS)
    .option(
      '--groups <list>',
      'metals=XAUUSD_XAGUSD;fx=EURUSD_GBPUSD,…: groups of the entrants …@groups, each with a model of its own; other pairs have the pooled one (default: train.groups)',
    )
    .option('--seed <n>', 'seed of row and column sampling', '1')
    .option('--seeds <n>', 'seeds that the folds are repeated with, from --seed on', '1')
    .option(
      '--coins <n>',
      'placebo: everybody learns and is measured on these bars with the direction of each drawn by coins of this seed; counts no evaluation of the holdout',
    )
    .option('--workers <n>', 'threads (default: one for each core); affects speed only, not results')
    .option('--no-cache', 'rebuild all features and labels; the result is the same')
    .option('--print-job', 'play nothing: print these options as a job, for `minutehand job run`')
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand league --data ./m1 --days 120\n  minutehand league --data ./m1 --entrants prior,logistic,gbdt --json\n  minutehand league --entrants logistic@baseline,gbdt,stacking   # what features and an ensemble add\n  minutehand league --entrants gbdt,gbdt@groups --groups "metals=XAUUSD_XAGUSD;indices=SPXUSD_NSXUSD"   # models per class\n  minutehand league --coins 1   # the same where nothing can be known\n  minutehand league --strategy direction --symbols BTCUSDT,ETHUSDT',
    )
    .action((flags: LeagueFlags) => play(flags, output()));
}

async function play(flags: LeagueFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const job = jobOf(flags, settings);
  if (flags.printJob === true) process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
  else await recordJob(job, settings, output, (own) => runAndPrintLeague(job, settings, own));
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
    parameters: {
      holdout_from: parameters.holdout_from,
      entrants,
      ...(flags.groups !== undefined && { groups: parseGroups(flags.groups, settings) }),
      seeds: parseSeeds(flags.seeds),
      ...(flags.coins !== undefined && { coins: parseInteger(flags.coins, '--coins') }),
    },
    resources,
    trigger,
  };
}

/** Plays a league in this process, and prints its table. */
export async function runAndPrintLeague(job: LeagueJob, settings: Settings, output: Output): Promise<void> {
  const progress = output.progress();
  const kept: string[] = [];
  tellWhenInterrupted({ output, progress, kept: () => [keptText(kept), 'Evaluations of the holdout stay counted.'] });
  const onProgress = (stage: string, done: number, total: number): void => progress.update(stage, done, total);
  const context = {
    settings,
    paths: homePaths(),
    gitCommit: gitCommit(),
    onProgress,
    onKept: (name: string) => void kept.push(name),
  };
  const outcome = await runLeagueJob(job, context).finally(() => progress.stop());
  output.written({
    action: 'league',
    target: outcome.dataset_id,
    after: { entrants: job.parameters.entrants, holdout_looks: outcome.holdout_looks },
  });
  print(outcome, output);
  output.result(outcome);
  endLeague(outcome, output);
}

/** @throws MinutehandError USAGE */
function parseEntrants(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !ENTRANTS.includes(name));
  if (unknown !== undefined) throw unknownName('--entrants', unknown, ENTRANTS);
  if (names.length < 2 || new Set(names).size < names.length)
    throw new MinutehandError('USAGE', {
      seen: `--entrants ${text}`,
      expected: `two or more different ones of ${ENTRANTS.join(', ')}`,
    });
  return names;
}

function print(outcome: LeagueOutcome, output: Output): void {
  const { entrants, best, simplest_within_error, holdout_looks, trials, folds, market, taken_over } = outcome;
  output.line(
    `AI1, ${entrants[0]!.folds.rows} rows of ${entrants[0]!.folds.days} days in ${folds} purged folds; ± one standard error by days`,
  );
  if (market === 'coins')
    output.line('PLACEBO: the direction of every bar was drawn. What an AUC is above one half here, geometry earns.');
  printTable(output, [
    ['entrant', 'log loss, folds', 'behind best', 'AUC, folds', 'AUC, holdout', 'skill, holdout', 'seconds'],
    ...entrants.map(({ name, folds: own, holdout, behind_best, is_within_error, skill, seconds }) => [
      `${name}${is_within_error ? ' *' : ''}`,
      figureText(own.log_loss, 5),
      figureText(behind_best, 5),
      figureText(own.auc, 4),
      figureText(holdout.auc, 4),
      skill === null ? '–' : figureText({ value: skill.skill, standard_error: skill.standard_error }, 4),
      seconds.toFixed(1),
    ]),
  ]);
  output.line('* within one standard error of the best log loss of the folds');
  if (taken_over.length > 0) output.line(takenOverText(taken_over));
  output.line(`Best: ${best}. Simplest within its error: ${simplest_within_error}.`);
  printCosts(outcome, output);
  printCalls(outcome, output);
  printSpread(outcome, output);
  printShares(outcome, output);
  printScenarios(outcome, output);
  printGenerated(outcome, output);
  printIncrements(outcome, output);
  if (market === 'recorded')
    output.line(
      `Skill is the AUC beyond that of markets whose direction is a coin. Evaluations of the holdout so far: ${holdout_looks}; a training on it now needs more evidence for an edge. Trials on the bars before it: ${trials}.`,
    );
}

/** What each earns, and what it costs. */
function printCosts({ entrants }: LeagueOutcome, output: Output): void {
  output.line('');
  printTable(output, [
    ['entrant', 'calibration error', 'net bp, holdout', 'trades', 'log loss by seed', 'memory MB', 'model kB', 'µs'],
    ...entrants.map(({ name, folds, net, log_loss_of_seeds, memory_mb, serving }) => [
      name,
      figureText(folds.ece, 4),
      figureText(net.net_bps, 2),
      String(net.trades),
      rangeOf(log_loss_of_seeds),
      memory_mb.toFixed(0),
      sizeText(serving),
      `${latencyText(serving)} (${serving.engine})`,
    ]),
  ]);
  output.line(
    'Net: after costs, of entering the fifth of the candidates that it finds the likeliest, risk and size ignored. µs: ten subjects in the daemon.',
  );
}

/** What each calls, on the folds and on the holdout. */
function printCalls({ entrants }: LeagueOutcome, output: Output): void {
  output.line('');
  printTable(output, [
    [
      'calls',
      'of',
      'true +',
      'false +',
      'false −',
      'true −',
      'balanced accuracy',
      'macro precision',
      'macro F1',
      'precision',
      'recall',
    ],
    ...entrants.flatMap(({ name, ...own }) =>
      (['folds', 'walk_forward', 'holdout'] as const).map((part) => {
        const { confusion: table, balanced_accuracy, macro_precision, macro_f1, precision, recall } = own[part].calls;
        const counts = [table.true_positive, table.false_positive, table.false_negative, table.true_negative];
        const shares = [balanced_accuracy, macro_precision, macro_f1, precision, recall];
        return [
          name,
          part.replace('_', ' '),
          ...counts.map(String),
          ...shares.map((value) => figureText({ value, standard_error: null }, 4)),
        ];
      }),
    ),
  ]);
  output.line('Above its threshold each calls as large a share of the folds’ rows positive as there are positives.');
}

/** How much the measures of each differ between folds. */
function printSpread({ entrants }: LeagueOutcome, output: Output): void {
  output.line('');
  printTable(output, [
    ['over folds', 'measure', 'mean', 'variance', 'least', 'largest', 'CV'],
    ...entrants.flatMap(({ name, spread }) =>
      (['log_loss', 'auc', 'balanced_accuracy', 'macro_f1'] as const).flatMap((measure) => {
        const own = spread.folds[measure];
        if (own === undefined) return [];
        return [
          [
            name,
            measure.replaceAll('_', ' '),
            own.mean.toFixed(4),
            own.var === null ? '–' : own.var.toExponential(2),
            own.min.toFixed(4),
            own.max.toFixed(4),
            own.cv === null ? '–' : own.cv.toFixed(4),
          ],
        ];
      }),
    ),
  ]);
}

/** The classes of what all learn from and are measured on. */
function printShares({ class_shares: shares }: LeagueOutcome, output: Output): void {
  const percent = (share: number | null): string => (share === null ? '–' : `${(100 * share).toFixed(1)} %`);
  output.line('');
  printTable(output, [
    ['split', 'rows learned', 'positive', 'rows tested', 'positive'],
    ...[...shares.folds, ...shares.walk_forward, ...shares.holdout].map((own) => [
      own.split.replace('_', ' '),
      String(own.train_rows),
      percent(own.train_share),
      String(own.test_rows),
      percent(own.test_share),
    ]),
  ]);
}

function printScenarios({ entrants }: LeagueOutcome, output: Output): void {
  const names = Object.keys(entrants[0]!.scenarios) as (keyof LeagueOutcome['entrants'][number]['scenarios'])[];
  if (names.length === 0) return;
  output.line('');
  printTable(output, [
    ['log loss in', ...names],
    ...entrants.map(({ name, scenarios }) => [name, ...names.map((of) => figureText(scenarios[of]!.log_loss, 4))]),
    ['rows', ...names.map((of) => String(entrants[0]!.scenarios[of]!.rows))],
  ]);
}

/** What each says in markets made of the pairs' own bars. */
function printGenerated({ entrants }: LeagueOutcome, output: Output): void {
  const { generated: first } = entrants[0]!;
  const scenarios = SCENARIOS.filter((name) => first[name] !== undefined);
  if (scenarios.length === 0) return;
  const figures = [
    ['mean answer', 'answer_mean'],
    ['log loss', 'log_loss'],
    ['AUC', 'auc'],
  ] as const;
  output.line('');
  printTable(output, [
    ['generated market', 'entrant', ...scenarios],
    ...figures.flatMap(([text, figure]) =>
      entrants.map(({ name, generated }) => [
        text,
        name,
        ...scenarios.map((of) => figureText({ value: generated[of]?.[figure] ?? null, standard_error: null }, 4)),
      ]),
    ),
    ['share of positive labels', '', ...scenarios.map((of) => first[of]!.label_mean.toFixed(4))],
    ['rows', '', ...scenarios.map((of) => String(first[of]!.rows))],
  ]);
  output.line(
    'Generated markets are made of the pairs’ own moves: what each says in such a market. Their labels are no evidence for an edge.',
  );
}

function printIncrements({ increments }: LeagueOutcome, output: Output): void {
  if (increments.length < 2) return;
  output.line('');
  printTable(output, [
    ['step', 'entrant', 'log loss', 'gain over the step before'],
    ...increments.map(({ step, entrant, log_loss, gain }) => [
      step.replace('_', ' '),
      entrant,
      log_loss.toFixed(5),
      gain === null ? '' : figureText(gain, 5),
    ]),
  ]);
}
