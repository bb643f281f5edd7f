import { auc } from './metrics.ts';

/** Answers of one fit to the rows that it is tested on, [rows]. */
export interface SplitAnswers {
  readonly scores: ArrayLike<number>;
  /** 0 or 1. */
  readonly labels: ArrayLike<number>;
}

/**
 * AUC of rows that several fits have answered: the mean of the splits' own, each weighted by its pairs of a positive
 * and a negative row. It is the probability that a positive row scores above a negative one of the same split. Over all
 * rows together it would compare the levels of fits: a fit without the positives of its split has a lower level, so
 * that base rates alone would have an AUC below one half.
 * @returns null when no split has rows of both classes
 */
export function splitAuc(splits: readonly SplitAnswers[]): number | null {
  let won = 0;
  let pairs = 0;
  for (const { scores, labels } of splits) {
    const own = auc(scores, labels);
    if (own === null) continue;
    let positives = 0;
    for (let row = 0; row < labels.length; row++) positives += labels[row]!;
    const weight = positives * (labels.length - positives);
    won += weight * own;
    pairs += weight;
  }
  return pairs > 0 ? won / pairs : null;
}
