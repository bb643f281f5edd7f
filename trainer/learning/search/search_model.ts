import { embargoSeconds } from '../../../shared/policy/policy.ts';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { makeFolder } from '../../../shared/folder.ts';
import type { SearchReport } from '../../../shared/bundle/manifest.ts';
import type { ModelName } from '../../../shared/core/features/feature.ts';
import type { DatasetRows } from '../strategies/pair_reversion/dataset/dataset.ts';
import { takeDatasetRows } from '../strategies/pair_reversion/dataset/labeled_rows.ts';
import { relabeled } from '../strategies/pair_reversion/dataset/relabel.ts';
import { type Barriers, EVALUATION_BARRIERS } from '../strategies/pair_reversion/label/reversion.ts';
import type { LearnerSetup } from '../learners/registry.ts';
import { takeRows, withRows } from '../learners/contract/fit_rows.ts';
import { columnsOf, type Learning, openModelLearner } from '../learners/learning.ts';
import { searchedNetwork } from '../learners/networks/network_parameters.ts';
import { fitOf, type ModelFit, WALK_FORWARD } from '../learners/model_learning.ts';
import { modelMetrics } from '../measures/model_metrics.ts';
import { rowsOutside } from '../splits/purged_kfold.ts';
import { pick, positions } from '../dataset/rows.ts';
import { kFoldSplits, walkForwardSplits } from '../splits/splits.ts';
import { type SearchProgress, type SearchResult, searchTraining } from './search.ts';
import { lockHomeSoon } from '../../../shared/process/home_lock.ts';
import { journalLock } from './study_journal.ts';
import { keepJournal } from './finished_journals.ts';
import { configuredParams, type SearchedSettings, settingsOf, trainingSpace } from './training_space.ts';
import { meanOf } from '../../../shared/statistics.ts';

/** Of the distance of the mean answer from one half: a figure of the specification. */
export const BALANCE_PENALTY = 0.5;

/**
 * What is added to the log loss of a network's trial: 0.5 · |0.5 − mean|. It pulls toward balanced answers even where
 * the labels are not, so a trial that only it prefers is not adopted: walk-forward must gain in log loss alone.
 * @param answers probabilities, at least one
 */
export function balancePenalty(answers: Float64Array): number {
  const mean = meanOf(answers);
  return BALANCE_PENALTY * Math.abs(0.5 - mean);
}

export interface ModelSearchOptions {
  readonly trials: number;
  /** Folder of journals, from which an interrupted search resumes; null = none. */
  readonly folder: string | null;
  /** Trains a model; these requests have priority over others. */
  readonly fitTrees: LearnerSetup['fitTrees'];
  onProgress(progress: SearchProgress): void;
}

/** Result of the search: the parameters for the training, and the report of it. */
export interface SearchedLearning {
  readonly learning: Learning;
  readonly barriers: Barriers;
  readonly report: SearchReport;
}

/** Target of a search: a model, its current settings, and the rows on which trials are measured and trained. */
interface SearchTarget {
  readonly name: ModelName;
  readonly current: SearchedSettings;
  /** Whether the barriers of the label are searched too. */
  readonly label: boolean;
  /** Rows of the training period, evenly thinned to `most`. */
  evaluated(most: number): DatasetRows;
  /** The same under the label of a trial. */
  trained(barriers: Barriers, most: number): DatasetRows;
}

function targetOf(name: ModelName, { dataset, settings }: Learning): SearchTarget {
  const { search, train } = settings.minutehand;
  const network = searchedNetwork(train, name);
  const current: SearchedSettings = { trees: train[name], network, barriers: EVALUATION_BARRIERS };
  if (name !== 'ai1') {
    const rows = (most: number): DatasetRows => thinned(dataset.train[name], most);
    return { name, current, label: false, evaluated: rows, trained: (_barriers, most) => rows(most) };
  }
  return {
    name,
    current,
    label: search.label,
    evaluated: (most) => relabeled(dataset, EVALUATION_BARRIERS, most),
    trained: (barriers, most) => relabeled(dataset, barriers, most),
  };
}

/** Every n-th row, at most `most`. */
function thinned(rows: DatasetRows, most: number): DatasetRows {
  const { length } = rows.y;
  if (length <= most) return rows;
  return takeDatasetRows(
    rows,
    Int32Array.from({ length: most }, (_, i) => Math.floor((i * length) / most)),
  );
}

/**
 * As `searchModel` for AI1.
 * @throws as `searchModel`
 */
export function searchAi1(learning: Learning, options: ModelSearchOptions): Promise<SearchedLearning> {
  return searchModel('ai1', learning, options);
}

/**
 * Searches better parameters of a model's trees or network, and for AI1 of the label that it learns, by purged k-fold
 * within the training period. Every trial is measured on the same rows (AI1's: of the evaluation label) by its log
 * loss, which depends on ranks and on calibrated probabilities. The best trial is adopted only when it beats the
 * configured one by more standard errors of their difference over the folds than the best of as many trials without a
 * gain, and then also in walk-forward, with all rows: training on both sides of a fold favors larger models than
 * training on the past alone. The trials of a network are measured by log loss plus `balancePenalty`; walk-forward by
 * log loss alone.
 * @throws as `searchTraining` and the learner
 */
export async function searchModel(
  name: ModelName,
  learning: Learning,
  options: ModelSearchOptions,
): Promise<SearchedLearning> {
  const { dataset, settings, seed } = learning;
  const { search, train } = settings.minutehand;
  const embargo = embargoSeconds(settings.minutehand);
  const target = targetOf(name, learning);
  const { current } = target;
  const evaluated = target.evaluated(search.max_rows);
  const folds = measuredFolds(evaluated, train.folds, embargo);
  const space = trainingSpace(current, target.label, search.ranges);
  const configured = configuredParams(current, target.label);
  const journal = openJournalPath(options.folder, name, [
    dataset.snapshotId,
    train.engine,
    search,
    train.folds,
    embargo,
    ...(current.network === null ? [] : [current.network]),
  ]);
  // One process at a time works on a search; it ends with the process, and shows whether one does.
  const unlock = journal === null ? () => undefined : await lockHomeSoon(journalLock(journal));
  const searching = searchTraining({
    space,
    configured,
    seed: `${seed}/search/${name}`,
    direction: 'minimize',
    sampler: 'tpe',
    budget: { trials: options.trials, limitMs: search.limit_minutes === null ? null : search.limit_minutes * 60_000 },
    folds: folds.length,
    journal,
    prepare: (params) => {
      const { barriers } = settingsOf(params, current);
      const isEvaluated = params['label.barriers'] !== 'searched';
      return Promise.resolve(isEvaluated ? evaluated : target.trained(barriers, search.max_rows));
    },
    measureFold: async (rows, fold, params) => {
      const { x, y, span } = folds[fold]!;
      const fit = fitWith(learning, name, settingsOf(params, current), options);
      const model = await fit(rows, rowsOutside(rows.time, rows.labelEnd, span, embargo), null);
      const answers = model.answers(x);
      const loss = modelMetrics(answers, y).log_loss ?? NaN;
      return current.network === null ? loss : loss + balancePenalty(answers);
    },
    nowMs: () => performance.now(),
    onProgress: options.onProgress,
  });
  const result = await searching.finally(unlock);
  if (journal !== null) keepJournal(journal);

  const { best, gain } = result;
  const isBetter = best.number > 0 && gain.mean > gain.required * gain.standardError;
  const forwardGain = isBetter ? await gainForward(learning, target, settingsOf(best.params, current), options) : null;
  const adopted = forwardGain !== null && forwardGain > 0;
  const chosen = adopted ? settingsOf(best.params, current) : current;
  const isRelabeled = adopted && best.params['label.barriers'] === 'searched';
  const ai1 = isRelabeled ? relabeled(dataset, chosen.barriers, train.max_rows) : dataset.train.ai1;
  return {
    learning: {
      seed,
      settings: withSearched(settings, name, chosen),
      dataset: { ...dataset, train: { ...dataset.train, ai1 } },
    },
    barriers: chosen.barriers,
    report: { ...reportOf(result, forwardGain, adopted), ...(current.network && { balance_penalty: BALANCE_PENALTY }) },
  };
}

/** The test rows of each fold, and their time span. */
function measuredFolds(rows: DatasetRows, folds: number, embargo: number) {
  return kFoldSplits(rows, folds, embargo).map(({ test }) => ({
    x: takeRows(rows.x, test),
    y: pick(rows.y, test),
    span: spanOf(rows, test),
  }));
}

function reportOf(result: SearchResult, forwardGain: number | null, adopted: boolean): SearchReport {
  const { trials, complete, pruned, failed, configured, best, gain } = result;
  return {
    trials,
    complete,
    pruned,
    failed,
    configured_log_loss: configured.value,
    best_log_loss: best.value,
    gain: gain.mean,
    gain_standard_error: gain.standardError,
    ...(Number.isFinite(gain.required) && { gain_required_errors: gain.required }),
    forward_gain: forwardGain,
    best_parameters: best.params,
    adopted,
  };
}

/**
 * Log loss of `current` minus that of `found`, mean of the blocks of walk-forward, each predicted by a model of its
 * past.
 */
async function gainForward(
  learning: Learning,
  { name, current, ...target }: SearchTarget,
  found: SearchedSettings,
  options: ModelSearchOptions,
): Promise<number> {
  const { settings } = learning;
  const { train } = settings.minutehand;
  const embargo = embargoSeconds(settings.minutehand);
  const evaluated = target.evaluated(train.max_rows);
  const blocks = walkForwardSplits(evaluated, { ...WALK_FORWARD, embargo, window: null });
  const lossesOf = async (own: SearchedSettings): Promise<number[]> => {
    const rows = own.barriers === current.barriers ? evaluated : target.trained(own.barriers, train.max_rows);
    const fit = fitWith(learning, name, own, options);
    return Promise.all(
      blocks.map(async ({ test, from }) => {
        const subset = positions(rows.y.length, (row) => rows.labelEnd[row]! + embargo < from);
        const model = await fit(rows, subset, null);
        const answers = withRows(evaluated.x, test, (x) => model.answers(x));
        return modelMetrics(answers, pick(evaluated.y, test)).log_loss ?? NaN;
      }),
    );
  };
  const [before, after] = await Promise.all([lossesOf(current), lossesOf(found)]);
  return before.reduce((sum, loss, i) => sum + (loss - after[i]!) / before.length, 0);
}

/** The fits of a model with other parameters. */
function fitWith(
  { dataset, settings, seed }: Learning,
  name: ModelName,
  own: SearchedSettings,
  { fitTrees }: ModelSearchOptions,
): ModelFit {
  const learner = openModelLearner(withSearched(settings, name, own), name, dataset.definitions, fitTrees);
  return fitOf(learner, {
    columns: columnsOf(dataset.definitions, name),
    seed: `${seed}/${name}`,
    continueFrom: null,
  });
}

/** The settings with what a trial has changed of one model. */
export function withSearched(
  settings: Learning['settings'],
  name: ModelName,
  { trees, network }: Pick<SearchedSettings, 'trees' | 'network'>,
): Learning['settings'] {
  const { minutehand } = settings;
  const { train } = minutehand;
  const networks = network && { networks: { ...train.networks, [name]: network } };
  return { ...settings, minutehand: { ...minutehand, train: { ...train, [name]: trees, ...networks } } };
}

/** From the first time of these rows to the end of the last of their labels. */
function spanOf({ time, labelEnd }: DatasetRows, rows: Int32Array): { begin: number; end: number } {
  let begin = Infinity;
  let end = -Infinity;
  for (const row of rows) {
    begin = Math.min(begin, time[row]!);
    end = Math.max(end, labelEnd[row]!);
  }
  return { begin, end };
}

/** A journal's name identifies everything that determines a trial and is not in the journal itself. */
function openJournalPath(folder: string | null, model: ModelName, identity: readonly unknown[]): string | null {
  if (folder === null) return null;
  makeFolder(folder);
  const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
  return join(folder, `${model}_${name}.jsonl`);
}
