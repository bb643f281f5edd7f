import type { InputDescription } from '../../../shared/bundle/input_novelty.ts';
import { evaluateResult } from '../strategies/pair_reversion/backtest/result_walk_forward.ts';
import type { LearnedModel } from '../calibrate/calibrate_model.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { countResultFits, learnResult, resultRows } from '../calibrate/result_model.ts';
import { treeFitsOf } from '../learners/registry.ts';
import { openFitPool } from '../learners/trees/fit_pool.ts';
import { openFitQueue } from '../learners/trees/fit_queue.ts';
import type { TrainOptions } from '../options/train_options.ts';
import type { NetPart } from './training_plan.ts';

export interface NetOptions extends TrainOptions {
  /** Of the rows that a brought AI1 has learned from; absent: AI1 is learned here. */
  readonly inputs?: InputDescription | null | undefined;
}

/** The model of the result, evaluated by the trades it decides in walk-forward. */
export async function learnNet(
  dataset: Dataset,
  settings: TrainOptions['settings'],
  { seed, workers, openPool = openFitPool, onProgress, inputs }: NetOptions,
): Promise<NetPart & Pick<LearnedModel, 'folds'>> {
  const { train } = settings.minutehand;
  const found = resultRows(dataset, dataset.holdoutFrom, settings);
  const stage = 'learning the result';
  const fits = countResultFits(train.folds) * treeFitsOf(train);
  const queue = openFitQueue(openPool(workers), fits, (done, total) => onProgress(stage, done, total));
  try {
    const learned = await learnResult(found, dataset, settings, seed, queue.fit);
    onProgress(stage, fits, fits);
    const { rows, clipped } = found;
    const report = {
      rows: rows.y.length,
      effective_rows: rows.effectiveRows,
      trees: learned.model.iterations ?? 0,
      clipped,
      walk_forward: [...evaluateResult(dataset, learned.walkForward, settings, { seed, inputs })],
    };
    return { model: learned.model, folds: learned.folds, report };
  } finally {
    await queue.close();
  }
}
