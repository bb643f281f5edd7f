import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { meanOf } from '../../../shared/statistics.ts';
import { auc } from '../measures/metrics.ts';

/** What one column alone tells of a binary label. */
export interface ColumnSkill {
  readonly name: string;
  /** The better one of a ranking by its values and of one by what its values meant on the other half of the rows. */
  readonly auc: number;
}

export interface LabeledColumns {
  /** [rows, columns]; NaN = missing. */
  readonly x: Matrix;
  /** 0 or 1, [rows]. */
  readonly y: ArrayLike<number>;
  readonly names: readonly string[];
}

const BINS = 32;
/** Larger tables are read in part: the bound is far from what chance adds on so many rows. */
export const MAX_ROWS = 40_000;

/**
 * AUC of each column alone, missing values lowest or highest. Since a tree also finds what is not monotonic, the
 * values are put into 32 bins of equal size as well, and the shares of positives that one half of the rows has in them
 * rank the other half.
 * @param maxRows of a larger table every second, third … row is read
 * @returns in the order of the columns; empty without rows of both classes
 */
export function columnSkills({ x, y, names }: LabeledColumns, maxRows = MAX_ROWS): ColumnSkill[] {
  const stride = Math.max(1, Math.ceil(x.rows / maxRows));
  const rows = Math.floor((x.rows + stride - 1) / stride);
  const labels = Float64Array.from({ length: rows }, (_, i) => y[i * stride]!);
  const positives = labels.reduce((sum, label) => sum + label, 0);
  if (positives === 0 || positives === rows) return [];
  const columns = names.length;
  return names.map((name, c) => {
    const values = Float64Array.from({ length: rows }, (_, i) => x.values[i * stride * columns + c]!);
    return { name, auc: Math.max(rankedAuc(values, labels), binnedAuc(values, labels)) };
  });
}

/** @throws MinutehandError FEATURE_FORESIGHT that names each column above the bound */
export function refuseImplausibleColumns(skills: readonly ColumnSkill[], bound: number, place: string): void {
  const beyond = skills.filter((column) => column.auc > bound).sort((one, other) => other.auc - one.auc);
  if (beyond.length === 0) return;
  const shown = beyond.map((column) => `${column.name} with an AUC of ${column.auc.toFixed(3)}`);
  throw new MinutehandError('FEATURE_FORESIGHT', {
    seen: `${place}: ${shown.join(', ')}`,
    expected: `no single feature above ${bound}`,
  });
}

/** AUC of the values, of either direction, with missing ones below or above all others. */
function rankedAuc(values: Float64Array, labels: Float64Array): number {
  const sides = values.some((value) => Number.isNaN(value)) ? [-Infinity, Infinity] : [0];
  const found = sides.map((missing) => {
    const ranked = auc(
      values.map((value) => (Number.isNaN(value) ? missing : value)),
      labels,
    );
    return Math.max(ranked ?? 0.5, 1 - (ranked ?? 0.5));
  });
  return Math.max(...found);
}

/** AUC of the share of positives in a value’s bin, on the half of the rows that did not count them. */
function binnedAuc(values: Float64Array, labels: Float64Array): number {
  const half = values.length >> 1;
  if (half < BINS) return 0.5;
  const bin = binsOf(values);
  const halves = [
    [0, half],
    [half, values.length],
  ] as const;
  const found = halves.map(([from, to], i) => {
    const [otherFrom, otherTo] = halves[1 - i]!;
    const shares = sharesOf(bin.subarray(otherFrom, otherTo), labels.subarray(otherFrom, otherTo));
    const scores = Float64Array.from(bin.subarray(from, to), (own) => shares[own]!);
    return auc(scores, labels.subarray(from, to)) ?? 0.5;
  });
  return (found[0]! + found[1]!) / 2;
}

/** Bin of each value, 0…31 by rank; missing values have one of their own. */
function binsOf(values: Float64Array): Uint8Array {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  const borders = Float64Array.from(
    { length: BINS - 1 },
    (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / BINS)] ?? Infinity,
  );
  return Uint8Array.from(values, (value) => {
    if (Number.isNaN(value)) return BINS;
    let below = 0;
    while (below < borders.length && borders[below]! <= value) below++;
    return below;
  });
}

/** Share of positives per bin, drawn to the mean where a bin has few rows. */
function sharesOf(bin: Uint8Array, labels: Float64Array): Float64Array {
  const mean = meanOf(labels);
  const positives = new Float64Array(BINS + 1);
  const counts = new Float64Array(BINS + 1);
  bin.forEach((own, i) => {
    positives[own]! += labels[i]!;
    counts[own]!++;
  });
  return positives.map((sum, own) => (sum + mean) / (counts[own]! + 1));
}
