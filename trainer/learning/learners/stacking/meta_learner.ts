import type { Fitted } from '../contract/fitted.ts';
import { fitLogistic } from '../linear/logistic.ts';
import { logitsOf, type AnsweredRows } from './answered_rows.ts';
import { fitConditionalLogit } from './conditional_logit.ts';
import { greedyWeights } from './greedy_weights.ts';
import { widthOf, type Mixture } from '../mixture/mixture.ts';

export type LearnedMeta = Pick<Mixture, 'weights' | 'of' | 'intercept'>;

/** Weighs all members alike. @param probabilities whether the mean is of probabilities, or of their logits */
export function equalMeta(members: readonly Fitted[], probabilities: boolean): LearnedMeta {
  const weights = new Float64Array(members.length).fill(1 / members.length);
  return { weights, ...meanOf(widthOf({ members }), probabilities) };
}

/** Weights of a mean, chosen greedily and shrunk halfway to equal ones. */
export function greedyMeta(rows: AnsweredRows, probabilities: boolean): LearnedMeta {
  return { weights: greedyWeights(rows, probabilities), ...meanOf(rows.width, probabilities) };
}

/**
 * Ridge logistic regression on the answers, as coefficients of the answers themselves; of classes a conditional one,
 * which has a coefficient for each member and an intercept for each class.
 */
export function logisticMeta(rows: AnsweredRows, probabilities: boolean): LearnedMeta {
  const values = probabilities ? rows.answers : rows.answers.map((own) => logitsOf(own, rows.width));
  const of = probabilities ? 'probability' : 'logit';
  if (rows.width > 1) return { of, ...fitConditionalLogit({ ...rows, values, classes: rows.width }) };
  return { of, ...binaryLogit(rows, values) };
}

function binaryLogit(
  { labels, weights }: AnsweredRows,
  answers: readonly Float64Array[],
): Pick<LearnedMeta, 'weights' | 'intercept'> {
  const columns = answers.length;
  const values = new Float32Array(labels.length * columns);
  answers.forEach((own, column) => own.forEach((value, row) => (values[row * columns + column] = value)));
  const rows = { x: { rows: labels.length, columns, values }, y: labels, weights };
  const { scaling, coefficients, intercept } = fitLogistic(rows, Int32Array.from(labels.keys()), [...answers.keys()]);
  const own = coefficients.map((coefficient, i) => coefficient * scaling.inverse[i]!);
  return { weights: own, intercept: [own.reduce((sum, weight, i) => sum - weight * scaling.mean[i]!, intercept)] };
}

function meanOf(width: number, probabilities: boolean): Pick<LearnedMeta, 'of' | 'intercept'> {
  if (probabilities) return { of: 'probability', intercept: null };
  return { of: 'logit', intercept: Array.from({ length: width }, () => 0) };
}
