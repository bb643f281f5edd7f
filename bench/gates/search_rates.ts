import { createRng } from '../../shared/rng.ts';
import { pairedGain } from '../../trainer/learning/search/search.ts';

/** How often a search adopts a set, by the gain that its best trial really has. */
export interface SearchRate {
  readonly folds: number;
  readonly trials: number;
  /** Mean gain of the one better trial over the configured one, in standard deviations between folds; 0 is none. */
  readonly gain: number;
  readonly searches: number;
  readonly adopted: number;
}

export const SEARCH_GAINS: readonly number[] = [0, 1, 2, 3, 5, 8];
export const SEARCH_PLANS: readonly { readonly folds: number; readonly trials: number }[] = [
  { folds: 3, trials: 16 },
  { folds: 5, trials: 6 },
  { folds: 5, trials: 16 },
  { folds: 7, trials: 16 },
  { folds: 9, trials: 16 },
];

/**
 * Searches whose trials differ from the configured one by normal noise in each fold, and one of which is better. The
 * rule of `searchModel` decides about the trial of the greatest mean; walk-forward, which comes after it, is left out.
 */
export function searchRate(
  { folds, trials }: (typeof SEARCH_PLANS)[number],
  gain: number,
  searches: number,
): SearchRate {
  let adopted = 0;
  for (let search = 0; search < searches; search++) {
    const rng = createRng(`search ${folds} ${trials} ${gain} ${search}`);
    let best: readonly number[] | null = null;
    let bestMean = 0;
    for (let trial = 1; trial < trials; trial++) {
      const differences = Array.from({ length: folds }, () => rng.normal() + (trial === 1 ? gain : 0));
      const mean = differences.reduce((sum, own) => sum + own, 0) / folds;
      if (mean > bestMean) {
        best = differences;
        bestMean = mean;
      }
    }
    if (best === null) continue;
    const found = pairedGain(best, trials - 1);
    if (found.mean > found.required * found.standardError) adopted++;
  }
  return { folds, trials, gain, searches, adopted };
}
