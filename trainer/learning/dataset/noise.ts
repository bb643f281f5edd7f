import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import { averageUniqueness } from '../label/uniqueness.ts';
import { positions, type ValidationRows } from './rows.ts';

/**
 * Standard error of an AUC (Hanley & McNeil 1982) with so many positive and negative rows, which must be independent of
 * one another: for overlapping labels pass the sums of their uniqueness. At an AUC of ½ it is that of the rank-sum
 * test, √((p + n + 1) / 12pn).
 * @returns Infinity where a class is empty
 */
export function aucStandardError(auc: number, positives: number, negatives: number): number {
  if (!(positives > 0 && negatives > 0)) return Infinity;
  const twoPositives = auc / (2 - auc) - auc * auc;
  const twoNegatives = (2 * auc * auc) / (1 + auc) - auc * auc;
  // Sums of uniqueness may be below one row: the missing pairs must not become negative.
  const morePositives = Math.max(0, positives - 1) * twoPositives;
  const moreNegatives = Math.max(0, negatives - 1) * twoNegatives;
  return Math.sqrt((auc * (1 - auc) + morePositives + moreNegatives) / (positives * negatives));
}

/**
 * Average uniqueness of each row's label among these rows (López de Prado 2018, ch. 4), [rows] in (0, 1]: rows of the
 * same pair whose label intervals overlap share them. The sum is about the equivalent number of independent rows.
 * Minutes are counted by the clock, those of a closed market included.
 */
export function rowUniqueness({
  time,
  labelEnd,
  pair,
}: Pick<ValidationRows, 'time' | 'labelEnd' | 'pair'>): Float64Array {
  const uniqueness = new Float64Array(time.length);
  for (const of of new Set(pair)) {
    const own = positions(time.length, (row) => pair[row] === of);
    let first = Infinity;
    for (const row of own) first = Math.min(first, time[row]!);
    const minute = (seconds: number): number => Math.round((seconds - first) / SECONDS_PER_BAR);
    const from = own.map((row) => minute(time[row]!));
    const end = own.map((row) => Math.max(minute(time[row]!) + 1, minute(labelEnd[row]!)));
    const shares = averageUniqueness(from, end, end.reduce((last, at) => Math.max(last, at), 0) + 1);
    own.forEach((row, i) => (uniqueness[row] = shares[i]!));
  }
  return uniqueness;
}
