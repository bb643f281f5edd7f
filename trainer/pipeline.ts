import type { Bundle } from '../shared/bundle/bundle.ts';
import { riskQuantiles } from '../shared/core/decide/risk_rank.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../shared/core/features/feature.ts';
import { parsePair } from '../shared/pair.ts';
import { proveEdge } from './backtest/holdout.ts';
import { calibrateModel } from './calibrate/calibrate_model.ts';
import { calibrateExpectation } from './calibrate/expectation.ts';
import { buildDataset, type Dataset } from './dataset/dataset.ts';
import { candidateRisks } from './gate/candidate_risks.ts';
import { checkTraining } from './gate/gates.ts';
import { openFitQueue, type FitQueue } from './learn/trees/fit_queue.ts';
import type { Learning } from './learn/learning.ts';
import { modelJob } from './learn/model_job.ts';
import { countFits, learnModel } from './learn/model_learning.ts';
import { makeBundle, type TrainResult } from './registry/make_bundle.ts';
import { findThresholds } from './search/choose_thresholds.ts';
import { planSearch, type PlannedSearch } from './search/plan_search.ts';
import type { TrainOptions } from './train_options.ts';
import { learnNet } from './train_net.ts';
import { warmStartTraining, fullTraining, type TrainingPlan } from './training_plan.ts';
import { outOfFold } from './validate/cross_validation.ts';
import { checkBars } from './validate/leakage/bars.ts';
import { countLeakageFits, testModelLeakage } from './validate/leakage/model_leakage.ts';
import { qualityLimits } from './validate/quality_gate.ts';
import { validateModel } from './validate/validation.ts';

export type { TrainResult } from './registry/make_bundle.ts';
export type { TrainOptions } from './train_options.ts';

const RISK_QUANTILES = 200;
const NOT_SEARCHED = { ai1: null, ai2: null, ai3: null };

/**
 * data → features → labels → learn → calibrate → validate → look-ahead leakage tests → thresholds → edge → gates →
 * bundle. The same bars, settings and seed give byte-identical ONNX files.
 * @returns null for a warm start from which no model gains a tree: then there is nothing new
 * @throws MinutehandError DATA_MISSING, DATA_TOO_SHORT, MODEL_GOLDEN when onnxruntime does not answer as the learner
 * did
 */
export async function train(options: TrainOptions): Promise<TrainResult>;
export async function train(options: TrainOptions, plan: TrainingPlan): Promise<TrainResult | null>;
export async function train(options: TrainOptions, plan = fullTraining(options)): Promise<TrainResult | null> {
  const { seed, onProgress } = options;
  const { bars, warmStart } = plan;

  // data → features → labels
  const dataset = await openDataset(plan, options);

  // learn → calibrate → validate → look-ahead leakage tests: model by model, the fits of all three in one queue
  const search = planSearch(warmStart === null ? options.trials : 0, options.searchFolder);
  const models = await forEachModel(dataset, plan, search, options, async (name, learning, fit) => {
    const job = modelJob(name, learning, fit);
    const { trained } = job.rows;
    const learned = calibrateModel(trained, await learnModel(trained, job, job.fit), !job.isWarmStart);
    const validation = validateModel(learned, job.rows, dataset, `${seed}/importance/${name}`);
    const leakage = await testModelLeakage(job, learned, validation, qualityLimits(plan.settings), `${seed}/${name}`);
    return { job, learned, validation, leakage };
  });
  const learned = perModel((name) => models[name].learned);
  if (warmStart?.gainsTrees(perModel((name) => learned[name].model)) === false) return null;
  const found = search.found();
  const settings = found?.settings ?? plan.settings;
  const policy = found === null ? plan.policy : { ...plan.policy, barriers: found.barriers };
  const leakage = checkBars(dataset.histories, bars, policy, `${seed}/cut off`);

  // thresholds
  const quantiles =
    warmStart?.riskQuantiles ?? riskQuantiles(outOfFold(learned.ai2.folds, dataset.train.ai1), RISK_QUANTILES);
  const expectation = warmStart?.expectation ?? calibrateExpectation(dataset, learned.ai1, settings);
  const learnedNet = warmStart === null && options.target === 'net' ? await learnNet(dataset, settings, options) : null;
  const net = learnedNet ?? warmStart?.net ?? null;
  const calibrated = { riskQuantiles: quantiles, expectation };
  const { thresholds, report } =
    warmStart === null
      ? findThresholds(dataset, { ...learned, ...(learnedNet && { net: learnedNet }) }, calibrated, options)
      : { thresholds: warmStart.thresholds, report: null };

  // edge
  const { ai1, ai2 } = perModel((name) => learned[name].model);
  const deciders = { ai1, ai2, ...calibrated, thresholds, ...(net && { net: net.model }) };
  const holdout = proveEdge(dataset, deciders, settings, seed, (done, total) =>
    onProgress('backtest of the holdout', done, total),
  );

  // gates
  const { theta2 } = thresholds;
  const [risks, limits] = [candidateRisks(dataset, ai2, quantiles), settings.retrain];
  const requireEdge = settings.core.require_edge;
  const gates = checkTraining({ models, candidateRisks: risks, theta2, ...holdout, requireEdge, leakage, limits });

  // bundle
  return makeBundle({
    ...options,
    ...{ settings, bars, dataset, policy, models },
    ...calibrated,
    ...{ thresholds, net },
    search: warmStart?.search ?? { ...(found?.reports ?? NOT_SEARCHED), thresholds: report },
    ...holdout,
    gates,
    warmStart: warmStart?.origin ?? null,
  });
}

/**
 * A warm start from a bundle: adds trees for the bars since it was learned in full.
 * @returns null when no model gains a tree: then there is nothing new
 * @throws MinutehandError WARM_START_REFUSED, and as `train`
 */
export async function trainFromWarmStart(base: Bundle, options: TrainOptions): Promise<TrainResult | null> {
  return train(options, warmStartTraining(base, options));
}

async function openDataset(
  { settings, bars, policy, warmStart }: TrainingPlan,
  options: TrainOptions,
): Promise<Dataset> {
  const { workers, cache, source = null, onProgress } = options;
  const dataset = await buildDataset(settings.minutehand.pairs.map(parsePair), bars, policy, {
    workers,
    cache,
    source,
    onProgress: (done, total) => onProgress('features and labels', done, total),
  });
  return warmStart === null ? dataset : warmStart.newRows(dataset);
}

/** The work of all models at once. That of each begins when its search has found what it is learned by. */
async function forEachModel<Trained>(
  dataset: Dataset,
  { settings, warmStart }: TrainingPlan,
  search: PlannedSearch,
  { seed, workers, onProgress }: TrainOptions,
  work: (name: ModelName, learning: Learning, fit: FitQueue['fit']) => Promise<Trained>,
): Promise<Record<ModelName, Trained>> {
  const { folds } = settings.minutehand.train;
  const fits = MODEL_NAMES.length * (countFits(folds) + countLeakageFits(folds)) + search.fits;
  const learning: Learning = { dataset, settings, seed, ...(warmStart && { known: warmStart.known }) };
  const queue = openFitQueue(workers, fits, (done, total) => onProgress(search.stage(), done, total));
  try {
    const trained = await Promise.all(
      MODEL_NAMES.map(async (name) => work(name, await search.run(name, learning, queue), (task) => queue.fit(task))),
    );
    onProgress(search.stage(), fits, fits);
    return perModel((name) => trained[MODEL_NAMES.indexOf(name)]!);
  } finally {
    await queue.close();
  }
}
