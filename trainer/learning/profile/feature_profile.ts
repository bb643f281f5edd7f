import { lowerBound } from '../../../shared/bar_file/bar_file.ts';
import * as z from 'zod';
import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { riskQuantiles } from '../../../shared/strategies/pair_reversion/risk_rank.ts';
import { CALENDAR_FEATURES } from '../../../shared/core/features/calendar.ts';
import type { FeatureDefinition } from '../../../shared/core/features/feature.ts';
import { clusteredMean } from '../statistics/cluster.ts';
import { windowWorth, windowWorthSchema, type WindowWorth } from './window_worth.ts';

/** With fewer blocks the correlation between rows cannot be estimated. */
export const MIN_BLOCKS = 10;
/** Blocks that short spans are cut into: weekends leave some of them empty. */
const BLOCKS_WANTED = 15;
/** Markets stay calm or excited for hours. */
const MIN_BLOCK_MINUTES = 480;
const MAX_BLOCK_MINUTES = 1440;
const BINS = 10;
const QUANTILES = 100;

/** What a profile needs to know of a column. */
export type ProfiledColumn = Pick<FeatureDefinition, 'name' | 'models'>;

/** Rows of several pairs, in order of pair, then time: row i of `x` belongs to element i of the others. */
export interface ProfiledRows {
  readonly x: Matrix;
  /** Epoch seconds. */
  readonly time: Float64Array;
  /** Index into a list of pairs. */
  readonly pair: Int32Array;
}

const summarySchema = z.object({
  rows: z.int().nonnegative(),
  /** Rows in each bin; the last one is of rows in which the feature is missing. */
  counts: z.array(z.int().nonnegative()),
  /** Number of independent rows with the same information about the shares of the bins. */
  effective_rows: z.number().nonnegative(),
  /** Minutes of the blocks of time that have rows; absent in older bundles. */
  span_minutes: z.number().nonnegative().optional(),
  /** What windows of several lengths are worth, shortest first: of all pairs in training; absent in older bundles. */
  windows: z.array(windowWorthSchema).optional(),
  /** Of the rows that have the feature; null without any. `std` with ddof 1. */
  mean: z.number().nullable(),
  std: z.number().nullable(),
  /** Standard error of the mean, blocks of time taken as a whole; null where it is not known. */
  mean_error: z.number().nullable(),
});
/** Distribution of one column, in all rows or in those of a pair. */
export type ColumnSummary = z.infer<typeof summarySchema>;

export const featureProfileSchema = z.object({
  pairs: z.array(z.string()),
  features: z.array(
    z.object({
      name: z.string(),
      /** Upper ends of the bins but the last, ascending: deciles of all rows, those that are equal once. */
      edges: z.array(z.number()),
      /** Equally spaced quantiles of all rows, first = minimum, last = maximum; older bundles have none. */
      quantiles: z.array(z.number()).optional(),
      total: summarySchema,
      /** In the order of `pairs`. */
      by_pair: z.array(summarySchema),
    }),
  ),
});
/** Distribution of every feature in training: the reference for live features. Plain JSON. */
export type FeatureProfile = z.infer<typeof featureProfileSchema>;

/**
 * The distribution of each feature that a model may use, over rows evenly spaced in time (AI2's: AI1's are chosen by a
 * feature). The time features are left out: they only encode the clock.
 * @param pairs ids of the pairs that `rows.pair` names
 * @param lookBackBars of the features: `warmupBars`
 */
export function featureProfile(
  rows: ProfiledRows,
  definitions: readonly ProfiledColumn[],
  pairs: readonly string[],
  lookBackBars: number,
): FeatureProfile {
  const groups = groupRows(rows, pairs.length, lookBackBars);
  const features = watchedColumns(definitions).map((column) => {
    const values = columnOf(rows.x, column);
    const edges = decileEdges(values);
    const { total, byPair } = summarize(values, edges, groups);
    const quantiles = riskQuantiles(
      values.filter((value) => !Number.isNaN(value)),
      QUANTILES,
    );
    const windows = windowsOf(values, edges, groups);
    return { name: definitions[column]!.name, edges, quantiles, total: { ...total, windows }, by_pair: byPair };
  });
  return { pairs: [...pairs], features };
}

/** Columns that a model may use and that encode more than the time. */
export function watchedColumns(definitions: readonly ProfiledColumn[]): number[] {
  const calendar = new Set<string>(CALENDAR_FEATURES.map(({ name }) => name));
  return [...definitions.keys()].filter((column) => {
    const { name, models } = definitions[column]!;
    return models.length > 0 && !calendar.has(name);
  });
}

/** Stretches of time between which rows have next to nothing in common. */
export interface Blocks {
  readonly minutes: number;
  /** Of each row. */
  readonly of: Int32Array;
  readonly count: number;
}

/**
 * Days, so that hours of the day weigh in each block as in all; where there are not enough of them shorter ones, but
 * none shorter than eight hours or the look-back: features that far apart have no bar in common.
 */
export function blocksOf(time: ArrayLike<number>, lookBackBars: number): Blocks {
  let first = Infinity;
  let last = -Infinity;
  for (let i = 0; i < time.length; i++) {
    first = Math.min(first, time[i]!);
    last = Math.max(last, time[i]!);
  }
  const span = time.length === 0 ? 0 : (last - first) / SECONDS_PER_BAR + 1;
  const shortest = Math.max(MIN_BLOCK_MINUTES, lookBackBars, Math.floor(span / BLOCKS_WANTED));
  const seconds = Math.min(MAX_BLOCK_MINUTES, shortest) * SECONDS_PER_BAR;
  const of = Int32Array.from(time, (at) => Math.floor((at - first) / seconds));
  return {
    minutes: seconds / SECONDS_PER_BAR,
    of,
    count: time.length === 0 ? 0 : Math.floor((last - first) / seconds) + 1,
  };
}

/** Deciles of the values that are there: order statistics, so that they are values themselves. */
function decileEdges(values: Float32Array): number[] {
  const known = values.filter((value) => !Number.isNaN(value)).sort();
  const edges: number[] = [];
  for (let decile = 1; decile < BINS && known.length > 0; decile++) {
    const edge = known[Math.floor((decile * (known.length - 1)) / BINS)]!;
    if (edge !== edges.at(-1)) edges.push(edge);
  }
  return edges;
}

export function columnOf({ values, rows, columns }: Matrix, column: number): Float32Array {
  const own = new Float32Array(rows);
  for (let row = 0; row < rows; row++) own[row] = values[row * columns + column]!;
  return own;
}

/** Rows by what they are summed up by. */
export interface RowGroups {
  readonly all: Int32Array;
  readonly byPair: readonly Int32Array[];
  readonly blocks: Blocks;
}

export function groupRows({ time, pair }: ProfiledRows, pairs: number, lookBackBars: number): RowGroups {
  const all = Int32Array.from(pair, (_, row) => row);
  const byPair = Array.from({ length: pairs }, (_, own) => all.filter((row) => pair[row] === own));
  return { all, byPair, blocks: blocksOf(time, lookBackBars) };
}

/** One column in the given bins, of all rows and of each pair's. */
export function summarize(
  values: Float32Array,
  edges: readonly number[],
  { all, byPair, blocks }: RowGroups,
): { readonly total: ColumnSummary; readonly byPair: ColumnSummary[] } {
  const bins = Uint8Array.from(values, (value) => binOf(edges, value));
  const width = edges.length + 2;
  return {
    total: summarizeRows(values, bins, all, width, blocks),
    byPair: byPair.map((rows) => summarizeRows(values, bins, rows, width, blocks)),
  };
}

function windowsOf(values: Float32Array, edges: readonly number[], { all, blocks }: RowGroups): WindowWorth[] {
  const bins = Uint8Array.from(values, (value) => binOf(edges, value));
  const { inCell, inBlock } = countCells(bins, all, edges.length + 2, blocks);
  return windowWorth(inCell, inBlock, blocks.minutes);
}

/** Missing values have the last bin to themselves. */
function binOf(edges: readonly number[], value: number): number {
  return Number.isNaN(value) ? edges.length + 1 : lowerBound(edges, value);
}

/** Rows of each bin, and of all, by block. */
function countCells(
  bins: Uint8Array,
  rows: Int32Array,
  width: number,
  blocks: Blocks,
): { readonly inCell: readonly Float64Array[]; readonly inBlock: Float64Array } {
  const inBlock = new Float64Array(blocks.count);
  const inCell = Array.from({ length: width }, () => new Float64Array(blocks.count));
  for (const row of rows) {
    const block = blocks.of[row]!;
    inBlock[block]!++;
    inCell[bins[row]!]![block]!++;
  }
  return { inCell, inBlock };
}

function summarizeRows(
  values: Float32Array,
  bins: Uint8Array,
  rows: Int32Array,
  width: number,
  blocks: Blocks,
): ColumnSummary {
  const { inCell, inBlock } = countCells(bins, rows, width, blocks);
  const known = new Float64Array(blocks.count);
  const sums = new Float64Array(blocks.count);
  for (const row of rows) {
    if (Number.isNaN(values[row]!)) continue;
    known[blocks.of[row]!]!++;
    sums[blocks.of[row]!]! += values[row]!;
  }
  const { mean, standardError } = clusteredMean(sums, known);
  const counts = inCell.map((cell) => cell.reduce((sum, count) => sum + count, 0));
  return {
    rows: rows.length,
    counts,
    effective_rows: effectiveRows(inCell, inBlock),
    span_minutes: inBlock.filter((count) => count > 0).length * blocks.minutes,
    mean,
    std: mean === null ? null : standardDeviation(values, rows, mean),
    mean_error: Number.isFinite(standardError) ? standardError * Math.sqrt(persistence([sums], known)) : null,
  };
}

/**
 * Number of independent rows with the same uncertainty of the shares of the bins: rows over the mean design
 * effect of Rao & Scott (1981, JASA 76), with the variances of shares taken from blocks of time, times the persistence
 * from block to block. Where nothing varies, each block is worth one row.
 */
function effectiveRows(inCell: readonly Float64Array[], inBlock: Float64Array): number {
  const rows = inBlock.reduce((sum, count) => sum + count, 0);
  let variances = 0;
  let bins = 0;
  for (const cell of inCell) {
    const { mean: share, standardError } = clusteredMean(cell, inBlock);
    if (share === null || share === 0) continue;
    variances += (standardError * standardError) / share;
    bins++;
  }
  if (variances > 0) return Math.min(rows, (bins - 1) / (variances * persistence(inCell, inBlock)));
  return inBlock.filter((count) => count > 0).length;
}

/** Greater correlation of neighboring blocks cannot be told from a feature that never returns. */
const MAX_CORRELATION = 0.95;
/**
 * Standard errors that are added to an estimated correlation: one that is too small makes an alarm of chance, and its
 * square root does not average out. With 0.7 the rates of drift by chance are at most nominal (bench/gates/).
 */
const CORRELATION_ERRORS = 0.7;

/**
 * Factor by which the variance of a mean over blocks exceeds that of independent blocks: (1 + r) / (1 − r), for a
 * correlation of r between neighbors that falls off geometrically. r is that of all given columns together, each
 * weighted by its share, corrected for the bias of an estimate from few blocks around their own mean (Marriott & Pope
 * 1954) and raised by a part of its standard error (Bartlett 1946); below 0 it counts as 0.
 * @param columns sums of the blocks
 */
function persistence(columns: readonly Float64Array[], counts: Float64Array): number {
  let products = 0;
  let squares = 0;
  let blocks = 0;
  for (let block = 0; block < counts.length; block++) if (counts[block]! > 0) blocks++;
  if (blocks < 5) return 1;
  for (const sums of columns) {
    const { mean } = clusteredMean(sums, counts);
    if (mean === null || mean === 0) continue;
    let before = NaN;
    for (let block = 0; block < counts.length; block++) {
      if (counts[block] === 0) continue;
      const residual = sums[block]! - mean * counts[block]!;
      squares += (residual * residual) / Math.abs(mean);
      if (!Number.isNaN(before)) products += (residual * before) / Math.abs(mean);
      before = residual;
    }
  }
  if (squares === 0) return 1;
  const found = products / squares;
  const corrected = (found + 1 / blocks) / (1 - 3 / blocks);
  const error = Math.sqrt(Math.max(0, 1 - found * found) / blocks);
  const r = Math.min(MAX_CORRELATION, Math.max(0, corrected + CORRELATION_ERRORS * error));
  return (1 + r) / (1 - r);
}

/** ddof 1; null with fewer than two values. */
function standardDeviation(values: Float32Array, rows: Int32Array, mean: number): number | null {
  let squares = 0;
  let count = 0;
  for (let i = 0; i < rows.length; i++) {
    const value = values[rows[i]!]!;
    if (Number.isNaN(value)) continue;
    squares += (value - mean) * (value - mean);
    count++;
  }
  return count < 2 ? null : Math.sqrt(squares / (count - 1));
}
