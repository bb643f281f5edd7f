import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import { encodeTreeModel } from '../../shared/bundle/onnx/onnx.ts';
import type { ModelReport } from '../../shared/bundle/manifest.ts';
import type { TreeModel } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { MODEL_NAMES, perModel, type FeatureDefinition, type ModelName } from '../../shared/core/features/feature.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { Dataset, LabelledRows } from '../dataset/dataset.ts';
import type { PairHistory } from '../dataset/pair_history.ts';
import type { GateResult } from '../gate/criteria.ts';
import { judgeLearning } from '../validate/leaks/leaks.ts';
import { meanMetrics, modelMetrics } from '../validate/model_metrics.ts';
import { rowUniqueness } from '../validate/noise.ts';
import { judgePredictionSpread } from '../validate/prediction_spread.ts';
import { judgeQuality } from '../validate/quality_gate.ts';
import { pick, positions } from '../validate/rows.ts';
import { validateModel, type ModelValidation } from '../validate/validation.ts';
import type { FitTask } from './fit.ts';
import { continuedFit } from './continue_model.ts';
import { openFitPool } from './fit_pool.ts';
import { treeAnswer } from './scoring.ts';
import { LEARNER_DEFAULTS, type LearnerParams, type Task } from './learner.ts';
import { countFits, countTrees, learnModel, type LearnedModel, type ModelFit } from './model_learning.ts';

/** AI3's target is a share and not a class: it is learned by the same cross-entropy. */
export const TASK: Task = { kind: 'binary' };

/** One model with everything that is known of it. */
export interface ProvenModel extends LearnedModel {
  readonly report: ModelReport;
  readonly validation: ModelValidation;
  /** Its answers to the rows of the holdout that it is judged by. */
  readonly holdoutScores: Float64Array;
  readonly gates: readonly GateResult[];
}

/** What all three models are learned and judged by. */
export interface Learning {
  readonly dataset: Dataset;
  readonly settings: Settings;
  readonly seed: number;
  /** Models to go on from; without them, learning begins from nothing. */
  readonly known?: {
    readonly models: Readonly<Record<ModelName, TreeModel>>;
    /** Rows that they were learned from. */
    readonly rows: Readonly<Record<ModelName, number>>;
  };
}

/** A search for what AI1 is learned by, which asks for fits itself. */
export interface Ai1Search {
  /** How much work it is at most, in whole fits. */
  readonly fits: number;
  /** @param onProgress share of the search that is done, 0 to 1 */
  run(fit: (task: FitTask) => Promise<TreeModel>, onProgress: (share: number) => void): Promise<Learning>;
}

/**
 * Learns and judges all three models. A search goes before the other fits, so that nothing waits for it at the end.
 * @param onProgress `done` fits of `total`, in parts of a fit
 */
export async function learnModels(
  learning: Learning,
  search: Ai1Search | null,
  workers: number,
  onProgress: (done: number, total: number) => void,
): Promise<Record<ModelName, ProvenModel>> {
  const { folds } = learning.settings.minutehand.train;
  const leakFits = folds + 1;
  const fits = MODEL_NAMES.length * (countFits(folds) + leakFits) + (search?.fits ?? 0);
  const done: number[] = [];
  const progressOfNext = (weight: number): ((share: number) => void) => {
    const part = done.push(0) - 1;
    return (share) => {
      done[part] = share * weight;
      onProgress(
        done.reduce((sum, own) => sum + own, 0),
        fits,
      );
    };
  };
  const pool = openFitPool(workers);
  const fitNext = (task: FitTask): Promise<TreeModel> => {
    const progress = progressOfNext(1);
    return pool.fit(task, (trees, total) => progress(trees / total));
  };
  const searched =
    search === null
      ? Promise.resolve(learning)
      : search.run((task) => pool.fit(task, () => undefined, { isUrgent: true }), progressOfNext(search.fits));
  try {
    const proven = await Promise.all(
      MODEL_NAMES.map(async (name) => prove(name, name === 'ai1' ? await searched : learning, fitNext)),
    );
    onProgress(fits, fits);
    return perModel((name) => proven[MODEL_NAMES.indexOf(name)]!);
  } finally {
    await pool.close();
  }
}

/** Learns a model, judges it by rows it never saw, and looks for leaks in the way it was learned. */
async function prove(
  name: ModelName,
  { dataset, settings, seed, known }: Learning,
  run: (task: FitTask) => Promise<TreeModel>,
): Promise<ProvenModel> {
  const { train: learning, label } = settings.minutehand;
  const rows = {
    trained: dataset.train[name],
    judged: name === 'ai1' ? dataset.evaluation.train : dataset.train[name],
    holdout: name === 'ai1' ? dataset.evaluation.holdout : dataset.holdout[name],
  };
  const params = learnerParams(settings, dataset.definitions, name, seed);
  const fitFromNothing: ModelFit = (of, subset, trees) =>
    run({
      engine: learning.engine,
      task: TASK,
      rows: of,
      subset,
      params: trees === null ? params : { ...params, rounds: trees },
      stopsEarly: trees === null,
    });
  const fit =
    known === undefined
      ? fitFromNothing
      : continuedFit(known.models[name], { ...params, rounds: learning.continue_rounds }, TASK, run);
  const samples = rows.trained.y.length + (known?.rows[name] ?? 0);
  const embargo = label.horizon_bars * SECONDS_PER_BAR;
  const learned = await learnModel(
    rows.trained,
    { folds: learning.folds, embargo, calibrates: known === undefined },
    fit,
  );
  const { report, holdoutScores, threshold } = validateModel(learned, rows, dataset, `${seed}/importance/${name}`);
  const limits = { min_samples: settings.retrain.quality_min_samples, f1_floor: settings.retrain.quality_f1_floor };
  const isJudgedByF1 = name !== 'ai3';
  const leaks = await judgeLearning({
    name,
    rows: rows.trained,
    task: TASK,
    folds: learned.rawFolds,
    embargo,
    fit: (of, subset) => fit(of, subset, null),
    fitFromNothing: (of, subset) => fitFromNothing(of, subset, null),
    answer: treeAnswer,
    bytes: encodeTreeModel,
    gate: isJudgedByF1
      ? (scores, labels, uniqueness) => judgeQuality({ samples, scores, labels, threshold, uniqueness }, limits)
      : null,
    seed: `${seed}/${name}`,
  });
  const { holdout } = rows;
  const quality = isJudgedByF1
    ? judgeQuality(
        {
          samples,
          scores: holdoutScores,
          labels: holdout.y,
          threshold,
          uniqueness: rowUniqueness(holdout),
        },
        limits,
      )
    : [];
  const spread = judgePredictionSpread(report.holdout.predictions);
  const crossValidation = learned.folds.map(({ metrics }) => metrics);
  const walkForward = learned.walkForward.map(({ metrics }) => metrics);
  return {
    ...learned,
    validation: report,
    holdoutScores,
    gates: [...[...quality, spread].map((gate) => ({ ...gate, name: `${name} ${gate.name}` })), ...leaks],
    report: {
      rows: samples,
      effective_rows: rows.trained.effectiveRows,
      trees: countTrees(learned.model),
      calibration: learned.platt,
      cross_validation: { mean: meanMetrics(crossValidation), folds: crossValidation },
      walk_forward: { mean: meanMetrics(walkForward), folds: walkForward },
      ...measureHoldout(holdoutScores, holdout, dataset.histories),
    },
  };
}

export function learnerParams(
  { minutehand }: Settings,
  definitions: readonly FeatureDefinition[],
  model: ModelName,
  seed: number,
): LearnerParams {
  const { rounds, learning_rate, leaves, min_data_in_leaf, l2, row_fraction, column_fraction } =
    minutehand.train[model];
  return {
    ...LEARNER_DEFAULTS,
    rounds,
    learningRate: learning_rate,
    leaves,
    minDataInLeaf: min_data_in_leaf,
    l2,
    rowFraction: row_fraction,
    columnFraction: column_fraction,
    seed: `${seed}/${model}`,
    columns: definitions.flatMap(({ models }, column) => (models.includes(model) ? [column] : [])),
  };
}

function measureHoldout(
  scores: Float64Array,
  rows: LabelledRows,
  histories: readonly PairHistory[],
): Pick<ModelReport, 'holdout' | 'holdout_by_pair'> {
  const byPair = histories.map(({ pair }, index) => {
    const own = positions(rows.y.length, (row) => rows.pair[row] === index);
    return [pair.id, modelMetrics(pick(scores, own), pick(rows.y, own))] as const;
  });
  return { holdout: modelMetrics(scores, rows.y), holdout_by_pair: Object.fromEntries(byPair) };
}
