import { lookName } from '../../../trainer/learning/backtest/holdout_looks.ts';
import type { Command } from 'commander';
import { homePaths } from '../../../shared/home.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Timeframe } from '../../../shared/pair.ts';
import { loadSettings, type Settings } from '../../../shared/policy/policy.ts';
import { DIRECTION_DEFAULTS, DIRECTION_SEED } from '../../../trainer/jobs/kinds/direction_defaults.ts';
import {
  DIRECTION_ENTRANTS,
  DIRECTION_REFERENCE,
  DIRECTION_VARIANTS,
  directionEntrant,
  waysOf,
  type DirectionLeagueJob,
} from '../../../trainer/jobs/kinds/direction_league_job.ts';
import { learnerParameters } from '../../../trainer/jobs/strategies/direction/learner_parameters.ts';
import { runDirectionLeague, type DirectionLeague } from '../../../trainer/jobs/strategies/direction/run_league.ts';
import type { LossDifference } from '../../../trainer/learning/strategies/direction/direction_report.ts';
import {
  endLeague,
  figureText,
  keptText,
  latencyText,
  parseSeeds,
  rangeOf,
  sizeText,
  takenOverText,
} from '../../league_options.ts';
import { directionJobOf } from './flags.ts';
import { joinedLine } from '../../series_folder.ts';
import { gitCommit } from '../../git_commit.ts';
import { tellWhenInterrupted } from '../../interrupted.ts';
import { unknownName } from '../../named_option.ts';
import type { Output } from '../../output.ts';
import { recordJob } from '../../recorded_job.ts';
import { printTable } from '../../text_table.ts';
import { timeframeOption } from '../../timeframe_option.ts';

const DEFAULT_ENTRANTS = [DIRECTION_REFERENCE, ...DIRECTION_VARIANTS].join(',');

interface LeagueFlags {
  readonly data?: string;
  readonly symbols?: string;
  readonly series?: string;
  readonly timeframe: Timeframe;
  readonly entrants: string;
  readonly coins?: string;
  readonly seed: string;
  readonly seeds: string;
  readonly feeBps: string;
  readonly slippageBps: string;
  readonly workers: string;
  readonly cache: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly days?: string;
  readonly printJob?: boolean;
}

export function addDirectionLeague(direction: Command, output: () => Output): void {
  direction
    .command('league')
    .description(
      `\`league --strategy direction\`: ways to learn the direction model against each other on identical purged walk-forward blocks, and against base rates, with errors by days, net results after costs, the simplest one within the error of the best, figures by market, and what each costs the daemon. ${DIRECTION_REFERENCE} is the delivered way, ${directionEntrant('none')} the same trees with another class balance. Writes no bundle and adopts nothing; all of it is one evaluation of the holdout, the evaluated blocks.`,
    )
    .option('--data <folder>', 'folder of bars (default: the bars of this installation)')
    .option('--symbols <list>', 'instruments (default: as for `train --strategy direction`)')
    .addOption(timeframeOption('--timeframe <timeframe>', 'of the instruments; shorter bars are joined').default('1h'))
    .option(
      '--series <folder>',
      'folder of auxiliary series (default: `series` in the data folder, or those of this installation)',
    )
    .option(
      '--entrants <list>',
      `of ${DIRECTION_ENTRANTS.join(', ')}; ${DIRECTION_REFERENCE} always plays`,
      DEFAULT_ENTRANTS,
    )
    .option(
      '--coins <n>',
      'placebo: everybody learns and is measured on these bars with the direction of each drawn by coins of this seed; counts no evaluation of the holdout',
    )
    .option('--seed <n>', 'of sampling', String(DIRECTION_SEED))
    .option('--seeds <n>', 'seeds that the blocks are repeated with, from --seed on', '1')
    .option('--fee-bps <x>', 'taker fee per fill', String(DIRECTION_DEFAULTS.taker_fee_bps))
    .option('--slippage-bps <x>', 'slippage per fill', String(DIRECTION_DEFAULTS.slippage_bps))
    .option('--workers <n>', 'threads; affects speed only, not results', '1')
    .option('--no-cache', 'measure all entrants again; the result is the same')
    .option('--from <day>', 'first UTC day or minute of the bars to use')
    .option('--to <day>', 'UTC day or minute of the end')
    .option('--days <n>', 'the last n days of these bars only')
    .option('--print-job', 'play nothing: print these options as a job, for `minutehand job run`')
    .action((flags: LeagueFlags) => play(flags, output()));
}

async function play(flags: LeagueFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const job = jobOf(flags, settings);
  if (flags.printJob === true) process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
  else await recordJob(job, settings, output, (own) => runAndPrintDirectionLeague(job, settings, own));
}

/**
 * The flags as a job.
 * @throws MinutehandError USAGE
 */
function jobOf({ entrants, seeds, cache, ...flags }: LeagueFlags, settings: Settings): DirectionLeagueJob {
  const names = entrants.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !DIRECTION_ENTRANTS.includes(name));
  if (unknown !== undefined) throw unknownName('--entrants', unknown, DIRECTION_ENTRANTS);
  const isAlone = names.every((name) => name === DIRECTION_REFERENCE);
  if (new Set(names).size < names.length || isAlone)
    throw new MinutehandError('USAGE', {
      seen: `--entrants ${entrants}`,
      expected: `different ones of ${DIRECTION_ENTRANTS.join(', ')}, and not ${DIRECTION_REFERENCE} alone`,
    });
  const { balance, class_weight_ratio, trials, stride } = DIRECTION_DEFAULTS;
  const usual = {
    balance,
    classWeightRatio: String(class_weight_ratio),
    trials: String(trials),
    stride: String(stride),
  };
  const training = directionJobOf({ ...flags, ...usual }, settings, 'league');
  const { market, timeframe, symbols, window, seed, source, parameters, resources, trigger } = training;
  const { taker_fee_bps, slippage_bps, coins } = parameters;
  const { engine: _reference, ...learners } = learnerParameters(
    { engine: DIRECTION_REFERENCE, peers: waysOf(names).peers },
    settings,
  );
  return {
    kind: 'direction_league',
    market,
    timeframe,
    symbols,
    window,
    seed,
    source,
    parameters: {
      entrants: names,
      ...learners,
      seeds: parseSeeds(seeds),
      ...(coins !== undefined && { coins }),
      taker_fee_bps,
      slippage_bps,
    },
    resources: { ...resources, ...(!cache && { cache }) },
    trigger,
  };
}

/** Plays a league of the direction model in this process, and prints its tables. */
export async function runAndPrintDirectionLeague(
  job: DirectionLeagueJob,
  settings: Settings,
  output: Output,
): Promise<void> {
  const progress = output.progress();
  const kept: string[] = [];
  tellWhenInterrupted({
    output,
    progress,
    kept: () => [keptText(kept), 'An evaluation of the holdout that was counted stays counted.'],
  });
  const league = await runDirectionLeague(job, {
    settings,
    paths: homePaths(),
    gitCommit: gitCommit(),
    onKept: (entrant) => void kept.push(entrant),
    onProgress: (stage, done, total) => progress.update(stage, done, total),
    onJoined: (symbol, seconds) => output.line(joinedLine(symbol, seconds, job.timeframe)),
  }).finally(() => progress.stop());
  print(league, output);
  output.written({ action: 'direction league', target: `direction ${job.timeframe}`, after: { look: league.look } });
  output.result(league);
  endLeague(league, output);
}

function print(league: DirectionLeague, output: Output): void {
  const { entrants, priors, better, taken_over, market, look, timeframe, symbols, reference } = league;
  output.line(
    `direction ${timeframe} of ${symbols.join(', ')}: ${entrants[0]!.metrics.rows} evaluated bars; ± one standard error by days`,
  );
  if (market === 'coins')
    output.line(
      'PLACEBO: the direction of every bar was drawn. What an AUC of a class is above one half here, volatility earns.',
    );
  printTable(output, [
    ['entrant', 'log loss', 'behind best', `beyond ${reference} (90 %)`, 'up against down', 'ECE'],
    ...entrants.map(({ name, metrics, against_reference: against, behind_best, is_within_error }) => [
      `${name}${is_within_error ? ' *' : ''}`,
      number(metrics.log_loss, 4),
      figureText(behind_best, 5),
      against === null ? '' : interval(against),
      plusMinus(metrics.up_or_down_auc, metrics.up_or_down_error),
      number(metrics.class_wise_ece, 4),
    ]),
    ...priors.map(({ name, log_loss, difference, behind_best, is_within_error }) => [
      `${name}${is_within_error ? ' *' : ''}`,
      number(log_loss, 4),
      figureText(behind_best, 5),
      `${reference} beyond it: ${interval(difference)}`,
    ]),
  ]);
  output.line('* within one standard error of the best log loss');
  if (taken_over.length > 0) output.line(takenOverText(taken_over));
  printChoice(league, output);
  output.line(
    better.length === 0
      ? `None has a lower log loss than ${reference} beyond chance.`
      : `Lower log loss than ${reference}, each at an error rate of 5 %: ${better.join(', ')}.`,
  );
  printClasses(league, output);
  printNet(league, output);
  printServing(league, output);
  printScenarios(league, output);
  printGenerated(league, output);
  if (look !== null)
    output.line(`This is ${lookName(look)}: a training on the same bars that trades otherwise needs more for an edge.`);
}

function printChoice({ best, simplest_within_error, priors }: DirectionLeague, output: Output): void {
  output.line(`Best: ${best}. Simplest within its error: ${simplest_within_error}.`);
  const near = priors.filter(({ is_within_error }) => is_within_error).map(({ name }) => name);
  if (near.length > 0)
    output.line(
      `Base rates (${near.join(', ')}) are within the error of the best: no entrant knows more than they do.`,
    );
}

function printClasses({ entrants }: DirectionLeague, output: Output): void {
  output.line('');
  printTable(output, [
    ['entrant', 'AUC up', 'AUC down', 'AUC range'],
    ...entrants.map(({ name, metrics }) => [
      name,
      ...metrics.auc.map((auc, k) => plusMinus(auc, metrics.auc_errors[k]!)),
    ]),
  ]);
}

function printNet({ entrants }: DirectionLeague, output: Output): void {
  output.line('');
  printTable(output, [
    ['entrant', 'net bps a trade (90 %)', 'trades', 'p', '', 'log loss by seed'],
    ...entrants.map(({ name, net, log_loss_of_seeds }) => [
      name,
      `${number(net.net_bps, 1)} (${number(net.lower_5_net_bps, 1)} … ${number(net.upper_95_net_bps, 1)})`,
      String(net.trades),
      number(net.p_value, 3),
      net.no_edge ? 'NO_EDGE' : 'edge',
      rangeOf(log_loss_of_seeds),
    ]),
  ]);
}

/** What each takes, in the league and in the daemon. */
function printServing({ entrants }: DirectionLeague, output: Output): void {
  output.line('');
  printTable(output, [
    ['entrant', 'seconds', 'memory MB', 'model kB', 'µs', 'scored by'],
    ...entrants.map(({ name, seconds, memory_mb, serving }) => [
      name,
      seconds.toFixed(1),
      memory_mb.toFixed(0),
      sizeText(serving),
      latencyText(serving),
      serving.engine,
    ]),
  ]);
  output.line('µs: ten instruments in the daemon, by the model of the last block.');
}

type Entrant = DirectionLeague['entrants'][number];
type ScenarioName = keyof Entrant['scenarios'];

/** What each says of the evaluated bars of each market. */
function printScenarios({ entrants }: DirectionLeague, output: Output): void {
  const of = entrants[0]!.scenarios;
  const names = Object.keys(of) as ScenarioName[];
  if (names.length === 0) return;
  output.line('');
  printTable(output, [
    ['log loss in', ...names],
    ...entrants.map(({ name, scenarios }) => [name, ...names.map((own) => figureText(scenarios[own]!.log_loss, 4))]),
    ['rows', ...names.map((own) => String(of[own]!.rows))],
  ]);
  output.line('');
  printTable(output, [
    ['up against down in', ...names],
    ...entrants.map(({ name, scenarios }) => [name, ...names.map((own) => number(scenarios[own]!.up_or_down_auc, 3))]),
  ]);
}

/** What each says in markets that are made of the instruments’ own moves. */
function printGenerated({ entrants }: DirectionLeague, output: Output): void {
  const of = entrants[0]!.generated;
  const names = Object.keys(of) as ScenarioName[];
  if (names.length === 0) return;
  output.line('');
  printTable(output, [
    ['generated market: up, down, range', ...names],
    ['labels', ...names.map((own) => shares(of[own]!.base_rate))],
    ...entrants.map(({ name, generated }) => [name, ...names.map((own) => shares(generated[own]!.mean_probability))]),
    ['rows', ...names.map((own) => String(of[own]!.rows))],
  ]);
  output.line('');
  printTable(output, [
    ['log loss in a generated market', ...names],
    ...entrants.map(({ name, generated }) => [name, ...names.map((own) => number(generated[own]!.log_loss, 4))]),
  ]);
  output.line(
    'Generated markets are made of the instruments’ own moves, without series: they show what the model of the last block says there, and are no evidence for an edge.',
  );
}

const shares = (of: readonly number[]): string => of.map((share) => share.toFixed(2)).join(' ');
const number = (value: number | null, digits: number): string => (value === null ? '–' : value.toFixed(digits));
const plusMinus = (value: number | null, error: number | null): string => `${number(value, 3)} ± ${number(error, 3)}`;
const interval = ({ mean, lower_5, upper_95 }: LossDifference): string =>
  `${number(mean, 4)} (${number(lower_5, 4)} … ${number(upper_95, 4)})`;
