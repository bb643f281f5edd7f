import type { PairedGain } from '../../../shared/bundle/manifest.ts';
import { ln } from '../../../shared/elementary.ts';
import { errorsOfChance, meanOverBlocks } from '../statistics/cluster.ts';
import { normalQuantile } from '../statistics/normal.ts';

/** Probability of choosing any own model if none is better, over all models of all groups (Bonferroni). */
export const GROUP_SIGNIFICANCE = 0.05;
const DAY_S = 86_400;

export interface PairedScores {
  readonly y: ArrayLike<number>;
  /** Epoch seconds. */
  readonly time: ArrayLike<number>;
  /** Out-of-fold predictions; NaN: the row is excluded. */
  readonly own: ArrayLike<number>;
  readonly pooled: ArrayLike<number>;
}

/**
 * Log loss of the pooled model minus that of the own one on the same rows, with the standard error of a mean over UTC
 * days (rows of a day are dependent). The own model is chosen if the gain is significant by a one-sided Student's t
 * test at `GROUP_SIGNIFICANCE` ÷ `comparisons`.
 */
export function pairedGain({ y, time, own, pooled }: PairedScores, comparisons: number): PairedGain {
  const gains: number[] = [];
  const blocks: number[] = [];
  const dayOf = new Map<number, number>();
  let ownLoss = 0;
  let pooledLoss = 0;
  for (let row = 0; row < y.length; row++) {
    if (Number.isNaN(own[row]) || Number.isNaN(pooled[row])) continue;
    const ofOwn = lossOf(own[row]!, y[row]!);
    const ofPooled = lossOf(pooled[row]!, y[row]!);
    ownLoss += ofOwn;
    pooledLoss += ofPooled;
    gains.push(ofPooled - ofOwn);
    const day = Math.floor(time[row]! / DAY_S);
    if (!dayOf.has(day)) dayOf.set(day, dayOf.size);
    blocks.push(dayOf.get(day)!);
  }
  const { mean, standardError } = meanOverBlocks(gains, blocks, dayOf.size);
  const required = errorsOfChance(-normalQuantile(GROUP_SIGNIFICANCE / comparisons), dayOf.size);
  return {
    rows: gains.length,
    days: dayOf.size,
    own_log_loss: gains.length === 0 ? null : ownLoss / gains.length,
    pooled_log_loss: gains.length === 0 ? null : pooledLoss / gains.length,
    gain: mean,
    standard_error: finite(standardError),
    required: finite(required),
    chosen: mean !== null && mean > 0 && mean > required * standardError,
  };
}

function lossOf(p: number, y: number): number {
  const kept = Math.min(Math.max(p, 1e-15), 1 - 1e-15);
  return -(y * ln(kept) + (1 - y) * ln(1 - kept));
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
