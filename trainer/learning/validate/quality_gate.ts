import type { ModelName } from '../../../shared/core/features/feature.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import { balancedWeights, confusion, confusionMetrics, rateThreshold } from '../measures/confusion.ts';
import type { Blocks } from '../statistics/block_bootstrap.ts';
import { meanTest } from '../statistics/mean_test.ts';
import { auc } from '../measures/metrics.ts';
import { aucShares } from '../measures/ranking.ts';
import { labelSeconds, timeBlocks, type TimedRows } from '../statistics/time_blocks.ts';

/** Models with a binary answer. AI3 predicts a share. */
export const QUALITY_MODELS = ['ai1', 'ai2'] as const satisfies readonly ModelName[];
export type QualityModel = (typeof QUALITY_MODELS)[number];

/** Share of models without skill that a gate lets pass. */
export const QUALITY_LEVEL = 0.02;

export interface QualityLimits {
  /** Rows a model must have been learned from. */
  readonly min_samples: number;
  /** Minimum plain F1; null: none. */
  readonly f1_floor: number | null;
}

export function qualityLimits({ retrain }: Pick<Settings, 'retrain'>, model: QualityModel): QualityLimits {
  return { min_samples: retrain.quality_min_samples, f1_floor: f1Floor({ retrain }, model) };
}

/** Minimum plain F1 of a model by the policy; null: none. */
export function f1Floor(
  { retrain }: { readonly retrain: Pick<Settings['retrain'], 'quality_f1_floor' | 'quality_f1_gates'> },
  model: Settings['retrain']['quality_f1_gates'][number],
): number | null {
  return retrain.quality_f1_gates.includes(model) ? retrain.quality_f1_floor : null;
}

/** Answers on rows that the model was not trained on, with labels of 0 and 1. */
export interface QualityCase extends TimedRows {
  /** Rows it was learned from. */
  readonly samples: number;
  readonly scores: ArrayLike<number>;
  readonly labels: ArrayLike<number>;
  /** Share of positive answers, the highest ones. Chosen on other rows: the share of positives there. */
  readonly rate: number;
  /** Uniqueness of each row's label (noise.ts). */
  readonly uniqueness: ArrayLike<number>;
}

/**
 * The quality gate of a model: enough samples, an F1 at its floor where the policy has one, an F1 above that of chance,
 * and an AUC above noise.
 * @throws RangeError when lengths differ or a label is neither 0 nor 1
 */
export function checkQuality(quality: QualityCase, limits: QualityLimits): GateResult[] {
  return [
    checkSamples(quality, limits.min_samples),
    checkF1(quality, limits.f1_floor),
    checkF1AboveChance(quality),
    checkRanking(quality),
  ];
}

export function checkSamples({ samples }: Pick<QualityCase, 'samples'>, least: number): GateResult {
  return {
    code: 'samples',
    role: null,
    passed: samples >= least,
    value: samples,
    relation: '>=',
    limit: least,
    unit: 'count',
    evidence: {},
  };
}

/** F1 of a model's positive answers beside that of a predictor that draws as many at random. */
export interface F1Figures {
  /** Answers above it are positive. */
  readonly threshold: number;
  readonly f1: number;
  readonly f1_chance: number;
  /** Lower bound of F1 − chance at `QUALITY_LEVEL`; null with too few periods. */
  readonly f1_gain_lower: number | null;
  /** With equally weighted classes, so that it does not depend on the share of positives. */
  readonly f1_balanced: number;
  readonly f1_balanced_chance: number;
}

/**
 * Both F1 with those of chance. At a rate r of positive answers and a share π of positives, F1 is linear in the share
 * of true positives; that of a random predictor with the same rate is r·π, F1 2rπ / (r + π). What the model has above
 * it is the mean of (answer − r)(label − π), tested over periods of the length of a label, with the rows of all pairs
 * together. With balanced classes the chance is 2r / (2r + 1), and the difference has the same sign.
 * @returns null for rows of one class, or one answer, which are inconclusive
 */
export function f1Figures({ scores, labels, rate, time, labelEnd }: QualityCase): F1Figures | null {
  const threshold = rateThreshold(scores, rate);
  const table = confusion(scores, labels, threshold);
  const { f1, balanced_accuracy } = confusionMetrics(table);
  const f1_balanced = confusionMetrics(confusion(scores, labels, threshold, balancedWeights(labels))).f1;
  if (f1 === null || f1_balanced === null || balanced_accuracy === null) return null;
  const positives = (table.true_positive + table.false_negative) / labels.length;
  const answered = (table.true_positive + table.false_positive) / labels.length;
  if (!(answered > 0 && answered < 1)) return null;
  const test = meanTest(
    timeBlocks(
      time,
      labelSeconds({ time, labelEnd }),
      (row) => ((scores[row]! > threshold ? 1 : 0) - answered) * (labels[row]! - positives),
    ),
  );
  return {
    threshold,
    f1,
    f1_chance: (2 * answered * positives) / (answered + positives),
    f1_gain_lower: test === null ? null : (2 * test.lowerBound(QUALITY_LEVEL)) / (answered + positives),
    f1_balanced,
    f1_balanced_chance: (2 * answered) / (2 * answered + 1),
  };
}

export function checkF1(quality: QualityCase, floor: number | null): GateResult {
  const found = f1Figures(quality);
  return {
    code: 'f1',
    role: null,
    passed: floor === null || (found !== null && found.f1 >= floor),
    value: found?.f1 ?? null,
    relation: floor === null ? null : '>=',
    limit: floor,
    unit: 'score',
    evidence: found === null ? {} : { f1_balanced: found.f1_balanced },
  };
}

/** Both F1 above those of a random predictor of the same rate, beyond chance. */
export function checkF1AboveChance(quality: QualityCase): GateResult {
  const found = f1Figures(quality);
  const gain = found?.f1_gain_lower ?? null;
  const judged = { code: 'f1_above_chance', role: null, value: found?.f1 ?? null, unit: 'score' } as const;
  if (found === null || gain === null) {
    const evidence = { ...TOO_FEW, ...(found !== null && { f1_balanced: found.f1_balanced }) };
    return { ...judged, passed: false, relation: null, limit: null, evidence };
  }
  const { f1, f1_chance, f1_balanced, f1_balanced_chance } = found;
  return {
    ...judged,
    passed: gain > 0 && f1_balanced > f1_balanced_chance,
    relation: '>',
    limit: f1 - gain,
    evidence: { f1_balanced, f1_chance, f1_balanced_chance, error: f1 - f1_chance - gain },
  };
}

/** No limit: there are too few periods for an error. */
const TOO_FEW = { reason: 'too_few' } as const;

/** An AUC, rows weighted by their uniqueness, above ½ beyond chance, over periods as the F1. */
export function checkRanking({ scores, labels, uniqueness, time, labelEnd }: QualityCase): GateResult {
  const shares = aucShares(scores, labels, uniqueness);
  const test = shares && meanTest(sumsOf(shares, { time, labelEnd }));
  const rank = auc(scores, labels, uniqueness);
  const lower = test && 0.5 + test.lowerBound(QUALITY_LEVEL) * test.blocks;
  const judged = { code: 'auc_above_noise', role: null, value: rank, unit: 'score' } as const;
  if (lower === null) return { ...judged, passed: false, relation: null, limit: null, evidence: TOO_FEW };
  const error = rank! - lower;
  return { ...judged, passed: lower > 0.5, relation: '>', limit: 0.5 + error, evidence: { error } };
}

/** Sums over periods of the length of a label, each counting once: their mean times their number is the sum of all. */
export function sumsOf(shares: Float64Array, rows: TimedRows): Blocks {
  const { sum } = timeBlocks(rows.time, labelSeconds(rows), (row) => shares[row]!);
  return { sum, count: new Float64Array(sum.length).fill(1) };
}
