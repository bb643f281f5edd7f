import { horizonSeconds } from '../../../shared/policy/policy.ts';
import type { TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { ModelName } from '../../../shared/core/features/feature.ts';
import type { DatasetRows } from '../dataset/dataset.ts';
import { warmStartFit } from './warm_start_fit.ts';
import type { FitTask } from './trees/fit.ts';
import { learnerParams, TASK, type Learning } from './learning.ts';
import type { ModelFit } from './model_learning.ts';

/** Training job of one model: its rows, and how it is fitted. */
export interface ModelJob {
  readonly name: ModelName;
  readonly rows: {
    /** Training rows. */
    readonly trained: DatasetRows;
    /** Validation rows of the training period: the same rows, or those of AI1's evaluation label. */
    readonly evaluated: DatasetRows;
    readonly holdout: DatasetRows;
  };
  /** Number of training rows, including those of a warm start. */
  readonly samples: number;
  readonly folds: number;
  /** Starts of the folds; absent = as chosen by `kFoldSplits`. */
  readonly foldStarts?: readonly number[] | undefined;
  /** Seconds. */
  readonly embargo: number;
  /** A warm-started model is calibrated already. */
  readonly isWarmStart: boolean;
  /** In a warm start, adds to the known model. */
  readonly fit: ModelFit;
  readonly fitFromNothing: ModelFit;
}

/** @param run trains one model: `runFit`, or that of a pool */
export function modelJob(
  name: ModelName,
  { dataset, settings, seed, known, foldStarts }: Learning,
  run: (task: FitTask) => Promise<TreeModel>,
): ModelJob {
  const { train } = settings.minutehand;
  const trained = dataset.train[name];
  const params = learnerParams(settings, dataset.definitions, name, seed);
  const fitFromNothing: ModelFit = (rows, subset, trees) =>
    run({
      engine: train.engine,
      task: TASK,
      rows,
      subset,
      params: trees === null ? params : { ...params, rounds: trees },
      stopsEarly: trees === null,
    });
  return {
    name,
    rows: {
      trained,
      evaluated: name === 'ai1' ? dataset.evaluation.train : trained,
      holdout: name === 'ai1' ? dataset.evaluation.holdout : dataset.holdout[name],
    },
    samples: trained.y.length + (known?.rows[name] ?? 0),
    folds: train.folds,
    foldStarts: foldStarts?.[name],
    embargo: horizonSeconds(settings.minutehand),
    isWarmStart: known !== undefined,
    fit:
      known === undefined
        ? fitFromNothing
        : warmStartFit(known.models[name], { ...params, rounds: train.warm_start_rounds }, TASK, run),
    fitFromNothing,
  };
}
