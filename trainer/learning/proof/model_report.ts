import type { ModelMetrics, ModelReport } from '../../../shared/bundle/manifest.ts';
import type { LearnedModel } from '../calibrate/calibrate_model.ts';
import type { LabeledRows } from '../strategies/pair_reversion/dataset/dataset.ts';
import type { KeptHistory } from '../history/kept_history.ts';
import { memberReports } from '../learners/mixture/member_reports.ts';
import type { ModelJob } from '../learners/model_job.ts';
import { meanMetrics, modelMetrics } from '../measures/model_metrics.ts';
import { pick, positions } from '../dataset/rows.ts';
import type { Validated } from '../validate/validation.ts';

/** One model with what was measured of it. */
export interface TrainedModel {
  readonly job: ModelJob;
  readonly learned: LearnedModel;
  readonly validation: Validated;
}

/**
 * Model card metrics of one model.
 * @param served ids of the pairs that it serves; null: all
 */
export function modelReport(
  { job, learned, validation }: TrainedModel,
  histories: readonly KeptHistory[],
  served: readonly string[] | null = null,
): ModelReport {
  const crossValidation = learned.folds.map(({ metrics }) => metrics);
  const walkForward = learned.walkForward.map(({ metrics }) => metrics);
  const members = memberReports(learned.model);
  return {
    rows: job.samples,
    effective_rows: job.rows.trained.effectiveRows,
    trees: learned.model.iterations ?? 0,
    ...(learned.model.epochs && { epochs: [...learned.model.epochs] }),
    ...(members && {
      members: members.map(({ learner, weight, epochs }) => ({
        learner,
        weight,
        ...(epochs && { epochs: [...epochs] }),
      })),
    }),
    calibration: learned.platt,
    cross_validation: { mean: meanMetrics(crossValidation), folds: crossValidation },
    walk_forward: { mean: meanMetrics(walkForward), folds: walkForward },
    ...measureHoldout(validation.holdoutScores, job.rows.holdout, histories, served),
  };
}

function measureHoldout(
  scores: Float64Array,
  rows: LabeledRows,
  histories: readonly KeptHistory[],
  served: readonly string[] | null,
): Pick<ModelReport, 'holdout' | 'holdout_by_pair' | 'holdout_served'> {
  const ids = histories.map(({ pair }) => pair.id);
  const metricsOf = (isWanted: (pairId: string) => boolean): ModelMetrics => {
    const own = positions(rows.y.length, (row) => isWanted(ids[rows.pair[row]!]!));
    return modelMetrics(pick(scores, own), pick(rows.y, own));
  };
  return {
    holdout: modelMetrics(scores, rows.y),
    holdout_by_pair: Object.fromEntries(ids.map((id) => [id, metricsOf((pairId) => pairId === id)])),
    ...(served && { holdout_served: metricsOf((pairId) => served.includes(pairId)) }),
  };
}
