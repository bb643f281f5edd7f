import type { Command } from 'commander';
import { homePaths } from '../../../shared/home.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Timeframe } from '../../../shared/pair.ts';
import { DIRECTION_BALANCES, type DirectionBalance } from '../../../shared/policy/balances.ts';
import { NATIVE_ENGINES, type NativeEngine } from '../../../shared/policy/engines.ts';
import { loadSettings, type Settings } from '../../../shared/policy/policy.ts';
import { DIRECTION_DEFAULTS, DIRECTION_SEED } from '../../../trainer/jobs/kinds/direction_defaults.ts';
import { isDrawn, type DirectionJob } from '../../../trainer/jobs/kinds/direction_job.ts';
import { runDirection } from '../../../trainer/jobs/kinds/run_direction.ts';
import type {
  DirectionMetrics,
  LossDifference,
} from '../../../trainer/learning/strategies/direction/direction_report.ts';
import type { NetResult } from '../../../trainer/learning/strategies/direction/direction_net.ts';
import type { TrainedDirection } from '../../../trainer/learning/strategies/direction/train_direction.ts';
import { directionJobOf } from './flags.ts';
import { joinedLine } from '../../series_folder.ts';
import { gitCommit } from '../../git_commit.ts';
import { tellWhenInterrupted } from '../../interrupted.ts';
import type { Output } from '../../output.ts';
import { recordJob } from '../../recorded_job.ts';
import { printTable } from '../../text_table.ts';
import { timeframeOption } from '../../timeframe_option.ts';

/** The delivered way to learn: every other entrant is compared with it. */
const REFERENCE = 'gbdt';

/** Balances of the same trees. */
const VARIANTS = DIRECTION_BALANCES.filter((balance) => balance !== DIRECTION_DEFAULTS.balance);
const variantName = (balance: DirectionBalance): string => `${REFERENCE}@${balance}`;
const ENTRANTS: readonly string[] = [REFERENCE, ...VARIANTS.map(variantName), ...NATIVE_ENGINES];
const DEFAULT_ENTRANTS = [REFERENCE, ...VARIANTS.map(variantName)].join(',');

interface LeagueFlags {
  readonly data?: string;
  readonly symbols?: string;
  readonly series?: string;
  readonly timeframe: Timeframe;
  readonly entrants: string;
  readonly coins?: string;
  readonly seed: string;
  readonly feeBps: string;
  readonly slippageBps: string;
  readonly workers: string;
  readonly from?: string;
  readonly to?: string;
  readonly days?: string;
  readonly printJob?: boolean;
}

export function addDirectionLeague(direction: Command, output: () => Output): void {
  direction
    .command('league')
    .description(
      `\`league --strategy direction\`: ways to learn the direction model against each other on identical purged walk-forward blocks, and against base rates, with errors by days and net results after costs. ${REFERENCE} is the delivered way, ${variantName('none')} the same trees with another class balance. Writes no bundle and adopts nothing; all of it is one look at the evaluated blocks.`,
    )
    .option('--data <folder>', 'folder of bars (default: the bars of this installation)')
    .option('--symbols <list>', 'instruments (default: as for `train --strategy direction`)')
    .addOption(timeframeOption('--timeframe <timeframe>', 'of the instruments; shorter bars are joined').default('1h'))
    .option('--series <folder>', 'folder of auxiliary series (default: `series` in the data folder)')
    .option('--entrants <list>', `of ${ENTRANTS.join(', ')}; ${REFERENCE} always plays`, DEFAULT_ENTRANTS)
    .option(
      '--coins <n>',
      'placebo: everybody learns and is measured on these bars with the direction of each drawn by coins of this seed; counts no look',
    )
    .option('--seed <n>', 'of sampling', String(DIRECTION_SEED))
    .option('--fee-bps <x>', 'taker fee per fill', String(DIRECTION_DEFAULTS.taker_fee_bps))
    .option('--slippage-bps <x>', 'slippage per fill', String(DIRECTION_DEFAULTS.slippage_bps))
    .option('--workers <n>', 'threads; affects speed only, not results', '1')
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
  else await recordJob(job, settings, output, (own) => runAndPrint(job, settings, own));
}

/**
 * A training that writes nothing, and measures the other entrants beside the delivered way.
 * @throws MinutehandError USAGE
 */
function jobOf({ entrants, ...flags }: LeagueFlags, settings: Settings): DirectionJob {
  const names = entrants.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !ENTRANTS.includes(name));
  if (unknown !== undefined || new Set(names).size < names.length || names.every((name) => name === REFERENCE))
    throw new MinutehandError('USAGE', {
      seen: `--entrants ${entrants}`,
      expected: `different ones of ${ENTRANTS.join(', ')}, and not ${REFERENCE} alone`,
    });
  const compare = VARIANTS.filter((balance) => names.includes(variantName(balance)));
  const peers = NATIVE_ENGINES.filter((engine): engine is NativeEngine => names.includes(engine));
  const { balance, class_weight_ratio, trials, stride } = DIRECTION_DEFAULTS;
  return directionJobOf(
    {
      ...flags,
      balance,
      classWeightRatio: String(class_weight_ratio),
      trials: String(trials),
      stride: String(stride),
      ...(compare.length > 0 && { compare: compare.join(',') }),
      ...(peers.length > 0 && { peers: peers.join(',') }),
    },
    settings,
    'league',
  );
}

async function runAndPrint(job: DirectionJob, settings: Settings, output: Output): Promise<void> {
  const progress = output.progress();
  tellWhenInterrupted({
    output,
    progress,
    kept: () => ['No figures were kept. A look that was counted stays counted.'],
  });
  const { trained } = await runDirection(job, {
    settings,
    paths: homePaths(),
    gitCommit: gitCommit(),
    onProgress: (stage, done, total) => progress.update(stage, done, total),
    onJoined: (symbol, seconds) => output.line(joinedLine(symbol, seconds, job.timeframe)),
  }).finally(() => progress.stop());
  const report = reportOf(trained, job);
  print(report, output);
  output.written({ action: 'direction league', target: `direction ${job.timeframe}`, after: { look: report.look } });
  output.result(report);
}

interface Entrant {
  readonly name: string;
  readonly metrics: DirectionMetrics;
  /** Log loss minus that of the reference, paired bar by bar; null for the reference. */
  readonly against_reference: LossDifference | null;
  readonly net: NetResult;
}

interface DirectionLeague {
  readonly strategy: 'direction';
  readonly timeframe: Timeframe;
  readonly symbols: readonly string[];
  /** Whether the bars are the recorded ones, or their direction was drawn. */
  readonly market: 'recorded' | 'coins';
  readonly reference: string;
  readonly entrants: readonly Entrant[];
  /** Log loss of base rates, and that of the reference minus theirs. */
  readonly priors: TrainedDirection['priors'];
  /** Entrants whose log loss is lower than that of the reference, at an error rate of 5 % each. */
  readonly better: readonly string[];
  /** Number of this look at the evaluated blocks; null on a market of coins. */
  readonly look: number | null;
}

function reportOf({ metrics, net, others, priors, look }: TrainedDirection, job: DirectionJob): DirectionLeague {
  const nameOf = (name: string): string =>
    VARIANTS.some((balance) => balance === name) ? variantName(name as DirectionBalance) : name;
  const entrants: readonly Entrant[] = [
    { name: REFERENCE, metrics, against_reference: null, net: net.result },
    ...others.map((own) => ({
      name: nameOf(own.name),
      metrics: own.metrics,
      against_reference: own.against,
      net: own.net,
    })),
  ];
  return {
    strategy: 'direction',
    timeframe: job.timeframe,
    symbols: job.symbols,
    market: isDrawn(job.parameters) ? 'coins' : 'recorded',
    reference: REFERENCE,
    entrants,
    priors,
    better: entrants.flatMap(({ name, against_reference }) => ((against_reference?.upper_95 ?? 0) < 0 ? [name] : [])),
    look,
  };
}

function print({ entrants, priors, better, market, look, timeframe, symbols }: DirectionLeague, output: Output): void {
  output.line(
    `direction ${timeframe} of ${symbols.join(', ')}: ${entrants[0]!.metrics.rows} evaluated bars; ± one standard error by days`,
  );
  if (market === 'coins')
    output.line(
      'PLACEBO: the direction of every bar was drawn. What an AUC of a class is above one half here, volatility earns.',
    );
  printTable(output, [
    ['entrant', 'log loss', `beyond ${REFERENCE} (90 %)`, 'AUC up', 'AUC down', 'AUC range', 'up against down', 'ECE'],
    ...entrants.map(({ name, metrics, against_reference: against }) => [
      name,
      number(metrics.log_loss, 4),
      against === null ? '' : interval(against),
      ...metrics.auc.map((auc, k) => plusMinus(auc, metrics.auc_errors[k]!)),
      plusMinus(metrics.up_or_down_auc, metrics.up_or_down_error),
      number(metrics.class_wise_ece, 4),
    ]),
    ...priors.map(({ name, log_loss, difference }) => [
      name,
      number(log_loss, 4),
      `${REFERENCE} beyond it: ${interval(difference)}`,
    ]),
  ]);
  output.line('');
  printTable(output, [
    ['entrant', 'net bps a trade (90 %)', 'trades', 'p', ''],
    ...entrants.map(({ name, net }) => [
      name,
      `${number(net.net_bps, 1)} (${number(net.lower_5_net_bps, 1)} … ${number(net.upper_95_net_bps, 1)})`,
      String(net.trades),
      number(net.p_value, 3),
      net.no_edge ? 'NO_EDGE' : 'edge',
    ]),
  ]);
  output.line(
    better.length === 0
      ? `None has a lower log loss than ${REFERENCE} beyond chance.`
      : `Lower log loss than ${REFERENCE}, each at an error rate of 5 %: ${better.join(', ')}.`,
  );
  if (look !== null)
    output.line(
      `Look ${look} at these blocks: a training on the same bars that trades otherwise needs more for an edge.`,
    );
}

const number = (value: number | null, digits: number): string => (value === null ? '–' : value.toFixed(digits));
const plusMinus = (value: number | null, error: number | null): string => `${number(value, 3)} ± ${number(error, 3)}`;
const interval = ({ mean, lower_5, upper_95 }: LossDifference): string =>
  `${number(mean, 4)} (${number(lower_5, 4)} … ${number(upper_95, 4)})`;
