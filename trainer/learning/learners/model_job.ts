import { embargoSeconds, type Settings } from '../../../shared/policy/policy.ts';
import type { ModelName } from '../../../shared/core/features/feature.ts';
import type { DatasetRows } from '../strategies/pair_reversion/dataset/dataset.ts';
import { columnsOf, openModelLearner, type ImportedModel, type Learning } from './learning.ts';
import { fitOf, type ModelFit } from './model_learning.ts';
import type { LearnerSetup } from './registry.ts';

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
  /** Whether its learner finds out how many steps help. */
  readonly stopsEarly: boolean;
  /** In a warm start, adds to the known model. */
  readonly fit: ModelFit;
  readonly fitFromNothing: ModelFit;
}

/** @param fitTrees on this thread (`runFit`), or on those of a pool */
export function modelJob(name: ModelName, learning: Learning, fitTrees: LearnerSetup['fitTrees']): ModelJob {
  const imported = learning.imported?.[name];
  if (imported !== undefined) return importedJob(name, learning, imported);
  const { dataset, settings, seed, known, foldStarts, startFit } = learning;
  const { train } = settings.minutehand;
  const trained = dataset.train[name];
  const learner = openModelLearner(settings, name, dataset.definitions, fitTrees);
  const own = { columns: columnsOf(dataset.definitions, name), seed: `${seed}/${name}` };
  const fitFromNothing = fitOf(learner, { ...own, continueFrom: null }, startFit);
  return {
    name,
    rows: rowsOf(name, dataset),
    samples: trained.y.length + (known?.rows[name] ?? 0),
    folds: train.folds,
    foldStarts: foldStarts?.[name],
    embargo: embargoSeconds(settings.minutehand),
    isWarmStart: known !== undefined,
    stopsEarly: learner.supports.stopping,
    fit: known === undefined ? fitFromNothing : updateOf(known),
    fitFromNothing,
  };

  function updateOf({ models, update }: NonNullable<Learning['known']>): ModelFit {
    const continueFrom = models[name];
    if (update !== undefined) return update(continueFrom);
    return fitOf(openModelLearner(withFewTrees(settings, name), name, dataset.definitions, fitTrees), {
      ...own,
      continueFrom,
    });
  }
}

function rowsOf(name: ModelName, { train, holdout, evaluation }: Learning['dataset']): ModelJob['rows'] {
  const trained = train[name];
  return {
    trained,
    evaluated: name === 'ai1' ? evaluation.train : trained,
    holdout: name === 'ai1' ? evaluation.holdout : holdout[name],
  };
}

/** Each fit is the model as it was brought: what is measured on its rows is measured of rows that it has not seen. */
function importedJob(
  name: ModelName,
  { dataset, settings }: Learning,
  { model, rows, foldStarts }: ImportedModel,
): ModelJob {
  const same: ModelFit = () => Promise.resolve(model);
  return {
    name,
    rows: rowsOf(name, dataset),
    samples: rows,
    folds: foldStarts.length,
    foldStarts,
    embargo: embargoSeconds(settings.minutehand),
    isWarmStart: false,
    stopsEarly: false,
    fit: same,
    fitFromNothing: same,
  };
}

/** As many trees as a warm start adds at most. */
function withFewTrees(settings: Settings, name: ModelName): Settings {
  const { minutehand } = settings;
  const { train } = minutehand;
  const own = { ...train[name], rounds: train.warm_start_rounds };
  return { ...settings, minutehand: { ...minutehand, train: { ...train, [name]: own } } };
}
