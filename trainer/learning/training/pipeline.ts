import { isoMinute } from '../../../shared/bar.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { sequenceBars } from '../../../shared/core/features/windows.ts';
import type { Bundle } from '../../../shared/bundle/bundle.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../../../shared/core/features/feature.ts';
import { parsePair } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { proofOf, type HoldoutProof } from '../strategies/pair_reversion/backtest/holdout.ts';
import { calibrateModel } from '../calibrate/calibrate_model.ts';
import { refuseImplausible } from '../data_quality/implausible_dataset.ts';
import { columnsFromOutside } from '../feature_checks/columns_later.ts';
import { refuseUnsoundLegs } from '../data_quality/unsound_legs.ts';
import { buildDataset, type Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { learnGroups, type LearnedGroup } from '../groups/learn_groups.ts';
import { isNetwork } from '../learners/networks/network_parameters.ts';
import { ensembleParameters } from '../learners/mixture/ensemble_parameters.ts';
import {
  hasTrees,
  refuseMissingLearner,
  refuseUnusedDevice,
  treeFitsOf,
  type LearnerSetup,
} from '../learners/registry.ts';
import { openFitPool } from '../learners/trees/fit_pool.ts';
import { openFitQueue } from '../learners/trees/fit_queue.ts';
import { refuseUnfitBalance } from '../learners/balance/balanced_learner.ts';
import { balanceOf, type Learning } from '../learners/learning.ts';
import { modelJob } from '../learners/model_job.ts';
import { countFits, learnModel } from '../learners/model_learning.ts';
import { describeLearned } from '../novelty/learned_inputs.ts';
import { holdoutOf, examineModel, proveModels } from '../proof/prove_models.ts';
import { generatedMarkets } from '../generated/generated_pairs.ts';
import { placeboMarkets } from '../placebo/placebo_rows.ts';
import { wasExported } from '../backtest/holdout_looks.ts';
import { importModels, type ImportedModels } from '../imported/imported_models.ts';
import { makeBundle, type TrainResult } from '../bundle/make_bundle.ts';
import { planSearch, searchFits, type PlannedSearch } from '../search/plan_search.ts';
import type { TrainOptions } from '../options/train_options.ts';
import { checkLegSeries } from '../feature_checks/leg_series.ts';
import { refuseAbsentOthers } from './absent_bars.ts';
import { refuseImpossibleComparison } from './comparable_bars.ts';
import { learnNet } from './train_net.ts';
import { warmStartTraining, fullTraining, type TrainingPlan } from './training_plan.ts';
import { checkBars } from '../validate/leakage/bars.ts';
import { countLeakageFits } from '../validate/leakage/model_leakage.ts';

export type { TrainResult } from '../bundle/make_bundle.ts';
export type { TrainOptions } from '../options/train_options.ts';

const NOT_SEARCHED = { ai1: null, ai2: null, ai3: null };

/** What the owner of a brought model can do. */
const EXPORTED_NOTE =
  'This installation has given out labels of the holdout (dataset export): a model can know them, so that this one is served without claims, NO_EDGE. Later bars judge it: --holdout-from, after the exported ones.';

/**
 * data → features → labels → learn → calibrate → validate → look-ahead leakage tests → thresholds → edge → gates →
 * bundle. What asked for it compares the bundle with the active one. Groups of pairs repeat the stations from learn to
 * gates on their own rows. The same bars, settings and seed give byte-identical ONNX files.
 * @returns null for a warm start that changes no model
 * @throws MinutehandError DATA_MISSING, DATA_TOO_SHORT, LEG_LAGS, FEATURE_FORESIGHT, COMPARISON_IMPOSSIBLE,
 * MODEL_GOLDEN if onnxruntime disagrees with the learner
 */
export async function train(options: TrainOptions): Promise<TrainResult>;
export async function train(options: TrainOptions, plan: TrainingPlan): Promise<TrainResult | null>;
export async function train(options: TrainOptions, plan = fullTraining(options)): Promise<TrainResult | null> {
  const { seed } = options;
  const { bars, warmStart } = plan;

  // data → features → labels
  const { dataset, imported } = await prepareDataset(plan, options);
  const generated = await generatedMarkets({
    dataset,
    bars,
    policy: plan.policy,
    seed: `${seed}/generated`,
    onProgress: (done, total) => options.onProgress('generated markets', done, total),
  });

  // learn → calibrate → validate → look-ahead leakage tests: model by model, the fits of all three in one queue
  const search = planSearch(trialsOf(plan, options), options.searchFolder);
  const models = await forEachModel({ dataset, imported }, plan, search, options, async (name, learning, fit) => {
    const job = modelJob(name, learning, fit);
    const { trained } = job.rows;
    const learned = calibrateModel(trained, await learnModel(trained, job, job.fit), !job.isWarmStart);
    return examineModel(name, { job, learned }, { dataset, generated, settings: plan.settings, seed });
  });
  if (warmStart?.differs(perModel((name) => models[name].learned.model)) === false) return null;
  const found = search.found();
  const settings = found?.settings ?? plan.settings;
  const policy = found === null ? plan.policy : { ...plan.policy, barriers: found.barriers };
  const leakage = checkBars(dataset, bars, policy, `${seed}/cut off`);
  const learnedOutside = imported?.learnedByAi1 ?? null;
  const described = learnedOutside === null ? undefined : describeLearned(learnedOutside, dataset, `${seed}`);
  const isNetLearned = warmStart === null && options.target === 'net';
  const learnedNet = isNetLearned ? await learnNet(dataset, settings, { ...options, inputs: described }) : null;
  const net = learnedNet ?? warmStart?.net ?? null;

  // thresholds → edge → gates
  const placebo = await placeboMarkets({
    dataset,
    bars,
    seed,
    workers: options.workers,
    windows: settings.minutehand.windows,
    onProgress: (done, total) => options.onProgress('placebo markets', done, total),
  });
  const searchTrials = MODEL_NAMES.reduce((sum, name) => sum + (found?.reports[name]?.trials ?? 0), 0);
  const claimsNothing = Object.values(imported?.facts ?? {}).some((own) => own?.exported_holdout);
  const ofRows = {
    dataset,
    generated,
    models,
    settings,
    placebo,
    leakage,
    net,
    warmStart,
    searchTrials,
    claimsNothing,
  };
  const pooled = described === undefined ? ofRows : { ...ofRows, inputs: described };
  const proven = proveModels(pooled, options);

  // groups
  const { look, trials, inputs = null } = proven;
  const groups =
    warmStart === null ? await learnGroups({ ...pooled, inputs, look, trialsBefore: trials.total }, options) : [];

  // bundle
  const { report, gates, skill, riskQuantiles, expectation, thresholds } = proven;
  return makeBundle({
    ...options,
    settings,
    bars,
    dataset,
    policy,
    models,
    riskQuantiles,
    expectation,
    inputs,
    thresholds,
    net,
    skill,
    trials,
    gates,
    groups,
    search: warmStart?.search ?? { ...(found?.reports ?? NOT_SEARCHED), thresholds: report },
    ...servedProof(proven, groups),
    warmStart: warmStart?.origin ?? null,
    imported: imported?.facts ?? null,
  });
}

/** Holdout result with each pair decided by the models that it uses. */
function servedProof(pooled: HoldoutProof, groups: readonly LearnedGroup[]): HoldoutProof {
  const own = groups.flatMap((group) => group.own?.proven.pairs ?? []);
  return own.length === 0
    ? pooled
    : proofOf(
        pooled.pairs.map((pair) => own.find(({ id }) => id === pair.id) ?? pair),
        pooled.look,
      );
}

/**
 * A warm start from a bundle: adds trees for the bars since its last full training, or recalibrates its models by them.
 * @returns null if no model changes
 * @throws MinutehandError WARM_START_REFUSED, and as `train`
 */
export async function trainFromWarmStart(base: Bundle, options: TrainOptions): Promise<TrainResult | null> {
  return train(options, warmStartTraining(base, options));
}

/** The rows of a full training, after every check of its data. @throws MinutehandError as `train` */
export async function trainingDataset(options: TrainOptions): Promise<Dataset> {
  return (await prepareDataset(fullTraining(options), options)).dataset;
}

interface PreparedDataset {
  readonly dataset: Dataset;
  /** Models that are not learned; null = all are. */
  readonly imported: ImportedModels | null;
}

/**
 * What is wrong with the configured learner can be said before anything is read; brought models need none.
 * @throws MinutehandError LEARNER_MISSING, LEARNER_TASK, SETTING_UNSUPPORTED
 */
export function refuseUnusableLearner(
  { minutehand: { train } }: Settings,
  brought: Partial<Readonly<Record<ModelName, unknown>>> | undefined,
): void {
  if (MODEL_NAMES.every((name) => brought?.[name] !== undefined)) return;
  const ensembles = ensembleParameters(train);
  refuseUnusedDevice([train.engine], train.device, ensembles);
  for (const name of MODEL_NAMES)
    if (brought?.[name] === undefined) refuseUnfitBalance(train.engine, balanceOf(train, name));
  refuseMissingLearner(train.engine, ensembles);
}

/** The rows of a training, after every check of its data and of brought models. @throws MinutehandError as `train` */
async function prepareDataset(
  { settings, bars, policy, warmStart }: TrainingPlan,
  options: TrainOptions,
): Promise<PreparedDataset> {
  const { workers, cache, scratch = null, source = null, imported: sources, onProgress, onNote } = options;
  const { engine } = settings.minutehand.train;
  const sequence = sequenceBars(settings.minutehand.windows);
  const beside = sources !== undefined ? 'a model that was brought' : source !== null ? 'a feature table' : null;
  if (sequence > 1 && beside !== null)
    throw new MinutehandError('USAGE', {
      seen: `${beside} beside the engine ${engine}, whose models get the features of ${sequence} bars together`,
      expected: 'an engine whose models get those of one bar',
      next: 'Set train.engine to gbdt, or --engine gbdt.',
    });
  // Before the minutes that features take.
  refuseUnusableLearner(settings, sources);
  const pairs = settings.minutehand.pairs.map(parsePair);
  refuseUnsoundLegs(pairs, bars);
  checkLegSeries(pairs, bars, settings.minutehand.windows);
  const built = await buildDataset(pairs, bars, policy, {
    workers,
    cache,
    scratch,
    source,
    onProgress: (done, total) => onProgress('features and labels', done, total),
  });
  const used = new Set(built.histories.map(({ pair: { id } }) => id));
  const leftOut = pairs.filter(({ id }) => !used.has(id)).map(({ id }) => id);
  if (leftOut.length > 0) onNote?.(`Left out: ${leftOut.join(', ')}: too few common bars (train.min_bars)`);
  const dataset = warmStart === null ? built : warmStart.newRows(built);
  const outside = columnsFromOutside(dataset, settings.minutehand.windows);
  refuseImplausible(dataset, outside, source?.place ?? 'the features of these bars', options.market);
  refuseNoRows(dataset);
  refuseAbsentOthers(dataset, bars, settings.minutehand.windows);
  const { compared, market, out: modelsFolder } = options;
  if (compared !== undefined) refuseImpossibleComparison(dataset, { bars: compared, settings, market, modelsFolder });
  if (sources === undefined) return { dataset, imported: null };
  const imported = await importModels(sources, dataset, settings);
  if (!wasExported(options.counts, holdoutOf(dataset, options))) return { dataset: imported.dataset, imported };
  onNote?.(EXPORTED_NOTE);
  const facts = Object.fromEntries(
    Object.entries(imported.facts).map(([role, own]) => [role, { ...own, exported_holdout: true as const }]),
  );
  return { dataset: imported.dataset, imported: { ...imported, facts } };
}

/**
 * Without a candidate to learn from, or one that the models have not seen, no gate can pass.
 * @throws MinutehandError DATA_TOO_SHORT
 */
function refuseNoRows({ train: learned, holdout, from, to, holdoutFrom }: Dataset): void {
  const empty =
    learned.ai1.x.rows === 0
      ? ([from, holdoutFrom, 'to learn from'] as const)
      : holdout.ai1.x.rows === 0
        ? ([holdoutFrom, to, 'in the holdout'] as const)
        : null;
  if (empty === null) return;
  const [start, end, part] = empty;
  throw new MinutehandError('DATA_TOO_SHORT', {
    seen: `no entry candidate ${part}, ${isoMinute(start)} to ${isoMinute(end)}`,
    expected: 'bars in which the spread leaves its mean',
    next: '`minutehand bars check` names gaps and legs that stand still. Choose the bars with --from and --to, or the holdout with --holdout-from.',
  });
}

/** What a training would do, and of how much. */
export interface TrainingOutline {
  readonly dataset: Dataset;
  readonly plan: TrainingPlan;
  /** Of the search, for each model. */
  readonly trials: number;
  /** Models of a full number of rows that would be learned; 0 for a warm start without new rows. */
  readonly fits: number;
}

/**
 * A training up to its first fit: every check of data and settings that precedes learning, with the same code.
 * @throws MinutehandError as `train`, and LEARNER_MISSING
 */
export async function outlineTraining(
  options: TrainOptions,
  plan: TrainingPlan = fullTraining(options),
): Promise<TrainingOutline> {
  const { folds } = plan.settings.minutehand.train;
  const { dataset } = await prepareDataset(plan, options);
  const trials = trialsOf(plan, options);
  return { dataset, plan, trials, fits: trainingFits(folds, trials) };
}

/**
 * A warm start keeps the parameters of its bundle, brought models have theirs; without trees, network or labels to
 * vary, all trials would be the same.
 */
function trialsOf({ warmStart, settings }: TrainingPlan, { trials, imported }: TrainOptions): number {
  const { search, train } = settings.minutehand;
  return warmStart === null && imported === undefined && (hasTrees(train) || isNetwork(train.engine) || search.label)
    ? trials
    : 0;
}

/** Models that a full training learns for all three roles: folds, walk-forward, leakage tests, trials of a search. */
export function trainingFits(folds: number, trials: number): number {
  return MODEL_NAMES.length * (countFits(folds) + countLeakageFits(folds)) + searchFits(trials);
}

/** Runs the work of all models concurrently; each starts once its parameter search has finished. */
async function forEachModel<Trained>(
  { dataset, imported }: PreparedDataset,
  { settings, warmStart }: TrainingPlan,
  search: PlannedSearch,
  { seed, workers, openPool = openFitPool, onProgress }: TrainOptions,
  work: (name: ModelName, learning: Learning, fit: LearnerSetup['fitTrees']) => Promise<Trained>,
): Promise<Record<ModelName, Trained>> {
  const { train } = settings.minutehand;
  const fits = trainingFits(train.folds, search.trials) * treeFitsOf(train);
  const learning: Learning = {
    dataset,
    settings,
    seed,
    ...(imported && { imported: imported.models }),
    ...(warmStart && { known: warmStart.known }),
  };
  const queue = openFitQueue(openPool(workers), fits, (done, total) => onProgress(search.stage(), done, total));
  try {
    const trained = await Promise.all(
      MODEL_NAMES.map(async (name) => {
        const searched = await search.run(name, learning, queue);
        return work(name, hasTrees(train) ? searched : { ...searched, startFit: () => queue.part(1) }, queue.fit);
      }),
    );
    onProgress(search.stage(), fits, fits);
    return perModel((name) => trained[MODEL_NAMES.indexOf(name)]!);
  } finally {
    await queue.close();
  }
}
