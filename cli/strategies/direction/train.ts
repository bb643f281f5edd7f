import { MARKETS } from '../../../shared/signal/signal.ts';
import { claimsText, failuresOf, servingFailures } from '../../../shared/bundle/recorded_gates.ts';
import { dirname } from 'node:path';
import { isoMinute, type OpenTime } from '../../../shared/bar.ts';
import { daysBetween } from '../../../shared/plain_verdict/of_manifest.ts';
import { heldByClaims, plainVerdict, type PlainVerdict } from '../../../shared/plain_verdict/plain_verdict.ts';
import {
  evaluatedTime,
  type TrainedDirection,
} from '../../../trainer/learning/strategies/direction/train_direction.ts';
import { Option, type Command } from 'commander';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { DIRECTION_BALANCES } from '../../../shared/policy/balances.ts';
import { TRAIN_ENGINES } from '../../../shared/policy/engines.ts';
import { loadSettings, type Settings } from '../../../shared/policy/policy.ts';
import { isDrawn, type DirectionJob } from '../../../trainer/jobs/kinds/direction_job.ts';
import type { PrintedTraining } from '../../../trainer/jobs/records/job_answer.ts';
import { adoptTrained, type Adoption } from '../../../trainer/control/adoption/adopt_trained.ts';
import {
  DIRECTION_DEFAULTS,
  DIRECTION_SEED,
  DIRECTION_SYMBOLS,
} from '../../../trainer/jobs/kinds/direction_defaults.ts';
import { rehearseDirection, runDirection, type DirectionContext } from '../../../trainer/jobs/kinds/run_direction.ts';
import { configOf, configOption } from '../../config_option.ts';
import { directionJobOf, type DirectionFlags } from './flags.ts';
import { directionLines } from './lines.ts';
import { directionPlanReport, printDirectionPlan } from './plan.ts';
import { deviceOption, MEMBERS_HELP } from '../../learner_options.ts';
import { joinedLine } from '../../series_folder.ts';
import { warningText } from '../../../shared/bundle/training_warning.ts';
import { activationText, endByGates, gateLines } from '../../gate_lines.ts';
import { adoptionPlace } from '../../admission_place.ts';
import { gitCommit } from '../../git_commit.ts';
import { tellWhenInterrupted } from '../../interrupted.ts';
import type { Output, Progress } from '../../output.ts';
import { recordJob } from '../../recorded_job.ts';
import { timeframeOption } from '../../timeframe_option.ts';
import { trainingProgress } from '../../stage_lines.ts';
import { addDirectionEvaluate } from './evaluate.ts';
import { addDirectionLeague } from './league.ts';

export function addDirection(program: Command, output: () => Output): void {
  const direction = program
    .command('direction')
    .description('Learns and measures the model that answers up, down or range for one instrument.');
  direction
    .command('train')
    .description(
      'the former spelling of `train --strategy direction`: trains the direction model on bars (SYMBOL[-1h].csv[.gz]: time,open,high,low,close,volume[,taker_buy_volume]) and measures it by purged walk-forward, after taker fees and funding',
    )
    .option('--data <folder>', 'folder of bars (default: the bars of this installation)')
    .option(
      '--symbols <list>',
      `instruments, such as BTCUSDT,ETHUSDT (default: the configured ones of the timeframe; without any, ${DIRECTION_SYMBOLS.join(', ')})`,
    )
    .addOption(timeframeOption('--timeframe <timeframe>', 'of the instruments; shorter bars are joined').default('1h'))
    .option(
      '--series <folder>',
      'folder of auxiliary series (default: `series` in the data folder, or those of this installation)',
    )
    .addOption(
      new Option('--balance <kind>', 'class balance; mirror: class weights on the bars and their mirror images')
        .choices(DIRECTION_BALANCES)
        .default(DIRECTION_DEFAULTS.balance),
    )
    .option(
      '--class-weight-ratio <x>',
      'exponent of the class weights, 0 to 1: 0 = none, 1 = the same weight for each class',
      String(DIRECTION_DEFAULTS.class_weight_ratio),
    )
    .option(
      '--trials <n>',
      'search for tree parameters and class_weight_ratio, or for the figures of a network, before all evaluated blocks',
      String(DIRECTION_DEFAULTS.trials),
    )
    .option(
      '--balance-penalty',
      'measure trials of trees by gain − 0.5 · |0.5 − mean of P(up) / (P(up) + P(down))|, as those of a network always are',
    )
    .option('--compare <list>', `balances to measure beside it, or all: ${DIRECTION_BALANCES.join(', ')}`)
    .option('--engine <name>', `${TRAIN_ENGINES.join(', ')} (default: train.direction_engine, else gbdt)`)
    .option('--members <list>', MEMBERS_HELP)
    .addOption(deviceOption())
    .option('--peers <list>', `engines to measure on the same rows: ${TRAIN_ENGINES.join(', ')}`)
    .option('--threshold <share>', 'of the training label, such as 0.03 (default: that of the evaluation label)')
    .option('--sigmas <x>', 'threshold of the training label as a multiple of volatility · √horizon')
    .option('--horizon <bars>', 'of the training label (default: 24 hours)')
    .option('--stride <bars>', 'train on every n-th bar; all are evaluated', String(DIRECTION_DEFAULTS.stride))
    .option('--fee-bps <x>', 'taker fee per fill', String(DIRECTION_DEFAULTS.taker_fee_bps))
    .option('--slippage-bps <x>', 'slippage per fill', String(DIRECTION_DEFAULTS.slippage_bps))
    .option('--seed <n>', 'of sampling', String(DIRECTION_SEED))
    .option('--workers <n>', 'threads; affects speed only, not results', '1')
    .addOption(
      new Option(
        '--market <kind>',
        'origin of the bars of --data (default: live); a live daemon refuses models of a simulated one',
      ).choices(MARKETS),
    )
    .option('--out <folder>', 'folder of bundles to write the model to')
    .option(
      '--adopt',
      'write the bundle to this installation, and make it the active one of its timeframe if it passes the gates',
    )
    .option('--from <day>', 'first UTC day or minute of the bars to use')
    .option('--to <day>', 'UTC day or minute of the end')
    .option('--days <n>', 'the last n days of these bars only')
    .addOption(configOption())
    .option('--verbose', 'a line on standard error for each stage')
    .option(
      '--set <name=value...>',
      'settings of this training alone, such as trees.leaves=8 walk_forward.blocks=6 search.ranges.leaves.high=32 train.stacking.folds=4 train.networks.epochs=20',
    )
    .option('--require-gates', 'exit with 1 if a gate fails')
    .option('--settings-name', 'add engine and horizon of the label to the name of the bundle, such as -gbdt-h20')
    .option(
      '--dry-run',
      'check configuration, bars, series, features and engines, print the plan with its size and expected time, and learn nothing',
    )
    .option('--print-job', 'train nothing: print these options as a job, for `minutehand job run`')
    .action((flags: DirectionFlags) => runTrain(flags, output()));
  addDirectionEvaluate(direction, output);
  addDirectionLeague(direction, output);
}

async function runTrain(flags: DirectionFlags, output: Output): Promise<void> {
  const settings = loadSettings(configOf(flags.config));
  const job = directionJobOf(flags, settings);
  if (flags.printJob === true) {
    process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
    return;
  }
  const verbose = flags.verbose === true;
  if (flags.dryRun === true) return await planDirection(job, settings, verbose, output);
  await recordJob(job, settings, output, (own) =>
    runDirectionJob(job, settings, { verbose, requireGates: flags.requireGates === true }, own),
  );
}

/** A dry run: the plan of a training, and nothing learned. */
async function planDirection(job: DirectionJob, settings: Settings, verbose: boolean, output: Output): Promise<void> {
  const paths = homePaths();
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['Nothing was written.'] });
  const rehearsed = await rehearseDirection(
    job,
    contextOf({ job, settings, paths, verbose, progress, output }),
  ).finally(() => progress.stop());
  const report = await directionPlanReport(job, rehearsed, paths);
  printDirectionPlan(report, output);
  output.written(null);
  output.result(report);
}

/** What the evaluated blocks say of the trades of each instrument. */
function verdictOfNet({ net, rows, blocks }: TrainedDirection): PlainVerdict {
  const proven = Object.entries(net.edge).map(([subject, { no_edge, trades, net_bps }]) => ({
    subject,
    has_edge: !no_edge,
    trades,
    gross_bps: null,
    net_bps,
    break_even_cost_bps: null,
  }));
  const { from, to } = evaluatedTime(
    rows,
    blocks.map(({ split }) => split),
  );
  return plainVerdict(proven, daysBetween(isoMinute(from as OpenTime), isoMinute(to as OpenTime)));
}

interface Shown {
  readonly job: DirectionJob;
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly verbose: boolean;
  readonly progress: Progress;
  readonly output: Output;
}

/** What a training tells while it runs. */
function contextOf({ job, settings, paths, verbose, progress, output }: Shown): DirectionContext {
  return {
    settings,
    paths,
    gitCommit: gitCommit(),
    onProgress: trainingProgress(progress, verbose, output),
    onJoined: (symbol, seconds) => output.line(joinedLine(symbol, seconds, job.timeframe)),
  };
}

export interface DirectionCommand {
  /** Whether each stage gets a line. */
  readonly verbose: boolean;
  /** Whether a failed gate is a failed command. */
  readonly requireGates: boolean;
}

/** Runs a training of the direction model in this process, and prints what came out. */
export async function runDirectionJob(
  job: DirectionJob,
  settings: Settings,
  { verbose, requireGates }: DirectionCommand,
  output: Output,
): Promise<void> {
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['Nothing was written.'] });
  try {
    const context = contextOf({ job, settings, paths: homePaths(), verbose, progress, output });
    const { trained, plan, gates, bundle, resources } = await runDirection(job, context);
    progress.stop();
    if (isDrawn(job.parameters))
      output.line('PLACEBO: the direction of every bar was drawn; nothing below is about the recorded market.');
    for (const line of directionLines(trained, plan, job.timeframe)) output.line(line);
    const { warnings } = trained.validation;
    for (const warning of warnings) output.note(`warning: ${warningText(warning)}`);
    for (const line of gateLines(gates.slice(trained.gates.length))) output.line(line);
    const place = adoptionPlace(settings, (text) => output.note(text));
    const adoption: Adoption | null =
      bundle === null ? null : await adoptTrained({ shelf: 'direction', ...bundle }, gates, job, place);
    const adopted = adoption?.adopted === true;
    const rollout = adoption?.rollout ?? null;
    const after = bundle === null ? {} : { out: dirname(bundle.path), adopted, ...(rollout !== null && { rollout }) };
    output.written(bundle === null ? null : { target: `direction ${bundle.version}`, after });
    if (bundle !== null) {
      const veto = settings.retrain.claims_veto;
      const hasPassed = servingFailures(gates, veto).length === 0;
      const claims = veto === 'entries' ? claimsText(failuresOf(gates)) : null;
      output.line(`bundle ${bundle.path}, verified against onnxruntime`);
      if (adopted) output.line(`Active direction model of ${job.timeframe}: ${bundle.version}`);
      else if (rollout !== null) output.line(`Challenger of rollout ${rollout}: ${bundle.version}`);
      else if (job.adopt) output.line('Not adopted; the active version stays.');
      else output.line(activationText(bundle.path, hasPassed));
      if (hasPassed && claims !== null) output.line(claims);
    }
    const { metrics, net, bias, priors, others, theta, scaling, trees, search } = trained;
    const verdict = heldByClaims(verdictOfNet(trained), claimsText(failuresOf(gates)));
    output.line(verdict.text);
    output.result({
      rows: metrics.rows,
      metrics,
      priors,
      net: { ...net.result, thetas: net.thetas, edge: net.edge },
      bias,
      verdict,
      gates: adoption?.gates ?? gates,
      validation: trained.validation,
      ...(search && { search }),
      others,
      model: { theta, scaling, trees },
      version: bundle?.version ?? null,
      path: bundle?.path ?? null,
      adopted,
      rollout,
      resources,
    } satisfies PrintedTraining);
    if (requireGates) endByGates(gates, settings.retrain.claims_veto, output);
  } finally {
    progress.stop();
  }
}
