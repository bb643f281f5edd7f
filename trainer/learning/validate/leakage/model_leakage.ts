import type { ModelName } from '../../../../shared/core/features/feature.ts';
import type { LearnedModel } from '../../calibrate/calibrate_model.ts';
import type { GateResult } from '../../../../shared/bundle/gates/gate_result.ts';
import { TASK } from '../../learners/learning.ts';
import type { ModelJob } from '../../learners/model_job.ts';
import { fittedAnswers } from '../../learners/cross_validation.ts';
import { checkQuality, QUALITY_MODELS, qualityLimits, type QualityModel } from '../quality_gate.ts';
import type { Settings } from '../../../../shared/policy/policy.ts';
import type { Validated } from '../validation.ts';
import { checkLearning } from './leakage.ts';

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
