import type { SplitAnswers } from '../measures/split_auc.ts';
import { studentUpper } from './student_t.ts';

const SECONDS_PER_DAY = 86_400;
/** Days over which the products of a day and later ones count: a label lasts up to a day, a regime longer. */
const LAG_DAYS = 3;

/** An AUC whose rows depend on each other within some days. */
export interface AucEstimate {
  readonly auc: number;
  readonly standard_error: number;
  /** Days with rows of either class. */
  readonly days: number;
}

/** Answers of one fit, with the time of each row. */
export interface SplitScores extends SplitAnswers {
  /** Epoch seconds, [rows]. */
  readonly time: ArrayLike<number>;
}

/**
 * AUC and its standard error for rows that overlap and move together. The AUC is a sum of one share per row (its rank
 * among the rows of the other class: DeLong, DeLong & Clarke-Pearson 1988); the shares are summed by UTC day, and the
 * sums of days up to three apart may correlate (Newey & West 1987).
 * @param labels 0 or 1, [rows]
 * @param time epoch seconds, [rows]
 * @returns null without rows of both classes, or with fewer than two days
 */
export function aucByDays(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  time: ArrayLike<number>,
): AucEstimate | null {
  return aucOfSplits([{ scores, labels, time }]);
}

/**
 * AUC and its standard error, as `aucByDays`, of splits that were scored by different fits. A row is ranked only within
 * its own split, and each split counts by its pairs of a positive and a negative row: fits differ in level, and a fit
 * without the split's positives has a lower one, so that ranks across splits are below one half where nothing is known.
 */
export function aucOfSplits(splits: readonly SplitScores[]): AucEstimate | null {
  const ranked = splits.flatMap((split) => rankedSplit(split) ?? []);
  const pairs = ranked.reduce((sum, own) => sum + own.positives * own.negatives, 0);
  if (pairs === 0) return null;
  let auc = 0;
  const byDay = new Map<number, number>();
  for (const { split, share, auc: own, positives, negatives } of ranked) {
    const weight = (positives * negatives) / pairs;
    auc += weight * own;
    for (let row = 0; row < share.length; row++) {
      const day = Math.floor(split.time[row]! / SECONDS_PER_DAY);
      const count = split.labels[row] === 1 ? positives : negatives;
      byDay.set(day, (byDay.get(day) ?? 0) + (weight * (share[row]! - own)) / count);
    }
  }
  const days = byDay.size;
  if (days < 2) return null;
  let variance = 0;
  for (const [day, own] of byDay) {
    variance += own * own;
    for (let lag = 1; lag <= LAG_DAYS; lag++) {
      const later = byDay.get(day + lag) ?? 0;
      variance += 2 * (1 - lag / (LAG_DAYS + 1)) * own * later;
    }
  }
  return { auc, standard_error: Math.sqrt(Math.max(0, (variance * days) / (days - 1))), days };
}

/** Ranks within one split; null without rows of both classes. */
function rankedSplit(split: SplitScores) {
  const { scores, labels } = split;
  const rows = scores.length;
  let positives = 0;
  for (let row = 0; row < rows; row++) positives += labels[row]!;
  const negatives = rows - positives;
  if (positives === 0 || negatives === 0) return null;
  const order = Uint32Array.from({ length: rows }, (_, row) => row).sort((a, b) => scores[a]! - scores[b]!);
  const share = placements(order, scores, labels, positives, negatives);
  let auc = 0;
  for (let row = 0; row < rows; row++) if (labels[row] === 1) auc += share[row]! / positives;
  return { split, share, auc, positives, negatives };
}

/** One-sided lower bound of an AUC at an error rate of `level`: Student's t with about as many degrees as days. */
export function aucLowerBound({ auc, standard_error, days }: AucEstimate, level: number): number {
  const degrees = Math.max(2, 2 * Math.floor((days - 1) / 2));
  return auc - studentUpper(level, degrees) * standard_error;
}

/** Of each positive the share of negatives below it, of each negative the share of positives above it; ties half. */
function placements(
  order: Uint32Array,
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  positives: number,
  negatives: number,
): Float64Array {
  const share = new Float64Array(order.length);
  let positivesBelow = 0;
  let negativesBelow = 0;
  for (let i = 0; i < order.length;) {
    let end = i;
    let tiedPositives = 0;
    while (end < order.length && scores[order[end]!] === scores[order[i]!]) tiedPositives += labels[order[end++]!]!;
    const tiedNegatives = end - i - tiedPositives;
    const ofPositives = (negativesBelow + tiedNegatives / 2) / negatives;
    const ofNegatives = (positives - positivesBelow - tiedPositives / 2) / positives;
    for (; i < end; i++) share[order[i]!] = labels[order[i]!] === 1 ? ofPositives : ofNegatives;
    positivesBelow += tiedPositives;
    negativesBelow += tiedNegatives;
  }
  return share;
}
