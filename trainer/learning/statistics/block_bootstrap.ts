import { createRng } from '../../../shared/rng.ts';

const RESAMPLES = 2000;

/** Sums over one block of time, such as a trading day. */
export interface Blocks {
  readonly sum: ArrayLike<number>;
  readonly count: ArrayLike<number>;
}

/**
 * Stationary bootstrap (Politis & Romano 1994) of the mean Σ sum / Σ count over blocks in order of time: runs of blocks
 * of geometric length, mean n^(1/3), that wrap around the end. Resamples without a count have no mean.
 * @returns the means, ascending
 */
export function resampledMeans({ sum, count }: Blocks, seed: string, resamples = RESAMPLES): Float64Array {
  const n = sum.length;
  const rng = createRng(seed);
  const jump = 1 / meanRun(n);
  const means: number[] = [];
  for (let resample = 0; resample < resamples; resample++) {
    let total = 0;
    let counted = 0;
    let at = 0;
    for (let taken = 0; taken < n; taken++) {
      at = taken === 0 || rng.uniform() < jump ? rng.integer(n) : (at + 1) % n;
      total += sum[at]!;
      counted += count[at]!;
    }
    if (counted > 0) means.push(total / counted);
  }
  return Float64Array.from(means).sort();
}

/** Mean number of blocks in a run, of `n` blocks. */
export function meanRun(n: number): number {
  return Math.max(1, Math.round(Math.cbrt(n)));
}

/** The value below which `share` of ascending values lie; null of none. */
export function quantileOf(ascending: Float64Array, share: number): number | null {
  return ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))] ?? null;
}
