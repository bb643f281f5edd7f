import type { ModelMetrics } from '../../../shared/bundle/manifest.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { withRows } from './contract/fit_rows.ts';
import type { Fitted } from './contract/fitted.ts';
import { modelMetrics } from '../measures/model_metrics.ts';
import { pick, positions, type Fit, type ValidationRows } from '../dataset/rows.ts';
import { kFoldSplits, type Split } from '../splits/splits.ts';

/** One answer per row. */
export type Scorer<Model> = (model: Model, x: Matrix) => Float64Array;

/** A split with the model of its training rows, and the scores of its test rows. */
export interface FoldModel<Model = Fitted> extends Split {
  readonly model: Model;
  /** [test rows] */
  readonly scores: Float64Array;
  readonly metrics: ModelMetrics;
}

/** One model per split, trained by `fit` on the training rows and measured on the test rows. */
export async function validateSplits<Rows extends ValidationRows, Model>(
  rows: Rows,
  splits: readonly Split[],
  fit: Fit<Rows, Model>,
  answer: Scorer<Model>,
): Promise<FoldModel<Model>[]> {
  const models = await Promise.all(splits.map(({ train }) => fit(rows, train)));
  return splits.map((split, i) => {
    const model = models[i]!;
    const scores = withRows(rows.x, split.test, (x) => answer(model, x));
    return { ...split, model, scores, metrics: modelMetrics(scores, pick(rows.y, split.test)) };
  });
}

/** The answers of a model with one answer per row. */
export const fittedAnswers: Scorer<Fitted> = (model, x) => model.answers(x);

/** `validateSplits` of models with one answer over purged k-fold with embargo (seconds). */
export function crossValidate<Rows extends ValidationRows>(
  rows: Rows,
  folds: number,
  embargo: number,
  fit: Fit<Rows, Fitted>,
): Promise<FoldModel[]> {
  return validateSplits(rows, kFoldSplits(rows, folds, embargo), fit, fittedAnswers);
}

/** Score of every row by its fold model; NaN and split −1 for rows that no split tests. [rows] */
export function testedScores(
  models: readonly Pick<FoldModel, 'test' | 'scores'>[],
  rows: number,
): { scores: Float64Array; split: Int32Array } {
  const scores = new Float64Array(rows).fill(NaN);
  const split = new Int32Array(rows).fill(-1);
  models.forEach((fold, index) =>
    fold.test.forEach((row, i) => {
      scores[row] = fold.scores[i]!;
      split[row] = index;
    }),
  );
  return { scores, split };
}

/** Index of the model whose test period contains each row; −1 = none. [rows] */
export function splitOfTime(models: readonly Pick<Split, 'from' | 'until'>[], time: ArrayLike<number>): Int32Array {
  return Int32Array.from(time, (at) => models.findIndex(({ from, until }) => at >= from && at < until));
}

/** Scores of any rows by the fold models, each row by the model of its time; NaN without one. */
export function outOfFold(
  models: readonly Pick<FoldModel, 'model' | 'from' | 'until'>[],
  rows: Pick<ValidationRows, 'x' | 'time'>,
): Float64Array {
  const scores = new Float64Array(rows.x.rows).fill(NaN);
  const split = splitOfTime(models, rows.time);
  models.forEach(({ model }, index) => {
    const own = positions(rows.x.rows, (row) => split[row] === index);
    withRows(rows.x, own, (x) => model.answers(x)).forEach((score, i) => (scores[own[i]!] = score));
  });
  return scores;
}
