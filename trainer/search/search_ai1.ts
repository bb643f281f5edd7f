import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../shared/folder.ts';
import type { SearchReport } from '../../shared/bundle/manifest.ts';
import type { TreeModel } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import type { DatasetRows } from '../dataset/dataset.ts';
import { relabeled } from '../dataset/relabel.ts';
import { EVALUATION_BARRIERS, type Barriers } from '../label/reversion.ts';
import { takeRows, type FitTask } from '../learn/trees/fit.ts';
import { learnerParams, TASK, type Learning } from '../learn/learning.ts';
import { WALK_FORWARD } from '../learn/model_learning.ts';
import { treeAnswer } from '../learn/trees/scoring.ts';
import { modelMetrics } from '../validate/model_metrics.ts';
import { rowsOutside } from '../validate/purged_kfold.ts';
import { pick, positions } from '../validate/rows.ts';
import { kFoldSplits, walkForwardSplits } from '../validate/splits.ts';
import { searchTraining, type SearchProgress, type SearchResult } from './search.ts';
import { configuredParams, settingsOf, trainingSpace, type SearchedSettings } from './training_space.ts';

/** The best of many trials is a little better by chance alone. */
const MIN_ERRORS = 2;

export interface Ai1SearchOptions {
  readonly trials: number;
  /** Folder for what a search that was cut off resumes from; null = nowhere. */
  readonly folder: string | null;
  /** Trains a model; requests from here are more urgent than the rest. */
  fit(task: FitTask): Promise<TreeModel>;
  onProgress(progress: SearchProgress): void;
}

/** Result of the search: the parameters for the training, and the report of it. */
export interface SearchedLearning {
  readonly learning: Learning;
  readonly barriers: Barriers;
  readonly report: SearchReport;
}

/**
 * Looks for better parameters of AI1's trees and of the label that it learns, by purged k-fold inside the training
 * period. Every trial is measured on the same rows of the evaluation label by its log loss, which depends on ranks and
 * on calibrated probabilities. The best trial is taken only where it beats the configured one by more than `MIN_ERRORS`
 * standard errors of their difference over the folds, and then also in walk-forward, with all rows: a fold has the time
 * on both sides of it to learn from, which favors larger models than the future does.
 * @throws as `searchTraining` and the learner
 */
export async function searchAi1(learning: Learning, options: Ai1SearchOptions): Promise<SearchedLearning> {
  const { dataset, settings, seed } = learning;
  const { search, train, label } = settings.minutehand;
  const embargo = label.horizon_bars * SECONDS_PER_BAR;
  const current: SearchedSettings = { trees: train.ai1, barriers: EVALUATION_BARRIERS };
  const evaluated = relabeled(dataset, EVALUATION_BARRIERS, search.max_rows);
  const folds = kFoldSplits(evaluated, train.folds, embargo).map(({ test }) => ({
    test,
    x: takeRows(evaluated.x, test),
    y: pick(evaluated.y, test),
    span: spanOf(evaluated, test),
  }));
  const space = trainingSpace(current, search.label);
  const configured = configuredParams(current, search.label);
  const journal = openJournalPath(options.folder, [dataset.snapshotId, train.engine, search, train.folds, embargo]);
  const result = await searchTraining({
    space,
    configured,
    seed: `${seed}/search/ai1`,
    direction: 'minimize',
    sampler: 'tpe',
    budget: { trials: options.trials, limitMs: search.limit_minutes === null ? null : search.limit_minutes * 60_000 },
    folds: folds.length,
    journal,
    prepare: (params) => {
      const { barriers } = settingsOf(params, current);
      const isEvaluated = params['label.barriers'] !== 'searched';
      return Promise.resolve(isEvaluated ? evaluated : relabeled(dataset, barriers, search.max_rows));
    },
    measureFold: async (rows, fold, params) => {
      const { x, y, span } = folds[fold]!;
      const model = await options.fit({
        engine: train.engine,
        task: TASK,
        rows,
        subset: rowsOutside(rows.time, rows.labelEnd, span, embargo),
        params: learnerParams(withTrees(settings, settingsOf(params, current)), dataset.definitions, 'ai1', seed),
        stopsEarly: true,
      });
      return modelMetrics(treeAnswer(model, x), y).log_loss ?? NaN;
    },
    nowMs: () => performance.now(),
    onProgress: options.onProgress,
  });
  if (journal !== null) rmSync(journal, { force: true });

  const { best, gain } = result;
  const isBetter = best.number > 0 && gain.mean > MIN_ERRORS * gain.standardError;
  const forwardGain = isBetter ? await gainForward(learning, current, settingsOf(best.params, current), options) : null;
  const adopted = forwardGain !== null && forwardGain > 0;
  const chosen = adopted ? settingsOf(best.params, current) : current;
  const isRelabeled = adopted && best.params['label.barriers'] === 'searched';
  const ai1 = isRelabeled ? relabeled(dataset, chosen.barriers, train.max_rows) : dataset.train.ai1;
  return {
    learning: {
      seed,
      settings: withTrees(settings, chosen),
      dataset: { ...dataset, train: { ...dataset.train, ai1 } },
    },
    barriers: chosen.barriers,
    report: reportOf(result, forwardGain, adopted),
  };
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
    forward_gain: forwardGain,
    best_parameters: best.params,
    adopted,
  };
}

/**
 * How far the log loss of `found` is below that of `current`, mean of the blocks that walk-forward tests, each learned
 * from what came before it.
 */
async function gainForward(
  { dataset, settings, seed }: Learning,
  current: SearchedSettings,
  found: SearchedSettings,
  { fit }: Ai1SearchOptions,
): Promise<number> {
  const { train, label } = settings.minutehand;
  const embargo = label.horizon_bars * SECONDS_PER_BAR;
  const evaluated = relabeled(dataset, EVALUATION_BARRIERS, train.max_rows);
  const blocks = walkForwardSplits(evaluated, { ...WALK_FORWARD, embargo, window: null });
  const lossesOf = async (own: SearchedSettings): Promise<number[]> => {
    const rows = own.barriers === current.barriers ? evaluated : relabeled(dataset, own.barriers, train.max_rows);
    const params = learnerParams(withTrees(settings, own), dataset.definitions, 'ai1', seed);
    return Promise.all(
      blocks.map(async ({ test, from }) => {
        const subset = positions(rows.y.length, (row) => rows.labelEnd[row]! + embargo < from);
        const model = await fit({ engine: train.engine, task: TASK, rows, subset, params, stopsEarly: true });
        return modelMetrics(treeAnswer(model, takeRows(evaluated.x, test)), pick(evaluated.y, test)).log_loss ?? NaN;
      }),
    );
  };
  const [before, after] = await Promise.all([lossesOf(current), lossesOf(found)]);
  return before.reduce((sum, loss, i) => sum + (loss - after[i]!) / before.length, 0);
}

function withTrees(settings: Learning['settings'], { trees }: SearchedSettings): Learning['settings'] {
  const { minutehand } = settings;
  return { ...settings, minutehand: { ...minutehand, train: { ...minutehand.train, ai1: trees } } };
}

/** From the first time of these rows to the end of the last of their labels. */
function spanOf({ time, labelEnd }: DatasetRows, rows: Int32Array): { begin: number; end: number } {
  let [begin, end] = [Infinity, -Infinity];
  for (const row of rows) {
    begin = Math.min(begin, time[row]!);
    end = Math.max(end, labelEnd[row]!);
  }
  return { begin, end };
}

/** Whatever decides about a trial and is not in the journal itself decides about its name. */
function openJournalPath(folder: string | null, identity: readonly unknown[]): string | null {
  if (folder === null) return null;
  makeFolder(folder);
  const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
  return join(folder, `ai1_${name}.jsonl`);
}
