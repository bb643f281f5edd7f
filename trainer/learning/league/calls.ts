import { confusion, confusionMetrics, type Confusion, type ConfusionMetrics } from '../measures/confusion.ts';
import { detailedMetrics, type DetailedMetrics } from '../measures/model_metrics.ts';
import type { SplitAnswers } from '../measures/split_auc.ts';
import type { Split } from '../splits/splits.ts';
import { spreadOverFolds, type Spread } from '../validate/report.ts';

/**
 * What probabilities say as calls of one class or the other. Where several fits answer, each metric is the mean of
 * those splits that have it, weighted by their rows: over all rows together, fits of different levels have a balanced
 * accuracy below one half where nothing is known.
 */
export interface Calls extends ConfusionMetrics {
  /** A probability above it is a positive call. */
  readonly threshold: number;
  /** Sums over the splits. */
  readonly confusion: Confusion;
}

/** Measures whose spread over splits a league states. */
export const SPREAD_MEASURES = [
  'log_loss',
  'brier',
  'auc',
  'ece',
  'balanced_accuracy',
  'macro_precision',
  'macro_f1',
] as const satisfies readonly (keyof DetailedMetrics)[];

/** Mean, variance, extremes and coefficient of variation of each measure over the splits that have it. */
export type SpreadOfSplits = Readonly<Partial<Record<(typeof SPREAD_MEASURES)[number], Spread>>>;

/** @param splits what each fit has answered, at least one */
export function callsOf(splits: readonly SplitAnswers[], threshold: number): Calls {
  const tables = splits.map(({ scores, labels }) => confusion(scores, labels, threshold));
  const metrics = tables.map(confusionMetrics);
  const sum = (name: keyof Confusion): number => tables.reduce((total, table) => total + table[name], 0);
  const mean = (name: keyof ConfusionMetrics): number | null => {
    let total = 0;
    let rows = 0;
    metrics.forEach((own, index) => {
      const value = own[name];
      if (value === null) return;
      const weight = splits[index]!.labels.length;
      total += weight * value;
      rows += weight;
    });
    return rows > 0 ? total / rows : null;
  };
  return {
    threshold,
    confusion: {
      true_positive: sum('true_positive'),
      false_positive: sum('false_positive'),
      false_negative: sum('false_negative'),
      true_negative: sum('true_negative'),
    },
    accuracy: mean('accuracy'),
    precision: mean('precision'),
    recall: mean('recall'),
    f1: mean('f1'),
    balanced_accuracy: mean('balanced_accuracy'),
    macro_precision: mean('macro_precision'),
    macro_f1: mean('macro_f1'),
    matthews: mean('matthews'),
  };
}

/**
 * @param scored of the rows of all splits, in their order, [rows]
 * @param threshold between the classes
 */
export function spreadOfSplits(
  splits: readonly Pick<Split, 'test'>[],
  { probabilities, y }: { readonly probabilities: Float64Array; readonly y: Float64Array },
  threshold: number,
): SpreadOfSplits {
  let from = 0;
  const measured = splits.map(({ test }) => {
    const until = from + test.length;
    const own = detailedMetrics(probabilities.subarray(from, until), y.subarray(from, until), threshold);
    from = until;
    return Object.fromEntries(SPREAD_MEASURES.map((name) => [name, own[name]]));
  });
  return spreadOverFolds(measured);
}
