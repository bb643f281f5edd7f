import { skillText } from '../../shared/bundle/gates/gate_text.ts';
import { warningText } from '../../shared/bundle/training_warning.ts';
import { activationText, endByGates, gateLines } from '../gate_lines.ts';
import { Option, type Command } from 'commander';
import type { Manifest, NetReport } from '../../shared/bundle/manifest.ts';
import { MODEL_NAMES } from '../../shared/core/features/feature.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths, type HomePaths } from '../../shared/home.ts';
import { ENSEMBLES, TRAIN_ENGINES, type Device, type TrainEngine } from '../../shared/policy/engines.ts';
import { FEATURES_OF_BARS } from '../../shared/policy/feature_place.ts';
import { UPDATE_OF_POLICY } from '../../shared/policy/online_learning.ts';
import { BALANCES } from '../../shared/policy/balances.ts';
import { balancePolicy } from '../../shared/policy/schema.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import type { StrategyName } from '../../shared/strategies/registry.ts';
import { TRAINING_SETTINGS, trainingSettingsSchema } from '../../shared/policy/training_settings.ts';
import { adoptTrained, refuseReturnedUpdate, type Adoption } from '../../trainer/control/adoption/adopt_trained.ts';
import type { RunResources } from '../../trainer/jobs/resources/run_resources.ts';
import {
  rehearseTraining,
  runTraining,
  type TrainingContext,
  type TrainingProduct,
} from '../../trainer/jobs/kinds/run_training.ts';
import { idleParameters, type IdleParameter, type TrainingJob } from '../../trainer/jobs/kinds/pair_reversion_job.ts';
import { verdictOfManifest } from '../../shared/plain_verdict/of_manifest.ts';
import type { PrintedTraining } from '../../trainer/jobs/records/job_answer.ts';
import { TARGETS, UPDATES, type Target, type Update } from '../../trainer/learning/options/train_options.ts';
import type { TrainResult } from '../../trainer/learning/training/pipeline.ts';
import { adoptionPlace } from '../admission_place.ts';
import { configOf, configOption } from '../config_option.ts';
import { costTable } from '../cost_table.ts';
import { gitCommit } from '../git_commit.ts';
import { groupLines, parseGroups } from '../groups_option.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { unknownName } from '../named_option.ts';
import type { Output } from '../output.ts';
import { recordJob } from '../recorded_job.ts';
import { parseSettings } from '../settings_option.ts';
import { deviceOption, MEMBERS_HELP, parseEngine, parseMembers } from '../learner_options.ts';
import { ENSEMBLE_SETTINGS, isEnsembleSetting, parseEnsemble } from '../ensemble_option.ts';
import { openTrainingNotifier, type TrainingNotifier } from '../training_notice.ts';
import { planReport, printPlan } from '../training_plan.ts';
import { trainingProgress } from '../stage_lines.ts';
import { trainStrategyOption, USUAL_STRATEGY } from '../strategy_option.ts';
import { parseHoldoutFrom, parseInteger, parseWindow, parseWorkers } from '../period.ts';

export interface TrainFlags {
  readonly data?: string;
  readonly from?: string;
  readonly to?: string;
  readonly out?: string;
  readonly seed: string;
  readonly trials?: string;
  readonly workers?: string;
  readonly dryRun?: boolean;
  readonly adopt?: boolean;
  readonly warmStart?: boolean;
  readonly update?: Update;
  readonly theta2?: boolean;
  readonly holdoutFrom?: string;
  readonly engine?: string;
  readonly singleModel?: string;
  readonly members?: string;
  readonly target: Target;
  readonly mid?: boolean;
  readonly cache: boolean;
  readonly days?: string;
  readonly verbose?: boolean;
  readonly config?: string;
  readonly requireGates?: boolean;
  readonly features?: string;
  readonly hashName?: boolean;
  readonly settingsName?: boolean;
  readonly groups?: string;
  readonly set?: readonly string[];
  readonly balance?: string;
  readonly device?: Device;
  readonly printJob?: boolean;
  readonly notify?: boolean;
}

const SINGLE_MODELS = TRAIN_ENGINES.filter((name) => !(ENSEMBLES as readonly string[]).includes(name));

/** The flags that are always there. */
export const TRAIN_DEFAULTS = { seed: '1', target: 'reversion', cache: true } as const;

export function addTrain(program: Command, output: () => Output): void {
  program
    .command('train')
    .description(
      'Bars → features → labels → search → three models → purged validation → thresholds → backtest → bundle. The last part of the bars (train.holdout_fraction) is seen by no choice; ' +
        'metrics, costs and NO_EDGE are evaluated on it. The same bars, configuration and seed give byte-identical ONNX files.',
    )
    .addOption(trainStrategyOption())
    .option(
      '--data <folder>',
      'folder of SYMBOL.csv[.gz]; without it, the bars that the daemon has journaled and those that were imported',
    )
    .option('--from <day>', 'first UTC day or minute of the bars to use; `store`: as --features store')
    .option(
      '--features <place>',
      'learn features and labels of a CSV or Parquet file, of table:schema.name (PostgreSQL of MINUTEHAND_FEATURES_URL, else of the store), of postgres://…?table=schema.name, or of the store, as `dataset export` writes them; bars: computed (default: retrain_features, with --data bars). Bars are always required',
    )
    .option('--to <day>', 'UTC day or minute of the end')
    .option('--out <folder>', 'folder of bundles to write into (default: the models folder of this installation)')
    .option('--seed <n>', 'seed of row and column sampling', TRAIN_DEFAULTS.seed)
    .option(
      '--trials <n>',
      'trials of the parameter search; 0: parameters and thresholds of config/ (default: search.trials)',
    )
    .option('--workers <n>', 'threads to learn on (default: one for each core); affects speed only, not results')
    .option('--holdout-from <day>', 'UTC day or minute of the start of the holdout (default: train.holdout_fraction)')
    .option('--engine <name>', `${TRAIN_ENGINES.join(', ')} (default: train.engine)`)
    .option('--single-model <name>', `one learner, no ensemble: ${SINGLE_MODELS.join(', ')}`)
    .option('--members <list>', MEMBERS_HELP)
    .addOption(
      new Option('--target <name>', 'net: a fourth model, of the result before costs, supplies expected_net_bps')
        .choices(TARGETS)
        .default(TRAIN_DEFAULTS.target),
    )
    .option('--mid', 'experiment: convert bid bars to mids, by half the spread of each minute; the daemon does not')
    .option('--no-cache', 'rebuild all features and labels; the result is the same')
    .option(
      '--warm-start',
      'warm-start the active version on the bars since its full training: a few more trees, no search',
    )
    .addOption(
      new Option(
        '--update <what>',
        'what a warm start changes: trees adds a few, calibration learns the probabilities alone anew (default: by online_learning, else trees)',
      ).choices(UPDATES),
    )
    .option('--days <n>', 'the last n days of these bars only')
    .addOption(configOption())
    .option('--verbose', 'a line on standard error for each stage')
    .option(
      '--groups <list>',
      'metals=XAUUSD_XAGUSD;fx=EURUSD_GBPUSD,…: models of their own for groups of pairs, where they beat the pooled ones; none: no groups (default: train.groups)',
    )
    .option(
      '--set <name=value...>',
      'settings of this training alone, such as train.folds=3 train.ai1.leaves=16 train.networks.epochs=20, and of its ensemble, such as train.stacking.folds=2 train.stacking.meta=logistic train.bagging.fraction=0.5; within the limits of the configuration',
    )
    .addOption(deviceOption())
    .option(
      '--balance <list>',
      `against imbalance of the classes, among the rows of each fold that a model is learned from: ai1=smote,ai2=class_weights, of ${BALANCES.join(', ')}; focal: the engine gbdt (default: train.balance)`,
    )
    .option('--require-gates', 'exit code 1 when a gate fails')
    .option('--theta2', 'search θ2 of the active version on the bars since its training; its models stay')
    .option('--hash-name', 'add eight hex digits of the configuration to the name of the bundle')
    .option('--settings-name', 'add engine and horizon of the label to the name of the bundle, such as -gbdt-h20')
    .option(
      '--dry-run',
      'check configuration, bars, features, engine and space, print the plan with its size and expected time, and learn nothing',
    )
    .option(
      '--notify',
      'report the result on the channels that the environment names (MINUTEHAND_SLACK_URL and others)',
    )
    .option('--print-job', 'train nothing: print these options as a job, for `minutehand job run`')
    .option('--adopt', 'make it the active version if it passes the gates')
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand train --data ./m1 --seed 7\n  minutehand train --adopt            # on what the running daemon has seen\n  minutehand models promote <version>',
    )
    .action(async (flags: TrainFlags & { readonly strategy: StrategyName }, command: Command) => {
      if (flags.strategy === USUAL_STRATEGY) return runTrain(flags, output());
      const { trainByJob } = await import('../strategies/train_by_job.ts');
      return trainByJob(flags.strategy, flags, command, output());
    });
}

/** Trains, or prints the plan or the job. @throws MinutehandError USAGE, and as a training */
export async function runTrain(flags: TrainFlags, output: Output): Promise<void> {
  const settings = loadSettings(configOf(flags.config));
  const job = jobOf(flags, settings);
  if (flags.printJob === true) {
    process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
    return;
  }
  const command = {
    verbose: flags.verbose === true,
    requireGates: flags.requireGates === true,
    notifier: flags.notify === true ? openTrainingNotifier(settings, job.market, output) : null,
  };
  await recordJob(job, settings, output, (own) => runTrainingJob(job, settings, command, own));
}

/**
 * The flags as a job.
 * @throws MinutehandError USAGE
 */
function jobOf(asked: TrainFlags, settings: Settings): TrainingJob {
  const flags = withFeatures(asked);
  if (flags.warmStart && flags.theta2) throw new MinutehandError('USAGE', { seen: '--warm-start with --theta2' });
  if (flags.update !== undefined && !flags.warmStart)
    throw new MinutehandError('USAGE', {
      seen: `--update ${flags.update} without --warm-start`,
      expected: 'a warm start, which is an update of the active models',
    });
  for (const [other, isGiven] of Object.entries({ '--dry-run': flags.dryRun, '--print-job': flags.printJob }))
    if (flags.notify && isGiven)
      throw new MinutehandError('USAGE', {
        seen: `--notify with ${other}`,
        expected: 'a training, whose result is reported',
      });
  const { set = [] } = flags;
  const engine = engineOf(flags);
  const trained = engine ?? settings.minutehand.train.engine;
  const members = flags.members === undefined ? undefined : parseMembers(flags.members, trained, settings);
  const ensemble = parseEnsemble({ set: set.filter(isEnsembleSetting), members, engines: [trained] }, settings);
  const given = set.filter((text) => !isEnsembleSetting(text));
  if (flags.dryRun && flags.adopt) throw new MinutehandError('USAGE', { seen: '--dry-run with --adopt' });
  const job: TrainingJob = {
    kind: flags.theta2 ? 'thresholds' : flags.warmStart ? 'warm_start' : 'train',
    // Bars of files count as live ones.
    market: flags.data === undefined ? settings.minutehand.market : 'live',
    window: parseWindow(flags),
    seed: parseInteger(flags.seed, '--seed'),
    source: { folder: flags.data ?? null, features: featuresOf(flags, settings), mid: flags.mid === true },
    parameters: {
      trials: flags.trials === undefined ? null : parseInteger(flags.trials, '--trials'),
      engine,
      target: flags.target,
      holdout_from: parseHoldoutFrom(flags.holdoutFrom),
      groups: flags.groups === undefined ? null : parseGroups(flags.groups, settings),
      ...(flags.balance !== undefined && { balance: parseBalance(flags.balance) }),
      ...(flags.device !== undefined && { device: flags.device }),
      ...(flags.warmStart && { update: flags.update ?? UPDATE_OF_POLICY[settings.retrain.online_learning] }),
      ...(ensemble !== undefined && { ensemble }),
      ...(given.length > 0 && {
        settings: parseSettings(given, [...TRAINING_SETTINGS, ...ENSEMBLE_SETTINGS], trainingSettingsSchema),
      }),
    },
    output: {
      folder: flags.out ?? null,
      hash_name: flags.hashName === true,
      ...(flags.settingsName === true && { settings_name: true }),
      is_dry_run: flags.dryRun === true,
    },
    adopt: flags.adopt === true,
    resources: { workers: parseWorkers(flags.workers), cache: flags.cache },
    trigger: { code: 'command', values: { command: 'train' } },
  };
  const [idle] = idleParameters(job);
  if (idle === undefined) return job;
  throw new MinutehandError('USAGE', {
    seen: `${flagOf(idle, flags)} with ${flags.theta2 ? '--theta2' : '--warm-start'}, which continues the active models`,
    expected: 'a full training',
    next: 'Leave one of them out.',
  });
}

/** The option that gave a parameter. */
function flagOf(parameter: IdleParameter, { singleModel, members }: TrainFlags): string {
  if (parameter === 'engine') return singleModel === undefined ? '--engine' : '--single-model';
  if (parameter === 'ensemble') return members === undefined ? '--set' : '--members';
  return parameter === 'settings' ? '--set' : `--${parameter}`;
}

/**
 * Where features and labels come from: on the bars of this installation, those of its policy where no option says.
 * @throws MinutehandError USAGE
 */
function featuresOf({ features, data, theta2 }: TrainFlags, { retrain }: Settings): string | null {
  if (theta2 === true) {
    if (features === undefined) return null;
    throw new MinutehandError('USAGE', {
      seen: '--features with --theta2',
      expected: 'no table: a search of θ2 asks the active models about the bars',
    });
  }
  const place = features ?? (data === undefined ? retrain.retrain_features : FEATURES_OF_BARS);
  return place === FEATURES_OF_BARS ? null : place;
}

/** @throws MinutehandError USAGE */
function parseBalance(text: string): NonNullable<TrainingJob['parameters']['balance']> {
  const parsed = balancePolicy.safeParse(Object.fromEntries(text.split(',').map((part) => part.split('=', 2))));
  if (parsed.success && text !== '') return parsed.data;
  throw new MinutehandError('USAGE', {
    seen: `--balance ${text}`,
    expected: `ai1=METHOD,ai2=METHOD, of ${BALANCES.join(', ')}`,
    next: 'The label of ai3 is a fraction, which has no classes.',
  });
}

/** @throws MinutehandError USAGE */
function engineOf({ engine, singleModel }: TrainFlags): TrainEngine | null {
  if (singleModel === undefined) return parseEngine(engine);
  const single = SINGLE_MODELS.find((name) => name === singleModel);
  if (single === undefined) throw unknownName('--single-model', singleModel, SINGLE_MODELS);
  if (engine !== undefined) throw new MinutehandError('USAGE', { seen: '--single-model with --engine' });
  return single;
}

export interface TrainingCommand {
  /** Whether each stage gets a line. */
  readonly verbose: boolean;
  /** Whether a failed gate is a failed command. */
  readonly requireGates: boolean;
  /** null: the result is reported on no channel. */
  readonly notifier: TrainingNotifier | null;
}

/** Runs a training job in this process, decides about its bundle, and prints what came out. */
export async function runTrainingJob(
  job: TrainingJob,
  settings: Settings,
  { verbose, requireGates, notifier }: TrainingCommand,
  output: Output,
): Promise<void> {
  const paths = homePaths();
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => keptBy(job, paths) });
  const context: TrainingContext = {
    settings,
    paths,
    gitCommit: gitCommit(),
    onProgress: trainingProgress(progress, verbose, output),
    onNote: (line) => output.note(line),
  };
  if (job.output.is_dry_run) {
    const outline = await rehearseTraining(job, context).finally(() => progress.stop());
    const plan = await planReport(job, outline, paths);
    printPlan(plan, output);
    output.written(null);
    output.result(plan);
    return;
  }
  let product: TrainingProduct;
  try {
    refuseReturnedUpdate(job, { settings, paths });
    product = await runTraining(job, context);
  } catch (error) {
    progress.stop();
    await notifier?.failed(error);
    throw error;
  }
  progress.stop();
  const { result, gates, resources } = product;
  if (result === null) {
    output.written(null);
    const what = job.kind === 'thresholds' ? 'theta2' : (job.parameters.update ?? 'trees');
    output.line(`Nothing new: ${NOTHING_NEW[what]}. The active models stay.`);
    output.result({ version: null, path: null, adopted: false, gates, resources } satisfies PrintedTraining);
    return;
  }
  const adoption = await adoptTrained(
    { shelf: 'pairs', version: result.version },
    gates,
    job,
    adoptionPlace(settings, (text) => output.note(text)),
  );
  const { adopted, rollout } = adoption;
  const isOwn = job.output.folder === null;
  const action = job.parameters.imported === undefined ? 'train' : 'models import';
  output.written(isOwn ? { action, target: result.version, after: { adopted, rollout } } : null);
  report({ result, adoption, job, resources }, output);
  await notifier?.trained({
    version: result.version,
    adopted,
    isInRollout: rollout !== null,
    gates: adoption.gates,
  });
  if (requireGates) endByGates(adoption.gates, settings.retrain.claims_veto, output);
}

/** What an interrupted training leaves. */
function keptBy({ resources }: TrainingJob, { datasetCache, searches }: HomePaths): string[] {
  if (!resources.cache) return ['No bundle was written, and the active models stay. Nothing is kept: --no-cache.'];
  return [
    'No bundle was written, and the active models stay.',
    `Features and labels that were ready are in ${datasetCache}, finished trials of a search in ${searches}: the same command continues there.`,
  ];
}

/** `--from store` is `--features store`. */
function withFeatures(flags: TrainFlags): TrainFlags {
  if (flags.from !== 'store') return flags;
  const { from: _from, ...others } = flags;
  return { ...others, features: flags.features ?? 'store' };
}

const NOTHING_NEW = {
  trees: 'no model gains a tree from the new bars',
  calibration: 'no model gains by another calibration on the new bars',
  theta2: 'no other θ2 is better on the new bars',
} as const;

interface Outcome {
  readonly result: TrainResult;
  readonly adoption: Adoption;
  readonly job: TrainingJob;
  readonly resources: RunResources;
}

function report({ result, adoption, job, resources }: Outcome, output: Output): void {
  const { adopted, rollout, gates } = adoption;
  const { metrics, edge } = result.manifest;
  const { search, theta1, theta2 } = result.manifest;
  const figure = (value: number | null): string => (value === null ? '   –  ' : value.toFixed(4));
  output.line(`Bundle ${result.path}`);
  output.line('model   rows     AUC     Brier   Baseline Brier   (holdout)');
  for (const name of ['ai1', 'ai2', 'ai3'] as const) {
    const { rows, auc, brier, brier_baseline } = metrics[name].holdout;
    output.line(`${name}  ${String(rows).padStart(8)}  ${figure(auc)}  ${figure(brier)}  ${figure(brier_baseline)}`);
  }
  output.line(`skill of AI1 (AUC − placebo): ${skillText(result.manifest.skill ?? null)}`);
  for (const line of netLines(metrics.net)) output.line(line);
  for (const line of searchLines(search)) output.line(line);
  output.line(`θ1 ${theta1}, θ2 ${theta2}`);
  for (const line of groupLines(result.manifest.groups)) output.line(line);
  for (const [pair, { no_edge, trades, mean_net_bps }] of Object.entries(edge)) {
    output.line(
      `${pair.padEnd(16)} ${no_edge ? 'NO_EDGE' : 'edge   '} ${trades} trades${mean_net_bps === null ? '' : `, ${mean_net_bps.toFixed(2)} bps net each`}`,
    );
  }
  const verdict = verdictOfManifest(result.manifest);
  // An edge of models that no gate lets in trades nothing.
  const isServable = gates.every(({ passed }) => passed);
  if (isServable || !verdict.will_trade) output.line(verdict.text);
  const { warnings = [] } = result.manifest;
  for (const warning of warnings) output.note(`warning: ${warningText(warning)}`);
  for (const line of gateLines(gates)) output.line(line);
  if (rollout !== null) output.line(`Challenger of a rollout: ${result.version}`);
  else if (job.adopt) output.line(adopted ? `Active: ${result.version}` : 'Not adopted; the active version stays.');
  else
    output.line(
      activationText(
        job.output.folder === null ? result.version : result.path,
        gates.every(({ passed }) => passed),
      ),
    );
  output.result({
    version: result.version,
    path: result.path,
    adopted,
    rollout,
    models: { ai1: metrics.ai1, ai2: metrics.ai2, ai3: metrics.ai3, ...(metrics.net && { net: metrics.net }) },
    theta1,
    theta2,
    search,
    edge,
    ...((isServable || !verdict.will_trade) && { verdict }),
    groups: result.manifest.groups ?? [],
    gates,
    warnings,
    resources,
  } satisfies PrintedTraining);
}

/** Walk-forward of the model of the result. */
function netLines(report: NetReport | undefined): string[] {
  if (report === undefined) return [];
  return [
    `net: ${report.rows} rows, ${report.trees} trees; entries it decides in walk-forward, bps per trade:`,
    ...costTable(report.walk_forward),
  ];
}

function searchLines(search: Manifest['search']): string[] {
  const lines: string[] = [];
  const { thresholds = null } = search ?? {};
  for (const name of MODEL_NAMES) {
    const report = search?.[name] ?? null;
    if (report === null) continue;
    const { trials, pruned, configured_log_loss, best_log_loss, gain, gain_standard_error } = report;
    const { forward_gain = null } = report;
    lines.push(
      `search: ${trials} trials (${pruned} pruned), log loss of ${name.toUpperCase()} ${best_log_loss.toFixed(5)} at best, ${configured_log_loss.toFixed(5)} as configured; ` +
        `gain ${gain.toExponential(1)} ± ${gain_standard_error.toExponential(1)}${forward_gain === null ? '' : `, in walk-forward ${forward_gain.toExponential(1)}`}: ${report.adopted ? 'taken' : 'the configured parameters stay'}`,
    );
  }
  if (thresholds !== null) {
    const { tried, allowed, chosen, net_sharpe, trades, pass_rate, expected_max_sharpe, deflated_sharpe } = thresholds;
    const ratio = (value: number | null): string => (value === null ? 'none' : value.toFixed(2));
    lines.push(
      `thresholds: ${tried} tried, ${allowed} allowed${chosen ? '' : ', the initial ones stay'}; out of fold net Sharpe ${ratio(net_sharpe)} of ${trades} trades, ` +
        `expected maximum ${ratio(expected_max_sharpe)}, deflated Sharpe ratio ${ratio(deflated_sharpe)}, pass rate ${(pass_rate * 100).toFixed(1)} %`,
    );
  }
  return lines;
}
