import { rowUniqueness } from '../dataset/noise.ts';
import {
  checkF1,
  checkF1AboveChance,
  checkRanking,
  checkSamples,
  qualityLimits,
  type QualityCase,
  type QualityModel,
} from '../validate/quality_gate.ts';
import type { BundleEvidence, Gate, ModelEvidence } from './gate.ts';

type Judged = ModelEvidence & Pick<BundleEvidence, 'limits'>;

export const samples: Gate<Judged> = {
  code: 'samples',
  vetoes: 'A model learned from fewer rows than the limit.',
  threshold: { key: 'quality_min_samples' },
  check: ({ job, limits }) => checkSamples(job, limits.quality_min_samples),
};

export const f1: Gate<Judged> = {
  code: 'f1',
  vetoes:
    'An F1 on the holdout, with as many positive answers as there are positives out of fold, below the limit; only of models in `quality_f1_gates`.',
  threshold: { key: 'quality_f1_floor' },
  check: (model) =>
    checkF1(qualityCase(model), qualityLimits({ retrain: model.limits }, model.job.name as QualityModel).f1_floor),
};

export const f1AboveChance: Gate<ModelEvidence> = {
  code: 'f1_above_chance',
  vetoes: 'An F1 on the holdout, plain or with balanced classes, that as many random positive answers may have.',
  threshold: { fixed: 'chance, and its error' },
  check: (model) => checkF1AboveChance(qualityCase(model)),
};

export const aucAboveNoise: Gate<ModelEvidence> = {
  code: 'auc_above_noise',
  vetoes: 'An AUC on the holdout, each row weighted by the uniqueness of its label, that may be chance.',
  threshold: { fixed: '½, and its error' },
  check: (model) => checkRanking(qualityCase(model)),
};

function qualityCase({ job, validation: { holdoutScores, rate } }: ModelEvidence): QualityCase {
  const { holdout } = job.rows;
  const { y: labels, time, labelEnd } = holdout;
  const uniqueness = rowUniqueness(holdout);
  return { samples: job.samples, scores: holdoutScores, labels, rate, uniqueness, time, labelEnd };
}
