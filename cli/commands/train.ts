import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Option, type Command } from 'commander';
import { SECONDS_PER_BAR, type OpenTime } from '../../shared/bar.ts';
import { clipBars, readBarFolder, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { screenBars } from '../../shared/bar_file/screened_bars.ts';
import { readActive, readBundle, type Bundle } from '../../shared/bundle/bundle.ts';
import { readRollout } from '../../shared/bundle/rollout.ts';
import { activateAdmitted, activateInFolder } from '../../shared/bundle/admission/activation.ts';
import { admit, type Admitted } from '../../shared/bundle/admission/admission.ts';
import { shadowPower } from '../../trainer/control/rollout/shadow_power.ts';
import { startRollout } from '../../trainer/control/rollout/steps.ts';
import { tellStart } from './rollout.ts';
import type { Manifest, NetReport } from '../../shared/bundle/manifest.ts';
import { MODEL_NAMES } from '../../shared/core/features/feature.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { parsePair, symbolsOf } from '../../shared/pair.ts';
import { homePaths, type HomePaths } from '../../shared/home.ts';
import { tradingCosts, withMids } from '../../shared/policy/costs.ts';
import { loadSettings, screenPolicy, type Settings } from '../../shared/policy/policy.ts';
import { keepFilesPrivate } from '../../shared/private_files.ts';
import { packageRoot } from '../../shared/root.ts';
import { midBars } from '../../trainer/learning/history/mid_bars.ts';
import { DEFAULT_CACHE_BYTES } from '../../trainer/learning/dataset/pair_cache.ts';
import type { GateResult } from '../../trainer/learning/criteria/criteria.ts';
import { skillText } from '../../trainer/learning/gate/honesty.ts';
import { adoptionGates } from '../../trainer/learning/training/gate.ts';
import { ENGINES, type Engine } from '../../shared/policy/engines.ts';
import {
  trainFromWarmStart,
  train,
  type TrainOptions,
  type TrainResult,
} from '../../trainer/learning/training/pipeline.ts';
import { TARGETS, type Target } from '../../trainer/learning/options/train_options.ts';
import { enterOutcome, withRegistry, type Outcome as RegistryOutcome } from '../../trainer/control/registry/outcome.ts';
import { writeMetadataViews } from '../../trainer/control/registry/metadata_views.ts';
import { reasonsOf } from '../../shared/bundle/recorded_gates.ts';
import { watchGpu } from '../../trainer/control/schedule/gpu_watch.ts';
import { ownResources, type RunResources } from '../../trainer/control/schedule/run_resources.ts';
import { researchTheta2, type Theta2Result } from '../../trainer/learning/search/research_theta2.ts';
import { admissionPlace } from '../admission_place.ts';
import type { Output } from '../output.ts';
import { costTable } from '../cost_table.ts';
import { openSource } from '../feature_source.ts';
import { readInstallationBars, withOwnPrices } from '../installation_bars.ts';
import { groupLines, withGroups } from '../groups_option.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { parseDay, parseInteger, parsePeriod, parseWorkers } from '../period.ts';

const SECONDS_PER_DAY = 86_400;

interface TrainFlags {
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
  readonly theta2?: boolean;
  readonly holdoutFrom?: string;
  readonly engine?: string;
  readonly target: Target;
  readonly mid?: boolean;
  readonly cache: boolean;
  readonly days?: string;
  readonly verbose?: boolean;
  readonly config?: string;
  readonly requireGates?: boolean;
  readonly features?: string;
  readonly hashName?: boolean;
  readonly groups?: string;
}

export function addTrain(program: Command, output: () => Output): void {
  program
    .command('train')
    .description(
      'Bars → features → labels → search → three models → purged validation → thresholds → backtest → bundle. The last part of the bars (train.holdout_fraction) is seen by no choice; ' +
        'metrics, costs and NO_EDGE are evaluated on it. The same bars, configuration and seed give byte-identical ONNX files.',
    )
    .option(
      '--data <folder>',
      'folder of SYMBOL.csv[.gz]; without it, the bars that the daemon has journaled and those that were imported',
    )
    .option('--from <day>', 'first UTC day or minute of the bars to use; `store`: as --features store')
    .option(
      '--features <place>',
      'learn features and labels of a CSV or Parquet file, of postgres://…?table=schema.name, or of the store, as `dataset export` writes them; bars are still required',
    )
    .option('--to <day>', 'UTC day or minute of the end')
    .option('--out <folder>', 'folder of bundles to write into (default: the models folder of this installation)')
    .option('--seed <n>', 'seed of row and column sampling', '1')
    .option(
      '--trials <n>',
      'trials of the parameter search; 0: parameters and thresholds of config/ (default: search.trials)',
    )
    .option('--workers <n>', 'threads to learn on (default: one for each core); affects speed only, not results')
    .option('--holdout-from <day>', 'UTC day or minute of the start of the holdout (default: train.holdout_fraction)')
    .option('--engine <name>', `${ENGINES.join(', ')} (default: train.engine)`)
    .addOption(
      new Option('--target <name>', 'net: a fourth model, of the result before costs, supplies expected_net_bps')
        .choices(TARGETS)
        .default('reversion'),
    )
    .option('--mid', 'experiment: convert bid bars to mids, by half the spread of each minute; the daemon does not')
    .option('--no-cache', 'rebuild all features and labels; the result is the same')
    .option(
      '--warm-start',
      'warm-start the active version on the bars since its full training: a few more trees, no search',
    )
    .option('--days <n>', 'the last n days of these bars only')
    .option('--config <folder>', 'folder of the configuration, or a file in it (default: MINUTEHAND_CONFIG, config/)')
    .option('--verbose', 'a line on standard error for each stage')
    .option(
      '--groups <list>',
      'metals=XAUUSD_XAGUSD;fx=EURUSD_GBPUSD,…: models of their own for groups of pairs, where they beat the pooled ones; none: no groups (default: train.groups)',
    )
    .option('--require-gates', 'exit code 1 when a gate fails')
    .option('--theta2', 'search θ2 of the active version on the bars since its training; its models stay')
    .option('--hash-name', 'add eight hex digits of the configuration to the name of the bundle')
    .option('--dry-run', 'train and measure, write nothing')
    .option('--adopt', 'make it the active version if it passes the gates')
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand train --data ./m1 --seed 7\n  minutehand train --adopt            # on what the running daemon has seen\n  minutehand models promote <version>',
    )
    .action((flags: TrainFlags) => {
      keepFilesPrivate();
      return runTrain(flags, output());
    });
}

/**
 * Bars of files count as live ones: hours of training would end in a refusal.
 * @throws MinutehandError MODEL_MARKET
 */
function refuseOtherMarket({ adopt: isToAdopt, data, out, config }: TrainFlags): void {
  if (isToAdopt !== true || data === undefined || out !== undefined) return;
  const { market } = loadSettings(configFolder(config)).minutehand;
  if (market === 'live') return;
  throw new MinutehandError('MODEL_MARKET', {
    seen: '--adopt with --data: models of a live market',
    expected: `a ${market} market, which runs here`,
    next: 'Train without --adopt or with --out, or set MINUTEHAND_MARKET=live.',
  });
}

async function runTrain(given: TrainFlags, output: Output): Promise<void> {
  const flags = withFeatures(given);
  const seed = parseInteger(flags.seed, '--seed');
  if (flags.warmStart && flags.theta2) throw new MinutehandError('USAGE', { seen: '--warm-start with --theta2' });
  if (flags.dryRun && flags.adopt) throw new MinutehandError('USAGE', { seen: '--dry-run with --adopt' });
  refuseOtherMarket(flags);
  const configured = withGroups(loadSettings(configFolder(flags.config)), flags.groups);
  const imported = await withOwnPrices(withEngine(configured, flags.engine), flags.data);
  const settings = flags.mid === true ? withMids(imported) : imported;
  const trials =
    flags.trials === undefined ? settings.minutehand.search.trials : parseInteger(flags.trials, '--trials');
  const paths = homePaths();
  const modelsFolder = flags.out ?? paths.models;
  const workers = parseWorkers(flags.workers);
  const progress = output.progress();
  let dryFolder: string | null = null;
  const removeDryFolder = (): void => {
    if (dryFolder !== null) rmSync(dryFolder, { recursive: true, force: true });
  };
  const onStage = flags.verbose === true ? stageLines((line) => output.note(line)) : null;
  const onProgress = (stage: string, done: number, total: number): void => {
    onStage?.(stage);
    progress.update(stage, done, total);
  };
  tellWhenInterrupted({ output, progress, kept: () => keptBy(flags, paths), cleanUp: removeDryFolder });
  const read = await readBars(flags, settings, (done, total) => onProgress('reading bars', done, total));
  const priced = flags.mid === true ? midBars(read, tradingCosts(imported)) : read;
  const bars = flags.days === undefined ? priced : lastDays(priced, parseInteger(flags.days, '--days', 1));
  // An evaluated bundle must be in a folder: that of a dry run is for as long as it lasts.
  dryFolder = flags.dryRun ? mkdtempSync(join(tmpdir(), 'minutehand-dry-run-')) : null;
  const gpu = watchGpu(process.pid);
  let result: TrainResult | Theta2Result | null;
  let gates: GateResult[] = [];
  const market = flags.data === undefined ? settings.minutehand.market : 'live';
  const source = flags.features === undefined ? null : await openSource(flags.features, settings, market);
  try {
    const options: TrainOptions = {
      settings,
      bars,
      market,
      source,
      hashName: flags.hashName === true,
      seed,
      gitCommit: gitCommit(),
      out: dryFolder ?? modelsFolder,
      created: new Date(),
      cache: flags.cache ? { folder: paths.datasetCache, maxBytes: DEFAULT_CACHE_BYTES } : null,
      trials,
      searchFolder: flags.cache ? paths.searches : null,
      holdoutFrom: flags.holdoutFrom === undefined ? null : parseDay(flags.holdoutFrom, '--holdout-from'),
      workers,
      target: flags.target,
      onProgress,
    };
    result = await trainAs(flags, modelsFolder, options);
    const compared = result !== null && 'bars' in result ? result.bars : bars;
    if (result !== null)
      gates = await adoptionGates(result, { settings, bars: compared, modelsFolder, workers, onProgress });
  } finally {
    removeDryFolder();
    progress.stop();
    await source?.close();
  }
  if (result === null) {
    output.written(null);
    output.line(`Nothing new: ${NOTHING_NEW[flags.theta2 ? 'theta2' : 'trees']}. The active models stay.`);
    output.result({ version: null, path: null, adopted: false, gates, resources: ownResources(await gpu.stop()) });
    return;
  }
  const isWritten = dryFolder === null;
  const { adopted, rollout } = await adopt(result.version, gates, flags, settings, output);
  const isOwn = isWritten && flags.out === undefined;
  output.written(isOwn ? { target: result.version, after: { adopted, rollout } } : null);
  if (isWritten) tellMetadata(modelsFolder, output);
  report({ result, gates, flags, isWritten, adopted, rollout, resources: ownResources(await gpu.stop()) }, output);
  if (flags.requireGates === true && gates.some(({ passed }) => !passed)) process.exitCode = 1;
}

/** What an interrupted training leaves. */
function keptBy(flags: TrainFlags, { datasetCache, searches }: HomePaths): string[] {
  if (!flags.cache) return ['No bundle was written, and the active models stay. Nothing is kept: --no-cache.'];
  return [
    'No bundle was written, and the active models stay.',
    `Features and labels that were ready are in ${datasetCache}, finished trials of a search in ${searches}: the same command continues there.`,
  ];
}

/**
 * Activates a bundle that passed all gates, or starts its rollout, if `--adopt` is given.
 * @param gates to which that of the rollout is added
 */
async function adopt(
  version: string,
  gates: GateResult[],
  flags: TrainFlags,
  settings: Settings,
  output: Output,
): Promise<Pick<Outcome, 'adopted' | 'rollout'>> {
  if (flags.adopt !== true) return { adopted: false, rollout: null };
  const paths = homePaths();
  const isOwn = flags.out === undefined;
  if (isOwn) gates.push(...rolloutGate(settings));
  const passed = gates.every((gate) => gate.passed);
  const admitted = passed ? await admitNew(version, gates, flags, settings) : null;
  const rollout = admitted?.door === 'adoption' ? await beginRollout(admitted, settings, output) : null;
  const adopted = admitted !== null && rollout === null;
  if (adopted) {
    if (admitted.door === 'adoption') activateAdmitted(admitted, paths);
    else activateInFolder(admitted, flags.out!);
  }
  if (isOwn) await tellRegistry({ version, adopted, inRollout: rollout !== null }, gates, settings, output);
  return { adopted, rollout };
}

/** @throws MinutehandError as admit */
function admitNew(
  version: string,
  gates: readonly GateResult[],
  { out }: TrainFlags,
  settings: Settings,
): Promise<Admitted<'adoption'> | Admitted<'folder'>> {
  const place = admissionPlace(settings);
  const folder = join(out ?? place.paths.models, version);
  const door = out === undefined ? 'adoption' : 'folder';
  return admit<'adoption' | 'folder'>(place, { door, folder, further: gates });
}

/** By `adopt_by: rollout` a candidate waits for the end of the active rollout. */
function rolloutGate({ retrain }: Settings): GateResult[] {
  if (retrain.adopt_by !== 'rollout') return [];
  const rollout = readRollout(homePaths().models);
  const isFree = rollout?.status !== 'active';
  const seen = isFree ? 'none is active' : `${rollout.id} is active`;
  return [{ name: 'rollout', limit: 'no other rollout is active', passed: isFree, seen }];
}

/**
 * By `adopt_by: rollout` a bundle that passed all gates is the challenger of the active models.
 * @returns the id of the rollout; null when it is to be activated: there are no active models yet, or by policy
 */
async function beginRollout(
  admitted: Admitted<'adoption'>,
  settings: Settings,
  output: Output,
): Promise<string | null> {
  const paths = homePaths();
  const { version } = admitted;
  if (settings.retrain.adopt_by !== 'rollout' || readActive(paths.models) === null) return null;
  await withRegistry(process.env, paths, (registry) => registry.register(version));
  const place = { settings, paths };
  const rollout = startRollout(place, admitted, await shadowPower(place, version));
  await tellStart(rollout, output);
  const { id, power } = rollout;
  output.note(`Rollout ${id} begins; power ${power === null ? 'unknown' : power.toFixed(2)}.`);
  return id;
}

/** @throws MinutehandError CONFIG_MISSING */
export function configFolder(place: string | undefined): { configDir?: string } {
  if (place === undefined) return {};
  return { configDir: /\.ya?ml$/.test(place) ? dirname(place) : place };
}

/** Prints a line when a stage begins; its progress after a comma is omitted. */
function stageLines(tell: (line: string) => void): (stage: string) => void {
  const beganMs = performance.now();
  let last = '';
  return (stage) => {
    const name = stage.split(',')[0]!;
    if (name !== last) tell(`${((performance.now() - beganMs) / 1000).toFixed(1)} s: ${name}`);
    last = name;
  };
}

/** The bars of the last days before the newest one. */
function lastDays(bars: ReadonlyMap<string, BarColumns>, days: number): Map<string, BarColumns> {
  const newest = Math.max(...[...bars.values()].map(({ time }) => time.at(-1) ?? -Infinity));
  const from = (newest - days * SECONDS_PER_DAY + SECONDS_PER_BAR) as OpenTime;
  return new Map([...bars].map(([symbol, columns]) => [symbol, clipBars(columns, from)]));
}

/** The views follow the bundles: a failed write does not undo the training. */
function tellMetadata(modelsFolder: string, output: Output): void {
  try {
    writeMetadataViews(modelsFolder);
  } catch (error) {
    output.note(`The metadata views were not written: ${describeError(error).message}`);
  }
}

/** `--from store` is `--features store`. */
function withFeatures(flags: TrainFlags): TrainFlags {
  if (flags.from !== 'store') return flags;
  const { from: _from, ...others } = flags;
  return { ...others, features: flags.features ?? 'store' };
}

const NOTHING_NEW = {
  trees: 'no model gains a tree from the new bars',
  theta2: 'no other θ2 is better on the new bars',
} as const;

function trainAs(
  { warmStart, theta2 }: TrainFlags,
  modelsFolder: string,
  options: TrainOptions,
): Promise<TrainResult | Theta2Result | null> {
  if (theta2) return researchTheta2(activeBundle(modelsFolder), options);
  return warmStart ? trainFromWarmStart(activeBundle(modelsFolder), options) : train(options);
}

interface Outcome {
  readonly result: TrainResult;
  readonly gates: readonly GateResult[];
  readonly flags: TrainFlags;
  readonly isWritten: boolean;
  readonly adopted: boolean;
  /** Id of the rollout that it began instead of being activated. */
  readonly rollout: string | null;
  readonly resources: RunResources;
}

function report({ result, gates, flags, isWritten, adopted, rollout, resources }: Outcome, output: Output): void {
  const { metrics, edge } = result.manifest;
  const { search, theta1, theta2 } = result.manifest;
  const figure = (value: number | null): string => (value === null ? '   –  ' : value.toFixed(4));
  output.line(isWritten ? `Bundle ${result.path}` : 'Nothing written (dry run).');
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
  for (const { name, passed, seen, limit } of gates)
    output.line(`gate ${name}: ${passed ? 'passed' : 'FAILED'} (${seen}; ${limit})`);
  if (rollout !== null) output.line(`Challenger of a rollout: ${result.version}`);
  else if (flags.adopt) output.line(adopted ? `Active: ${result.version}` : 'Not adopted; the active version stays.');
  else if (isWritten)
    output.line(
      `Activate it with: minutehand models promote ${flags.out === undefined ? result.version : result.path}`,
    );
  output.result({
    version: isWritten ? result.version : null,
    path: isWritten ? result.path : null,
    adopted,
    rollout,
    models: { ai1: metrics.ai1, ai2: metrics.ai2, ai3: metrics.ai3, ...(metrics.net && { net: metrics.net }) },
    theta1,
    theta2,
    search,
    edge,
    groups: result.manifest.groups ?? [],
    gates,
    resources,
  });
}

/** Walk-forward of the model of the result. */
function netLines(report: NetReport | undefined): string[] {
  if (report === undefined) return [];
  return [
    `net: ${report.rows} rows, ${report.trees} trees; entries it decides in walk-forward, bps per trade:`,
    ...costTable(report.walk_forward),
  ];
}

/** @throws MinutehandError MODEL_MISSING, and as readBundle */
function activeBundle(modelsFolder: string): Bundle {
  const active = readActive(modelsFolder);
  if (active === null) {
    throw new MinutehandError('MODEL_MISSING', {
      seen: `no active version in ${modelsFolder} to warm-start from`,
      next: 'Train in full first: `minutehand train --adopt`.',
    });
  }
  return readBundle(join(modelsFolder, active.version));
}

/**
 * A store that cannot be used does not undo what is done: active.json is what counts, and the trainer's registry
 * follows it.
 */
async function tellRegistry(
  about: Omit<RegistryOutcome, 'reasons'>,
  gates: readonly GateResult[],
  { retrain }: Settings,
  output: Output,
): Promise<void> {
  const outcome = { ...about, reasons: about.adopted || about.inRollout ? [] : reasonsOf(gates) };
  try {
    await withRegistry(process.env, homePaths(), (registry) =>
      enterOutcome(registry, outcome, retrain.model_version_retention),
    );
  } catch (error) {
    output.note(`The registry was not updated: ${describeError(error).message}`);
  }
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

/** @throws MinutehandError USAGE */
function withEngine(settings: Settings, engine: string | undefined): Settings {
  if (engine === undefined) return settings;
  if (!(ENGINES as readonly string[]).includes(engine))
    throw new MinutehandError('USAGE', { seen: `--engine ${engine}`, expected: ENGINES.join(', ') });
  const { minutehand } = settings;
  return { ...settings, minutehand: { ...minutehand, train: { ...minutehand.train, engine: engine as Engine } } };
}

/** Bars of all configured symbols, without suspect ones: of a folder, or all of this installation. */
export async function readBars(
  flags: Pick<TrainFlags, 'data' | 'from' | 'to'>,
  settings: Settings,
  onProgress: (done: number, total: number) => void,
): Promise<Map<string, BarColumns>> {
  const symbols = symbolsOf(settings.minutehand.pairs.map(parsePair));
  const period = parsePeriod(flags);
  const screening = screenPolicy(settings);
  if (flags.data !== undefined)
    return screenBars(
      await readBarFolder(flags.data, symbols, {
        ...period,
        onProgress: ({ done, total }) => onProgress(done, total),
      }),
      screening,
    );

  return readInstallationBars(settings, symbols, period, onProgress);
}

export function gitCommit(): string | null {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], {
      cwd: packageRoot(),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}
