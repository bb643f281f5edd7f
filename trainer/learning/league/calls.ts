import { confusion, confusionMetrics, type Confusion, type ConfusionMetrics } from '../measures/confusion.ts';
import { detailedMetrics, type DetailedMetrics } from '../measures/model_metrics.ts';
import type { Split } from '../splits/splits.ts';
import { spreadOverFolds, type Spread } from '../validate/report.ts';

/** What probabilities say as calls of one class or the other. */
export interface Calls extends ConfusionMetrics {
  /** A probability above it is a positive call. */
  readonly threshold: number;
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

export function callsOf(probabilities: ArrayLike<number>, labels: ArrayLike<number>, threshold: number): Calls {
  const table = confusion(probabilities, labels, threshold);
  return { threshold, confusion: table, ...confusionMetrics(table) };
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
