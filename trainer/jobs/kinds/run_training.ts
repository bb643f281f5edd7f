import { rmSync } from 'node:fs';
import { isoMinute, SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import { clipBars, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { readActive, readBundle, type Bundle } from '../../../shared/bundle/bundle.ts';
import { daemonsOf, refuseUnservedFormulas, unservedFormulas } from '../../../shared/bundle/served_formulas.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { withTrainingSettings } from '../../../shared/policy/training_settings.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { parsePair } from '../../../shared/pair.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { tradingCosts, withMids } from '../../../shared/policy/costs.ts';
import { withFormulas } from '../../../shared/policy/feature_settings.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { RecordedGate } from '../../../shared/bundle/gates/gate_result.ts';
import { DEFAULT_CACHE_BYTES } from '../../learning/strategies/pair_reversion/dataset/pair_cache.ts';
import { openScratch } from '../../learning/strategies/pair_reversion/dataset/scratch.ts';
import { midBars } from '../../learning/history/mid_bars.ts';
import type { TrainOptions } from '../../learning/options/train_options.ts';
import {
  researchTheta2,
  type Theta2Result,
} from '../../learning/strategies/pair_reversion/thresholds/research_theta2.ts';
import { adoptionGates } from '../../learning/training/adoption_gates.ts';
import {
  outlineTraining,
  refuseUnusableLearner,
  train,
  trainFromWarmStart,
  type TrainingOutline,
  type TrainResult,
} from '../../learning/training/pipeline.ts';
import { warmStartTraining } from '../../learning/training/training_plan.ts';
import { readConfiguredBars } from '../bars/configured_bars.ts';
import { barNotes, toStandardError, type OnNote } from '../bars/bar_notes.ts';
import { withOwnPrices } from '../bars/installation_bars.ts';
import { whileBarsStay } from '../bars/taken_back.ts';
import { refuseIdleFigures, withSequence } from '../../learning/learners/networks/network_parameters.ts';
import { ensembleParameters } from '../../learning/learners/mixture/ensemble_parameters.ts';
import { refuseUnservedModels } from '../../learning/imported/imported_models.ts';
import { learnersIn } from '../../learning/learners/registry.ts';
import type { FeatureSource } from '../../learning/feature_table/feature_table.ts';
import { openSource } from '../feature_source/open_source.ts';
import { fleetOfTraining } from '../fleet/fleet_training.ts';
import { holdingFolders } from '../held_folders.ts';
import { returnFreedMemory, trimRepeatedly } from '../resources/freed_memory.ts';
import { watchGpu } from '../resources/gpu_watch.ts';
import { ownResources, type RunResources } from '../resources/run_resources.ts';
import { importedSourceOf, openTimeOf } from '../job_fields.ts';
import { whileStoreReturns } from '../../store/store_patience.ts';
import { refuseOtherMarket } from '../other_market.ts';
import { symbolsOfTraining } from './symbols_of_training.ts';
import { trainingDevice } from './training_device.ts';
import type { TrainingJob } from './pair_reversion_job.ts';

const SECONDS_PER_DAY = 86_400;

export interface TrainingContext {
  readonly settings: Settings;
  readonly paths: HomePaths;
  /** Of this program, for the manifest; null outside a repository. */
  readonly gitCommit: string | null;
  onProgress(stage: string, done: number, total: number): void;
  /** A remark for the person and the record of the job; without it, it goes to stderr. */
  onNote?(line: string): void;
}

/** What a training has made. It has activated nothing. */
export interface TrainingProduct {
  /** null when a warm start or a search of θ2 has found nothing new. */
  readonly result: TrainResult | Theta2Result | null;
  /** All gates of the bundle, those against the active models included. */
  readonly gates: RecordedGate[];
  readonly resources: RunResources;
}

/**
 * Runs a training: bars → bundle → gates. The bundle is in `job.output.folder`.
 * @throws MinutehandError DATA_MISSING, DATA_TOO_SHORT, COMPARISON_IMPOSSIBLE, MODEL_MISSING, MODEL_MARKET and others
 * of the stations
 */
export async function runTraining(job: TrainingJob, context: TrainingContext): Promise<TrainingProduct> {
  const gpu = watchGpu(process.pid);
  const folders = [context.paths.home, job.output.folder ?? context.paths.models];
  const result = await holdingFolders(folders, () =>
    withTrainOptions(job, context, (options, bars) => makeAndJudge(job, options, bars), discardBundle),
  );
  return { ...result, resources: ownResources(await gpu.stop()) };
}

async function makeAndJudge(
  job: TrainingJob,
  options: TrainOptions,
  bars: ReadonlyMap<string, BarColumns>,
): Promise<Omit<TrainingProduct, 'resources'>> {
  const result = await trainAs(job, options.out, { ...options, compared: bars });
  if (result === null) return { result, gates: [] };
  const { settings, workers, onProgress } = options;
  const gates = await adoptionGates(result, {
    settings,
    bars: 'bars' in result ? result.bars : bars,
    modelsFolder: options.out,
    workers,
    onProgress,
  });
  return { result, gates };
}

/**
 * A dry run: everything that precedes the first fit of a training, by the same code, and nothing after it. Features and
 * labels go into the cache, where the training finds them.
 * @throws MinutehandError as `runTraining`, and LEARNER_MISSING, USAGE for thresholds, which learn no models
 */
export async function rehearseTraining(job: TrainingJob, context: TrainingContext): Promise<TrainingOutline> {
  if (job.kind === 'thresholds') {
    throw new MinutehandError('USAGE', {
      seen: 'a dry run of θ2',
      expected: 'a training of models',
      next: 'Search θ2 itself, which takes seconds; without --adopt nothing becomes active.',
    });
  }
  return await withTrainOptions(job, context, async (options, bars) => {
    const compared = { ...options, compared: bars };
    return job.kind === 'train'
      ? outlineTraining(compared)
      : outlineTraining(compared, warmStartTraining(activeBundle(options.out), compared));
  });
}

/** A bundle that learned from bars that were taken back meanwhile: no adoption, note or list would name it. */
function discardBundle({ result }: Omit<TrainingProduct, 'resources'>): void {
  if (result !== null) rmSync(result.path, { recursive: true, force: true });
}

/**
 * Reads the bars of a job and opens its feature source for as long as `work` lasts.
 * @param discard takes away what the work has made, where bars that it used were taken back meanwhile
 * @throws MinutehandError BARS_CHANGED
 */
export async function withTrainOptions<Result>(
  job: TrainingJob,
  context: TrainingContext,
  work: (options: TrainOptions, bars: ReadonlyMap<string, BarColumns>) => Promise<Result>,
  discard?: (result: Result) => void,
): Promise<Result> {
  const settings = job.kind === 'train' ? withFormulas(context.settings) : context.settings;
  const { learned, compared } = symbolsOfTraining(
    job.kind,
    context.settings,
    job.output.folder ?? context.paths.models,
  );
  const used = { settings, symbols: [...learned, ...compared], isOwn: job.source.folder === null };
  return whileBarsStay(used, () => withOpenOptions(job, context, work), discard);
}

async function withOpenOptions<Result>(
  job: TrainingJob,
  context: TrainingContext,
  work: (options: TrainOptions, bars: ReadonlyMap<string, BarColumns>) => Promise<Result>,
): Promise<Result> {
  const { paths, gitCommit, onProgress } = context;
  returnFreedMemory();
  const { source: place, parameters, output, resources } = job;
  refuseOtherMarket(job, context.settings);
  // What continues a bundle has the formulas of the bundle.
  const own = job.kind === 'train' ? withFormulas(context.settings) : context.settings;
  const configured = withParameters(own, parameters);
  // Before minutes of reading bars.
  if (job.kind === 'train') refuseUnusableLearner(configured, parameters.imported);
  const brought = parameters.imported && importedSources(parameters.imported);
  if (brought !== undefined) await refuseUnservedModels(brought, configured);
  const imported = await withOwnPrices(configured, place.folder ?? undefined);
  const settings = place.mid ? withMids(imported) : imported;
  const { learned, compared } = symbolsOfTraining(
    job.kind,
    context.settings,
    job.output.folder ?? context.paths.models,
  );
  const onBars = (done: number, total: number): void => onProgress('reading bars', done, total);
  const tell = context.onNote?.bind(context) ?? toStandardError;
  const known = await barsOf(job, settings, imported, onBars, [...new Set([...learned, ...compared])], tell);
  const read = lastDays(ofSymbols(known, learned), job.window.days);
  for (const note of barNotes(read.values(), settings.minutehand.symbols)) tell(note);
  // Some experiments make the rows of a training many times.
  const told = new Set<string>();
  const tellOnce = (line: string): void => {
    if (!told.has(line)) tell(line);
    told.add(line);
  };
  refuseUnserved(job, settings, tellOnce);
  const fleet = await fleetOfTraining(settings, paths, resources.cache, tell);
  const { features: named } = place;
  const features = named === null ? null : await whileStoreReturns(() => openSource(named, settings, job.market), tell);
  const scratch = openScratch(paths.datasetCache);
  const endTrims = trimRepeatedly();
  try {
    const bars = features === null ? read : await barsOfTable(read, features, settings.minutehand.pairs, tellOnce);
    const options: TrainOptions = {
      settings,
      bars,
      market: job.market,
      source: features,
      hashName: output.hash_name,
      settingsName: output.settings_name === true,
      seed: job.seed,
      gitCommit,
      out: output.folder ?? paths.models,
      counts: paths.models,
      created: new Date(),
      cache: resources.cache ? { folder: paths.datasetCache, maxBytes: DEFAULT_CACHE_BYTES } : null,
      scratch,
      trials: parameters.trials ?? settings.minutehand.search.trials,
      searchFolder: resources.cache ? paths.searches : null,
      holdoutFrom: parameters.holdout_from === null ? null : openTimeOf(parameters.holdout_from),
      workers: resources.workers,
      ...(fleet !== null && { openPool: fleet.openPool }),
      target: parameters.target,
      update: parameters.update,
      ...(brought && { imported: brought }),
      onProgress,
      onNote: tellOnce,
    };
    return await work(options, new Map([...known, ...bars]));
  } finally {
    endTrims();
    scratch.close();
    await features?.close();
    await fleet?.close();
  }
}

/**
 * Formulas that serving cannot compute: said before a training begins, and refused where it is to be adopted.
 * @throws MinutehandError MODEL_SYMBOLS
 */
function refuseUnserved(
  { adopt }: Pick<TrainingJob, 'adopt'>,
  { minutehand }: Settings,
  tell: (line: string) => void,
): void {
  const { windows } = minutehand;
  const daemons = daemonsOf({ minutehand });
  if (adopt) refuseUnservedFormulas('a training that is to be adopted', windows, daemons);
  const unserved = unservedFormulas(windows, daemons);
  if (unserved !== null)
    tell(`A training ${unserved.seen}: these models can be compared by backtest, and cannot be served live.`);
}

/** The settings with the parameters of a job in place of the configured ones. */
function withParameters(
  settings: Settings,
  { engine, groups, balance, device, ensemble, imported, settings: given = {} }: TrainingJob['parameters'],
): Settings {
  const minutehand = withTrainingSettings(settings.minutehand, given);
  const { groups: configured, ...train } = minutehand.train;
  // A model that was brought serves all pairs.
  const chosen = imported === undefined ? (groups ?? configured) : {};
  const isNone = chosen === undefined || Object.keys(chosen).length === 0;
  const { device: _configured, ...others } = {
    ...train,
    ...ensemble,
    ...(balance && { balance: { ...train.balance, ...balance } }),
    ...(isNone ? {} : { groups: chosen }),
    ...(engine === null ? {} : { engine }),
  };
  const own = trainingDevice({ asked: device, engines: [others.engine] }, { ...train, ...ensemble });
  const changed = { ...others, ...(own && { device: own }) };
  const learners = learnersIn(changed.engine, ensembleParameters(changed));
  refuseIdleFigures(Object.keys(given), learners);
  return withSequence({ ...settings, minutehand: { ...minutehand, train: changed } }, learners);
}

function importedSources(
  imported: NonNullable<TrainingJob['parameters']['imported']>,
): NonNullable<TrainOptions['imported']> {
  return Object.fromEntries(Object.entries(imported).map(([role, source]) => [role, importedSourceOf(source)]));
}

/** @param imported the settings without the conversion to mids */
async function barsOf(
  { source, window }: TrainingJob,
  settings: Settings,
  imported: Settings,
  onProgress: (done: number, total: number) => void,
  symbols: readonly string[],
  onNote: OnNote,
): Promise<ReadonlyMap<string, BarColumns>> {
  const period = {
    ...(window.from === null ? {} : { from: openTimeOf(window.from) }),
    ...(window.to === null ? {} : { to: openTimeOf(window.to) }),
  };
  const read = await readConfiguredBars(source.folder, period, settings, onProgress, symbols, onNote);
  return source.mid ? midBars(read, tradingCosts(imported)) : read;
}

function ofSymbols(bars: ReadonlyMap<string, BarColumns>, symbols: readonly string[]): Map<string, BarColumns> {
  return new Map([...bars].filter(([symbol]) => symbols.includes(symbol)));
}

/**
 * The bars up to the newest row that a table has of every pair with bars: a table is written now and then, and bars
 * come every minute.
 * @throws MinutehandError DATA_MISSING for a pair without rows
 */
async function barsOfTable(
  bars: ReadonlyMap<string, BarColumns>,
  table: FeatureSource,
  pairs: readonly string[],
  tell: (line: string) => void,
): Promise<ReadonlyMap<string, BarColumns>> {
  let last = Infinity;
  for (const { id, a, b } of pairs.map(parsePair)) {
    if (!bars.has(a) || !bars.has(b)) continue;
    const newest = await table.newest(id);
    if (newest === null) {
      throw new MinutehandError('DATA_MISSING', {
        seen: `${table.place}: no rows of ${id}`,
        expected: 'rows of each configured pair',
        next: 'Write them, or take the pair out of `pairs`.',
      });
    }
    last = Math.min(last, newest);
  }
  const newestBar = newestTime(bars);
  if (last >= newestBar) return bars;
  const end = (last + SECONDS_PER_BAR) as OpenTime;
  tell(
    `${table.place} ends at ${isoMinute(last as OpenTime)}: later bars, to ${isoMinute(newestBar as OpenTime)}, are left out.`,
  );
  return new Map([...bars].map(([symbol, columns]) => [symbol, clipBars(columns, undefined, end)]));
}

/** Of all symbols; −Infinity without a bar. */
function newestTime(bars: ReadonlyMap<string, BarColumns>): number {
  return Math.max(...[...bars.values()].map(({ time }) => time.at(-1) ?? -Infinity));
}

/** The bars of the last days before the newest one; null: all. */
function lastDays(bars: ReadonlyMap<string, BarColumns>, days: number | null): ReadonlyMap<string, BarColumns> {
  if (days === null) return bars;
  const newest = newestTime(bars);
  const from = (newest - days * SECONDS_PER_DAY + SECONDS_PER_BAR) as OpenTime;
  return new Map([...bars].map(([symbol, columns]) => [symbol, clipBars(columns, from)]));
}

function trainAs(
  { kind }: TrainingJob,
  modelsFolder: string,
  options: TrainOptions,
): Promise<TrainResult | Theta2Result | null> {
  if (kind === 'thresholds') return researchTheta2(activeBundle(modelsFolder), options);
  return kind === 'warm_start' ? trainFromWarmStart(activeBundle(modelsFolder), options) : train(options);
}

/** @throws MinutehandError MODEL_MISSING, and as readBundle */
function activeBundle(modelsFolder: string): Bundle {
  const active = readActive(modelsFolder);
  if (active === null) {
    throw new MinutehandError('MODEL_MISSING', {
      seen: `no active version in ${modelsFolder} whose models could be continued`,
      next: 'Train in full first: `minutehand train --adopt`.',
    });
  }
  return readBundle(pathInside(modelsFolder, active.version));
}
