/** Upper bounds: of the training rows, so large a share is below each of them by what novelty is. */
export const NOVELTY_BUCKETS: readonly number[] = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1];

/** Index of the bucket of a novelty. @param novelty 0 to 1 */
export function noveltyBucket(novelty: number): number {
  let bucket = 0;
  while (novelty > NOVELTY_BUCKETS[bucket]!) bucket++;
  return bucket;
}

/** Share of the training rows in each bucket. */
export const TRAINING_SHARES: readonly number[] = NOVELTY_BUCKETS.map((to, i) => to - (NOVELTY_BUCKETS[i - 1] ?? 0));
