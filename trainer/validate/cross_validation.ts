import type { ModelMetrics } from '../../shared/bundle/manifest.ts';
import type { LabelledRows } from '../dataset/dataset.ts';
import { takeLabels, takeRows } from '../learn/fit.ts';
import { predict, type TreeEnsemble } from '../learn/gbdt.ts';
import { modelMetrics } from './model_metrics.ts';
import { purgedKFold } from './purged_kfold.ts';

export interface FoldModel {
  readonly ensemble: TreeEnsemble;
  /** Epoch seconds: the test block is [from, until); blocks follow one another without a gap. */
  readonly from: number;
  readonly until: number;
  readonly metrics: ModelMetrics;
}

/** One model per purged fold, learned by `fit` from the fold's training rows and measured on the block it never saw. `embargo` in seconds. */
export async function crossValidate(
  rows: LabelledRows,
  folds: number,
  embargo: number,
  fit: (rows: LabelledRows, train: Int32Array) => Promise<TreeEnsemble>,
): Promise<FoldModel[]> {
  const parts = purgedKFold(rows.time, rows.labelEnd, folds, embargo);
  const starts = parts.map(({ test }) => test.reduce((least, row) => Math.min(least, rows.time[row]!), Infinity));
  const ensembles = await Promise.all(parts.map(({ train }) => fit(rows, train)));
  return parts.map(({ test }, fold) => {
    const ensemble = ensembles[fold]!;
    const scores = predict(ensemble, takeRows(rows.x, test));
    return {
      ensemble,
      from: fold === 0 ? -Infinity : starts[fold]!,
      until: starts[fold + 1] ?? Infinity,
      metrics: modelMetrics(scores, takeLabels(rows.y, test)),
    };
  });
}

/** The answers of the fold models to `rows`, each row by the model that did not see its time. */
export function outOfFold(models: readonly FoldModel[], rows: LabelledRows): Float64Array {
  const scores = new Float64Array(rows.x.rows);
  for (const { ensemble, from, until } of models) {
    const own: number[] = [];
    for (let row = 0; row < rows.x.rows; row++) if (rows.time[row]! >= from && rows.time[row]! < until) own.push(row);
    predict(ensemble, takeRows(rows.x, own)).forEach((score, i) => (scores[own[i]!] = score));
  }
  return scores;
}
