import { rescaledLogits } from '../contract/rescaled.ts';
import { fitLogistic } from '../linear/logistic.ts';
import type { AnsweredRows } from './answered_rows.ts';
import { greedyWeights } from './greedy_weights.ts';
import type { Mixture } from '../mixture/mixture.ts';

export type LearnedMeta = Pick<Mixture, 'weights' | 'of' | 'intercept'>;

/** Weighs all members alike. @param probabilities whether the mean is of probabilities, or of their logits */
export function equalMeta(members: number, probabilities: boolean): LearnedMeta {
  return { weights: new Float64Array(members).fill(1 / members), ...meanOf(probabilities) };
}

/** Weights of a mean, chosen greedily and shrunk halfway to equal ones. */
export function greedyMeta(rows: AnsweredRows, probabilities: boolean): LearnedMeta {
  return { weights: greedyWeights(rows, probabilities), ...meanOf(probabilities) };
}

/** Ridge logistic regression on the answers, as coefficients of the answers themselves. */
export function logisticMeta({ answers, labels, weights }: AnsweredRows, probabilities: boolean): LearnedMeta {
  const columns = answers.length;
  const of = probabilities ? answers : answers.map((own) => rescaledLogits(own, null));
  const values = new Float32Array(labels.length * columns);
  of.forEach((own, column) => own.forEach((value, row) => (values[row * columns + column] = value)));
  const rows = { x: { rows: labels.length, columns, values }, y: labels, weights };
  const { scaling, coefficients, intercept } = fitLogistic(rows, Int32Array.from(labels.keys()), [...of.keys()]);
  const own = coefficients.map((coefficient, i) => coefficient * scaling.inverse[i]!);
  return {
    weights: own,
    of: probabilities ? 'probability' : 'logit',
    intercept: own.reduce((sum, weight, i) => sum - weight * scaling.mean[i]!, intercept),
  };
}

function meanOf(probabilities: boolean): Pick<LearnedMeta, 'of' | 'intercept'> {
  return probabilities ? { of: 'probability', intercept: null } : { of: 'logit', intercept: 0 };
}
