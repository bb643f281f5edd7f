import { rmSync } from 'node:fs';
import { isoMinute, type OpenTime } from '../../../shared/bar.ts';
import { withInstrumentFormulas } from '../../../shared/policy/feature_settings.ts';
import { INSTRUMENT_WINDOWS } from '../../../shared/core/features/instrument/definitions.ts';
import { directionFolder } from '../../../shared/bundle/direction/active_direction.ts';
import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { TIMEFRAMES } from '../../../shared/pair.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { believedFees } from '../../../shared/policy/believed_costs.ts';
import { DIRECTION_ENGINE } from '../../../shared/policy/engines.ts';
import { networksIn } from '../../../shared/policy/network_settings.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { canonicalJson } from '../../../shared/policy/policy_hash.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { countLook, countResult, wasExported } from '../../learning/backtest/holdout_looks.ts';
import { countTrials } from '../../learning/backtest/trial_ledger.ts';
import { biasLimits } from '../../learning/strategies/direction/gates/bias_limits.ts';
import { paramsWith, rangesOf, walkForwardWith } from '../../learning/strategies/direction/direction_settings.ts';
import {
  directionAdoptionGates,
  refuseImpossibleComparison,
} from '../../learning/strategies/direction/compare_directions.ts';
import {
  directionTable,
  type DirectionPart,
  type DirectionTable,
} from '../../learning/strategies/direction/direction_table.ts';
import { openImportedDirection } from '../../learning/strategies/direction/imported_direction.ts';
import type { Instrument } from '../../learning/strategies/direction/instrument_rows.ts';
import { placeboInstrument } from '../../learning/strategies/direction/placebo_instrument.ts';
import { coinsOf } from '../../learning/placebo/mirrored_bars.ts';
import { directionLearner, windowsWith } from '../../learning/strategies/direction/direction_learner.ts';
import type { KeptWays } from '../../learning/strategies/direction/kept_ways.ts';
import { hashInstruments, makeDirectionBundle } from '../../learning/strategies/direction/make_direction_bundle.ts';
import {
  DIRECTION_PARAMS,
  DIRECTION_WALK_FORWARD,
  outlineDirection,
  refuseUnfitWays,
  trainDirection,
  type DirectionLook,
  type DirectionOutline,
  type DirectionPlan,
  type TrainedDirection,
} from '../../learning/strategies/direction/train_direction.ts';
import { refuseIdleFigures } from '../../learning/learners/networks/network_parameters.ts';
import { learnersIn } from '../../learning/learners/registry.ts';
import { f1Floor } from '../../learning/validate/quality_gate.ts';
import { importedSourceOf } from '../job_fields.ts';
import { holdingFolders } from '../held_folders.ts';
import { toStandardError } from '../bars/bar_notes.ts';
import { readInstruments } from '../bars/instruments.ts';
import { whileBarsStay } from '../bars/taken_back.ts';
import { isDrawn, type DirectionJob } from './direction_job.ts';
import { refuseOtherMarket } from '../other_market.ts';
import { ownResources, type RunResources } from '../resources/run_resources.ts';

export interface DirectionContext {
  readonly settings: Settings;
  readonly paths: Pick<HomePaths, 'home' | 'models'>;
  /** Of this program, for the manifest; null outside a repository. */
  readonly gitCommit: string | null;
  /** Seeds that the log loss of each way is measured with, from that of the job on; absent: 1. */
  readonly seeds?: number;
  /** Whether the ways are examined as a league does; absent: they are not. */
  readonly isExamined?: boolean;
  /**
   * Opens the measures that an interrupted training like this one has made of the compared ways. Absent: none.
   * @param training JSON of all that they depend on, but for the program and what its learners use outside of it
   */
  openKept?(training: unknown): KeptWays;
  /** Told which of the compared ways failed, and why: the others go on. Absent: the training fails. */
  readonly onFailed?: (name: string, error: unknown) => void;
  onProgress(stage: string, done: number, total: number): void;
  /** Bars of an instrument were joined to longer ones. */
  onJoined(symbol: string, seconds: number): void;
}

/** What a training has made. It has activated nothing. */
export interface DirectionProduct {
  readonly trained: TrainedDirection;
  readonly plan: DirectionPlan;
  /** Of the training, and against the active model of the timeframe where the bundle is one of this installation. */
  readonly gates: readonly GateResult[];
  /** The written bundle; null after a dry run. */
  readonly bundle: WrittenDirection | null;
  readonly resources: RunResources;
}

export interface WrittenDirection {
  readonly version: string;
  readonly path: string;
}

/**
 * Runs a training of the direction model: bars and series → walk-forward → bundle.
 * @throws MinutehandError DATA_MISSING, DATA_FORMAT, MODEL_MARKET, COMPARISON_IMPOSSIBLE, and as `trainDirection` and
 * `makeDirectionBundle`
 */
export async function runDirection(job: DirectionJob, context: DirectionContext): Promise<DirectionProduct> {
  refuseOtherMarket(job, context.settings);
  const { home } = context.paths;
  const folder = outputFolder(job, context.paths);
  const used = { settings: context.settings, symbols: job.symbols, isOwn: job.source.folder === null };
  const make = () => whileBarsStay(used, () => makeProduct(job, folder, context), discardBundle);
  return await holdingFolders(folder === null ? [home] : [home, folder], make);
}

/** A bundle that learned from bars that were taken back meanwhile. */
function discardBundle({ bundle }: DirectionProduct): void {
  if (bundle !== null) rmSync(bundle.path, { recursive: true, force: true });
}

/** The plan of a training, and what it would learn from. */
export interface RehearsedDirection {
  readonly plan: DirectionPlan;
  readonly outline: DirectionOutline;
  /** Folder that a bundle would be written to; null: the training would only measure. */
  readonly out: string | null;
}

/**
 * Everything that precedes the first fit of a training, by the same code, and nothing after it.
 * @throws MinutehandError as `runDirection`
 */
export async function rehearseDirection(job: DirectionJob, context: DirectionContext): Promise<RehearsedDirection> {
  refuseOtherMarket(job, context.settings);
  const { instruments, plan } = await readPlan(job, context);
  const outline = outlineDirection(instruments, plan, context.onProgress);
  return { plan, outline, out: outputFolder(job, context.paths) };
}

/** Rows of a training, and the number of this look at its evaluated blocks; null where they are not written. */
export interface DirectionRows {
  readonly table: DirectionTable['table'];
  readonly look: number | null;
}

/**
 * The rows that the training of a job would learn from, and be evaluated on, by the same code. To write the evaluated
 * ones is a look at them.
 * @throws MinutehandError as `runDirection`
 */
export async function directionRows(
  job: DirectionJob,
  parts: readonly DirectionPart[],
  context: DirectionContext,
): Promise<DirectionRows> {
  refuseOtherMarket(job, context.settings);
  const { instruments, plan } = await readPlan(job, context);
  const { market } = job;
  const { table, evaluated } = directionTable(instruments, plan, { parts, market }, context.onProgress);
  if (!parts.includes('holdout')) return { table, look: null };
  const place = { market, from: isoMinute(evaluated.from), to: isoMinute(evaluated.to), symbols: job.symbols };
  const own = sha256Hex(`export direction ${table.facts.dataset_id}`);
  const { models } = context.paths;
  return { table, look: countResult(models, place, own, { exported: true, earlier: [directionFolder(models)] }) };
}

/** The plan of a job, and its bars and series. */
async function readPlan(job: DirectionJob, { settings, paths, onProgress, onJoined }: DirectionContext) {
  const { source, symbols, timeframe, window } = job;
  const plan = await withImport(planOf(job, settings), job);
  refuseUnfitWays(plan);
  const onRead = (done: number, total: number): void => onProgress('reading bars', done, total);
  onRead(0, 1);
  const costs = believedFees(symbols, plan.costs, toStandardError);
  const instruments = await readInstruments({ ...source, symbols, timeframe, window, settings }, onRead);
  for (const { bars } of instruments) if (bars.joinedFrom !== undefined) onJoined(bars.symbol, bars.joinedFrom);
  const { imported } = plan;
  const isKnown = imported !== undefined && wereExported(instruments, job, paths.models);
  const brought = isKnown
    ? { imported: { ...imported, facts: { ...imported.facts, exported_holdout: true as const } } }
    : {};
  return { plan: { ...plan, costs, ...brought }, instruments: drawn(instruments, job) };
}

/** Whether labels of any of the bars have left this installation. */
function wereExported(instruments: readonly Instrument[], { market, symbols }: DirectionJob, models: string): boolean {
  const times = instruments.flatMap(({ bars: { time, length } }) =>
    length === 0 ? [] : [time[0]!, time[length - 1]!],
  );
  if (times.length === 0) return false;
  const [from, to] = [Math.min(...times), Math.max(...times)].map((time) => isoMinute(time as OpenTime));
  return wasExported(models, { market, symbols, from: from!, to: to! });
}

/** The plan with the job's model of another program, which is opened before bars are read. */
async function withImport(
  plan: DirectionPlan,
  { parameters: { imported }, timeframe }: DirectionJob,
): Promise<DirectionPlan> {
  if (imported === undefined) return plan;
  // A peer may read a sequence; a model of another program gets each bar alone.
  const { sequence: _ofPeers, ...windows } = plan.windows;
  const opened = await openImportedDirection(importedSourceOf(imported), windows, TIMEFRAMES[timeframe]);
  return { ...plan, imported: opened };
}

/** The instruments of the market that a job learns from: the recorded one, or one whose direction is drawn. */
function drawn(instruments: readonly Instrument[], { parameters }: DirectionJob): readonly Instrument[] {
  if (!isDrawn(parameters)) return instruments;
  const coins = coinsOf(`${parameters.coins}/direction market`);
  return instruments.map((own) => placeboInstrument(own, coins));
}

/** Folder of the bundle; null: nothing is written. */
function outputFolder({ output }: DirectionJob, { models }: Pick<HomePaths, 'models'>): string | null {
  if (output.is_dry_run) return null;
  return output.folder ?? directionFolder(models);
}

async function makeProduct(
  job: DirectionJob,
  out: string | null,
  context: DirectionContext,
): Promise<DirectionProduct> {
  const { settings, gitCommit, onProgress } = context;
  const { market, symbols, timeframe, window } = job;
  const { instruments, plan } = await readPlan(job, context);
  const { seeds = 1 } = context;
  const isCompared = out !== null && job.output.folder === null;
  if (isCompared) await refuseImpossibleComparison({ instruments, market }, context.paths.models);
  // What a dry run prints, or writes elsewhere, is an evaluation as well.
  const looks = directionFolder(context.paths.models);
  const countLookAt = ({ from, to, trades }: DirectionLook): number => {
    const place = { market, from: isoMinute(from), to: isoMinute(to) };
    const { workers: _workers, imported, ...settings } = plan;
    const brought = imported && { imported: imported.facts };
    const work = sha256Hex(canonicalJson({ symbols, timeframe, window, settings, ...brought }));
    const repeated = sha256Hex(canonicalJson({ symbols, timeframe, days: window.days, settings, ...brought }));
    const trials = seeds * (1 + plan.balances.length + plan.peers.length) + (plan.search?.trials ?? 0);
    countTrials(looks, { ...place, subject: timeframe }, { kind: 'direction', work, trials });
    const earlier = [looks, ...(out === null ? [] : [out])];
    return countLook(context.paths.models, { ...place, symbols }, trades, { work: repeated, earlier });
  };
  // Nothing of the recorded bars can be learned from a market whose direction was drawn.
  const counted = isDrawn(job.parameters) ? null : countLookAt;
  const { onFailed, openKept, isExamined = false } = context;
  const { workers: _speed, ...learned } = plan;
  const kept = openKept?.({ plan: learned, seeds, data: hashInstruments(instruments) });
  const measured: DirectionPlan = {
    ...plan,
    seeds,
    isExamined,
    ...(kept && { kept }),
    ...(onFailed && { onFailed }),
  };
  const trained = await trainDirection(instruments, measured, onProgress, counted);
  const gpu = { gpu_seconds: null, gpu_memory_bytes: null };
  if (out === null) return { trained, plan, gates: trained.gates, bundle: null, resources: ownResources(gpu) };
  // A model of another program cannot be trained again.
  const own = plan.imported === undefined ? { job: { seed: job.seed, parameters: job.parameters } } : {};
  const settingsName = job.output.settings_name === true;
  const parts = { instruments, plan, trained, out, market, created: new Date(), gitCommit, settingsName, ...own };
  const { version, golden } = await makeDirectionBundle(parts);
  const bundle = { version, path: pathInside(out, version) };
  const goldenRows = golden.features.length;
  const challenger = { trained, instruments, plan, costs: plan.costs, version, market, goldenRows };
  if (isCompared) onProgress('champion and challenger', 0, 1);
  const place = { modelsFolder: context.paths.models, limits: settings.retrain };
  const gates = [...trained.gates, ...(isCompared ? await directionAdoptionGates(challenger, place) : [])];
  return { trained, plan, gates, bundle, resources: ownResources(gpu) };
}

/** The plan of a job with these settings. */
export function planOf(
  { parameters, seed, resources }: Pick<DirectionJob, 'parameters' | 'seed' | 'resources'>,
  settings: Settings,
): DirectionPlan {
  const { label, balance, class_weight_ratio, trials, balance_penalty, stride, compare, peers } = parameters;
  const { engine = DIRECTION_ENGINE, ensemble = {}, networks, device } = parameters;
  const own = parameters.settings ?? {};
  const learner = directionLearner(engine, { ...ensemble, networks: { ...networks, ...networksIn(own) }, device });
  const learners = [learner, ...peers.map((peer) => ({ ...learner, engine: peer }))];
  refuseIdleFigures(
    Object.keys(own),
    learners.flatMap((each) => learnersIn(each.engine, each.ensembles)),
  );
  return {
    windows: windowsWith(withInstrumentFormulas(settings, INSTRUMENT_WINDOWS), learners),
    label,
    learner,
    balance,
    classWeightRatio: class_weight_ratio,
    search: trials === 0 ? null : { trials, balancePenalty: balance_penalty, ranges: rangesOf(own) },
    stride,
    params: paramsWith(DIRECTION_PARAMS, own),
    walkForward: walkForwardWith(DIRECTION_WALK_FORWARD, own),
    costs: { takerFeeBps: parameters.taker_fee_bps, slippageBps: parameters.slippage_bps },
    f1Floor: f1Floor(settings, 'direction'),
    biasLimits: biasLimits(settings),
    ...(settings.core.novelty_min !== null && { noveltyMin: settings.core.novelty_min }),
    seed: String(seed),
    workers: resources.workers,
    balances: compare,
    peers,
  };
}
