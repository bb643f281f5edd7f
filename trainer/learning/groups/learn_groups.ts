import type { PairedGain } from '../../../shared/bundle/manifest.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../../../shared/core/features/feature.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { openFitPool } from '../learners/trees/fit_pool.ts';
import { openFitQueue, type FitQueue } from '../learners/trees/fit_queue.ts';
import { calibrateModel, type LearnedModel } from '../calibrate/calibrate_model.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { datasetOfPairs, hasRows } from '../strategies/pair_reversion/dataset/dataset_of_pairs.ts';
import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import { gateText } from '../../../shared/bundle/gates/gate_text.ts';
import { modelJob, type ModelJob } from '../learners/model_job.ts';
import { countFits, learnModel } from '../learners/model_learning.ts';
import { treeFitsOf } from '../learners/registry.ts';
import {
  examineModel,
  proveModels,
  type ExaminedModel,
  type LearnedParts,
  type ProvenModels,
} from '../proof/prove_models.ts';
import type { TrainOptions } from '../options/train_options.ts';
import { outOfFold } from '../learners/cross_validation.ts';
import { countLeakageFits } from '../validate/leakage/model_leakage.ts';
import { pairedGain } from './paired_gain.ts';

export type GroupComparison = Readonly<Record<ModelName, PairedGain>>;

/** Result of training a group of pairs. */
export interface LearnedGroup {
  readonly name: string;
  readonly pairs: readonly string[];
  /** Why it has its own models, or uses the pooled ones. */
  readonly verdict: string;
  /** Absent if nothing could be learned. */
  readonly comparison?: GroupComparison;
  /** Absent if no own model was chosen. */
  readonly gates?: readonly GateResult[];
  /** Absent: the group uses the pooled models. */
  readonly own?: OwnModels;
}

export interface OwnModels {
  readonly dataset: Dataset;
  /** Models used by the group: own ones where chosen, otherwise pooled. */
  readonly models: LearnedParts['models'];
  readonly isOwn: Readonly<Record<ModelName, boolean>>;
  readonly proven: ProvenModels;
}

/**
 * Trains models on each group's own rows, with the folds of the pooled ones. A group's model is chosen if its log loss
 * out of fold is better than that of the pooled one (`pairedGain`); thresholds and calibration are then the group's,
 * and the gates are checked on its pairs. If one fails, the group uses the pooled models.
 */
export async function learnGroups(pooled: LearnedParts, options: TrainOptions): Promise<LearnedGroup[]> {
  const groups = Object.entries(options.settings.minutehand.train.groups ?? {});
  const learned: LearnedGroup[] = [];
  for (const [name, pairs] of groups) {
    const group = { name, pairs };
    const told: TrainOptions = {
      ...options,
      onProgress: (stage, done, total) => options.onProgress(`group ${name}: ${stage}`, done, total),
    };
    learned.push({ ...group, ...(await learnGroup(pairs, pooled, MODEL_NAMES.length * groups.length, told)) });
  }
  return learned;
}

type Outcome = Omit<LearnedGroup, 'name' | 'pairs'>;

async function learnGroup(
  pairs: readonly string[],
  pooled: LearnedParts,
  comparisons: number,
  options: TrainOptions,
): Promise<Outcome> {
  const dataset = datasetOfPairs(pooled.dataset, pairs);
  if (!hasRows(dataset)) return { verdict: 'pooled: a model has no rows' };
  try {
    return await learnRows(dataset, pooled, comparisons, options);
  } catch (error) {
    if (!(error instanceof MinutehandError && error.code === 'DATA_TOO_SHORT')) throw error;
    return { verdict: `pooled: too few rows (${error.seen})` };
  }
}

async function learnRows(
  dataset: Dataset,
  pooled: LearnedParts,
  comparisons: number,
  options: TrainOptions,
): Promise<Outcome> {
  const { workers, openPool = openFitPool, onProgress } = options;
  const { train } = pooled.settings.minutehand;
  const total = MODEL_NAMES.length * (countFits(train.folds) + countLeakageFits(train.folds)) * treeFitsOf(train);
  const queue = openFitQueue(openPool(workers), total, (done) => onProgress('learning', done, total));
  try {
    const candidates = await learnCandidates(dataset, pooled, queue, options);
    const comparison = perModel((name) => compare(candidates[name], pooled.models[name].learned, comparisons));
    const isOwn = perModel((name) => comparison[name].chosen);
    if (!MODEL_NAMES.some((name) => isOwn[name]))
      return { comparison, verdict: 'pooled: no model of its own is better beyond chance' };
    const models = await examineChosen(candidates, isOwn, { ...pooled, dataset }, options);
    onProgress('learning', total, total);
    const inputs = isOwn.ai1 ? undefined : pooled.inputs;
    const proven = proveModels({ ...pooled, dataset, models, inputs }, options);
    const gates = proven.gates.filter((gate) => isOfGroup(gate, isOwn));
    const failed = gates.filter(({ passed }) => !passed).map((gate) => gateText(gate).name);
    if (failed.length > 0) return { comparison, gates, verdict: `pooled: its own models fail ${failed.join(', ')}` };
    const own = MODEL_NAMES.filter((name) => isOwn[name]).join(', ');
    return { comparison, gates, verdict: `own ${own}`, own: { dataset, models, isOwn, proven } };
  } finally {
    await queue.close();
  }
}

/** Gates of a pooled model belong to the bundle. */
function isOfGroup({ role }: GateResult, isOwn: Readonly<Record<ModelName, boolean>>): boolean {
  return MODEL_NAMES.every((name) => isOwn[name] || role !== name);
}

interface Candidate {
  readonly job: ModelJob;
  readonly learned: LearnedModel;
}

/** learn → calibrate, with the parameters, AI1 training label and folds of the pooled models. */
async function learnCandidates(
  dataset: Dataset,
  { models, settings, dataset: whole }: LearnedParts,
  queue: FitQueue,
  { seed }: TrainOptions,
): Promise<Record<ModelName, Candidate>> {
  const { trained } = models.ai1.job.rows;
  const pairs = dataset.histories.map(({ pair }) => pair.id);
  const labeled =
    trained === whole.train.ai1
      ? dataset
      : datasetOfPairs({ ...whole, train: { ...whole.train, ai1: trained } }, pairs);
  const foldStarts = perModel((name) => models[name].learned.rawFolds.map(({ from }) => from));
  const learning = { dataset: labeled, settings, seed, foldStarts };
  const learned = await Promise.all(
    MODEL_NAMES.map(async (name): Promise<Candidate> => {
      const job = modelJob(name, learning, queue.fit);
      const { trained: rows } = job.rows;
      return { job, learned: calibrateModel(rows, await learnModel(rows, job, job.fit), true) };
    }),
  );
  return perModel((name) => learned[MODEL_NAMES.indexOf(name)]!);
}

function compare({ job, learned }: Candidate, pooled: LearnedModel, comparisons: number): PairedGain {
  const { evaluated } = job.rows;
  const scores = { own: outOfFold(learned.folds, evaluated), pooled: outOfFold(pooled.folds, evaluated) };
  return pairedGain({ y: evaluated.y, time: evaluated.time, ...scores }, comparisons);
}

/** validate → look-ahead leakage tests, for the chosen models. */
async function examineChosen(
  candidates: Readonly<Record<ModelName, Candidate>>,
  isOwn: Readonly<Record<ModelName, boolean>>,
  { dataset, generated, models, settings }: LearnedParts,
  { seed }: TrainOptions,
): Promise<Record<ModelName, ExaminedModel>> {
  const examined = await Promise.all(
    MODEL_NAMES.map(async (name) =>
      isOwn[name] ? examineModel(name, candidates[name], { dataset, generated, settings, seed }) : models[name],
    ),
  );
  return perModel((name) => examined[MODEL_NAMES.indexOf(name)]!);
}
