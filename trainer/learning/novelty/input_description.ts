import { InputNovelty, NOVELTY_CLIP, type InputDescription } from '../../../shared/bundle/input_novelty.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Rng } from '../../../shared/ports.ts';
import { createRng } from '../../../shared/rng.ts';

/** More centers told planted changes of the market no better (docs/reference/MODELS.md#novelty), and cost more. */
const CENTERS = 16;
/** Rows that centers are made of, and rows whose distances are kept, evenly spaced over the training. */
const SAMPLE_ROWS = 8000;
const PASSES = 8;
/** Blocks of time; the rows of each are measured from centers of the other blocks. */
const BLOCKS = 5;
/** A normal distribution has so many standard deviations between its first and its last decile. */
const SIGMAS_BETWEEN_DECILES = 2.563;
/** With fewer rows without the column, a missing value is itself a sign that the input is of another kind. */
const USUALLY_MISSING = 0.01;
/** Shares of training rows, finest where limits are set. */
const FARTHER = [
  ...Array.from({ length: 19 }, (_, i) => 1 - 0.05 * (i + 1)),
  ...[0.04, 0.03, 0.02, 0.015, 0.01, 0.0075, 0.005, 0.003, 0.002, 0.001],
];
const MIN_ROWS = 200;

/** A column of the rows. */
export interface DescribedColumn {
  readonly name: string;
  /** Whether the model may use it. */
  readonly isUsed: boolean;
}

/** Rows that a model was trained on. */
export interface DescribedRows {
  readonly x: Matrix;
  /** Epoch seconds. */
  readonly time: Float64Array;
}

/**
 * Describes the rows that a model was trained on, so that an input unlike them can be told (`InputNovelty`). Centers by
 * k-means (Lloyd 1982; first ones by Arthur & Vassilvitskii 2007) of all rows; distances of each block of time from
 * centers of the other blocks, so that a new row like those of the training has a novelty of about one half.
 * @returns null with too few rows, or without a column that varies
 */
export function describeInputs(
  rows: DescribedRows,
  columns: readonly DescribedColumn[],
  seed: string,
): InputDescription | null {
  if (rows.x.rows < MIN_ROWS) return null;
  const scaled = scaleColumns(rows.x, columns);
  if (scaled.length === 0) return null;
  const sample = evenly(rows.x.rows, SAMPLE_ROWS);
  const rng = createRng(seed);
  const centersOf = (of: readonly number[]): number[][] =>
    clusterCenters(
      of.map((row) => scaleRow(rows.x, row, scaled)),
      rng,
    );
  const description = (centers: number[][]): InputDescription => ({
    columns: scaled.map(({ name }) => name),
    median: scaled.map(({ median }) => median),
    scale: scaled.map(({ scale }) => scale),
    missing: scaled.map(({ missing }) => missing),
    centers,
    distances: [0, 1],
    farther: [1, 0],
  });
  const names = columns.map(({ name }) => name);
  const blocks = blocksOf(rows.time, sample);
  const distances: number[] = [];
  for (const block of blocks) {
    const others = blocks.filter((other) => other !== block).flat();
    if (others.length === 0) return null;
    const novelty = new InputNovelty(description(centersOf(others)), names);
    for (const row of block) distances.push(novelty.distance(rows.x.values, row * rows.x.columns));
  }
  return { ...description(centersOf(sample)), ...tailOf(distances) };
}

interface ScaledColumn {
  readonly name: string;
  readonly at: number;
  readonly median: number;
  readonly scale: number;
  readonly missing: number;
}

/** A column that is constant, or that no row has, tells no model anything. */
function scaleColumns({ rows, columns, values }: Matrix, described: readonly DescribedColumn[]): ScaledColumn[] {
  return described.flatMap(({ name, isUsed }, at): ScaledColumn[] => {
    if (!isUsed) return [];
    const known: number[] = [];
    for (let row = 0; row < rows; row++) {
      const value = values[row * columns + at]!;
      if (Number.isFinite(value)) known.push(value);
    }
    const sorted = Float64Array.from(known).sort();
    if (sorted.length === 0 || sorted[0] === sorted.at(-1)) return [];
    const deciles = quantile(sorted, 0.9) - quantile(sorted, 0.1);
    const scale = deciles > 0 ? deciles / SIGMAS_BETWEEN_DECILES : sorted.at(-1)! - sorted[0]!;
    const isUsual = rows - sorted.length >= USUALLY_MISSING * rows;
    return [{ name, at, median: quantile(sorted, 0.5), scale, missing: isUsual ? 0 : NOVELTY_CLIP }];
  });
}

function scaleRow({ columns: width, values }: Matrix, row: number, scaled: readonly ScaledColumn[]): number[] {
  return scaled.map(({ at, median, scale, missing }) => {
    const value = (values[row * width + at]! - median) / scale;
    return Number.isNaN(value) ? missing : Math.max(-NOVELTY_CLIP, Math.min(NOVELTY_CLIP, value));
  });
}

/** So many row numbers at most, evenly spaced. */
function evenly(rows: number, most: number): number[] {
  const count = Math.min(rows, most);
  return Array.from({ length: count }, (_, i) => Math.floor((i * rows) / count));
}

/** The rows by blocks of time with about as many rows each. */
function blocksOf(time: Float64Array, rows: readonly number[]): number[][] {
  const sorted = Float64Array.from(rows, (row) => time[row]!).sort();
  const starts = Array.from({ length: BLOCKS }, (_, i) => sorted[Math.floor((i * sorted.length) / BLOCKS)]!);
  const blocks = starts.map((): number[] => []);
  for (const row of rows) blocks[starts.findLastIndex((start) => start <= time[row]!)]!.push(row);
  return blocks.filter((block) => block.length > 0);
}

function clusterCenters(rows: readonly (readonly number[])[], rng: Rng): number[][] {
  let centers = firstCenters(rows, rng);
  for (let pass = 0; pass < PASSES; pass++) {
    const members = centers.map((): (readonly number[])[] => []);
    for (const row of rows) members[nearest(centers, row)]!.push(row);
    centers = centers.map((center, i) => (members[i]!.length === 0 ? center : meanRow(members[i]!)));
  }
  return centers;
}

/** k-means++: each further center is a row, drawn by its squared distance from the nearest of those before. */
function firstCenters(rows: readonly (readonly number[])[], rng: Rng): number[][] {
  const centers = [[...rows[rng.integer(rows.length)]!]];
  const squares = rows.map((row) => squaredDistance(row, centers[0]!));
  while (centers.length < CENTERS) {
    const total = squares.reduce((sum, square) => sum + square, 0);
    if (total === 0) break;
    let rest = rng.uniform() * total;
    let drawn = squares.findIndex((square) => (rest -= square) < 0);
    if (drawn < 0) drawn = squares.findLastIndex((square) => square > 0);
    const center = [...rows[drawn]!];
    centers.push(center);
    rows.forEach((row, i) => (squares[i] = Math.min(squares[i]!, squaredDistance(row, center))));
  }
  return centers;
}

function nearest(centers: readonly (readonly number[])[], row: readonly number[]): number {
  let center = 0;
  let least = Infinity;
  for (let i = 0; i < centers.length; i++) {
    const square = squaredDistance(centers[i]!, row);
    if (square >= least) continue;
    least = square;
    center = i;
  }
  return center;
}

function squaredDistance(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) * (a[i]! - b[i]!);
  return sum;
}

function meanRow(rows: readonly (readonly number[])[]): number[] {
  const sums = new Array<number>(rows[0]!.length).fill(0);
  for (const row of rows) for (let i = 0; i < sums.length; i++) sums[i]! += row[i]!;
  return sums.map((sum) => sum / rows.length);
}

/** Distances and the share of rows that are farther out, from the nearest row to the farthest one. */
function tailOf(distances: readonly number[]): Pick<InputDescription, 'distances' | 'farther'> {
  const sorted = Float64Array.from(distances).sort();
  const knots = [1, ...FARTHER, 0].map((share) => ({ share, distance: quantile(sorted, 1 - share) }));
  const rising = knots.filter(({ distance }, i) => i === 0 || distance > knots[i - 1]!.distance);
  if (rising.length === 1) rising.push({ share: 0, distance: rising[0]!.distance + 1 });
  return { distances: rising.map(({ distance }) => distance), farther: rising.map(({ share }) => share) };
}

/** Linear between the ascending values. */
function quantile(ascending: Float64Array, share: number): number {
  const at = share * (ascending.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, ascending.length - 1);
  return ascending[low]! + (at - low) * (ascending[high]! - ascending[low]!);
}
