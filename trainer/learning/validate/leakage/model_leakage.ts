import type { ModelName } from '../../../../shared/core/features/feature.ts';
import type { LearnedModel } from '../../calibrate/calibrate_model.ts';
import type { GateResult } from '../../../../shared/bundle/gates/gate_result.ts';
import { TASK } from '../../learners/learning.ts';
import type { ModelJob } from '../../learners/model_job.ts';
import { fittedAnswers, type FoldModel, type Scorer } from '../../learners/cross_validation.ts';
import { checkQuality, QUALITY_MODELS, qualityLimits, type QualityModel } from '../quality_gate.ts';
import type { Settings } from '../../../../shared/policy/policy.ts';
import type { Validated } from '../validation.ts';
import type { GateRole } from '../../../../shared/bundle/gates/gate_codes.ts';
import type { Task } from '../../learners/contract/task.ts';
import type { Fit, ValidationRows } from '../../dataset/rows.ts';
import { checkFoldBorders } from './fold_borders.ts';
import { checkShuffledTwice, type ShuffleOptions } from './shuffled_labels.ts';
import { checkTrainingOnly } from './training_only.ts';

/**
 * Share of shuffles of a correct pipeline whose AUC is beyond its error: one in 370 for a model, one in 123 for the
 * three models of a run. A second shuffle decides, so that a run fails once in 45,000.
 */
const SHUFFLE_LEVEL = 0.0027;

/** The training of one model. */
interface LearningCase<Rows extends ValidationRows, Model> {
  /** Of the results. */
  readonly role: GateRole;
  readonly rows: Rows;
  readonly task: Task;
  /** The splits with their models by `fit`. */
  readonly folds: readonly FoldModel<Model>[];
  /** Seconds. */
  readonly embargo: number;
  readonly fit: Fit<Rows, Model>;
  /** `fit` without a warm start, whose model was trained on the unshuffled labels. */
  readonly fitFromNothing: Fit<Rows, Model>;
  readonly answer: Scorer<Model>;
  /** Everything fitted of a model, as bytes. */
  readonly bytes: (model: Model) => Uint8Array;
  readonly gate: ShuffleOptions['gate'];
  readonly seed: string;
}

/**
 * The leakage tests of learning: fold borders, everything fitted on training rows only, shuffled labels. They cost one
 * fit per fold and one more. Those of features and labels (look_ahead.ts) need the bars.
 */
export async function checkLearning<Rows extends ValidationRows, Model>(
  learning: LearningCase<Rows, Model>,
): Promise<GateResult[]> {
  const { role, rows, task, folds, embargo, fit, fitFromNothing, answer, bytes, gate, seed } = learning;
  // The middle fold has training rows on both sides.
  const middle = folds[Math.floor(folds.length / 2)]!;
  const [trainingOnly, shuffled] = await Promise.all([
    checkTrainingOnly(rows, middle, fit, bytes, task, `${seed}/training only`),
    checkShuffledTwice(rows, folds, fitFromNothing, answer, {
      seed: `${seed}/shuffled labels`,
      level: SHUFFLE_LEVEL,
      gate,
    }),
  ]);
  const results = [checkFoldBorders(rows, folds, embargo), trainingOnly, ...shuffled];
  return results.map((result) => ({ ...result, role }));
}

/** Number of fits of `testModelLeakage`. */
export function countLeakageFits(folds: number): number {
  return folds + 1;
}

/**
 * The look-ahead leakage tests of one model, with its own fits and splits.
 * @param settings with the limits of the quality gates, which must refuse a model of shuffled labels
 */
export function testModelLeakage(
  { name, rows, samples, embargo, fit, fitFromNothing }: ModelJob,
  learned: LearnedModel,
  { rate }: Pick<Validated, 'rate'>,
  settings: Pick<Settings, 'retrain'>,
  seed: string,
): Promise<GateResult[]> {
  return checkLearning({
    role: name,
    rows: rows.trained,
    task: TASK,
    folds: learned.rawFolds,
    embargo,
    fit: (of, subset) => fit(of, subset, null),
    fitFromNothing: (of, subset) => fitFromNothing(of, subset, null),
    answer: fittedAnswers,
    bytes: (model) => model.toOnnx({ metadata: {} }),
    gate: isQualityModel(name)
      ? (shuffled) => checkQuality({ samples, rate, ...shuffled }, qualityLimits(settings, name))
      : null,
    seed,
  });
}

function isQualityModel(name: ModelName): name is QualityModel {
  return (QUALITY_MODELS as readonly ModelName[]).includes(name);
}
