import { SECONDS_PER_BAR } from '../../../../../shared/bar.ts';
import type { Matrix } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { RISK_PARTS, type BarLabels, type RiskLabels, type RiskPart } from '../label/pair_labels.ts';
import { historiesInTurn, partOfHistory, type KeptHistory } from '../../../history/kept_history.ts';
import { sharedFloat32 } from '../../../threads/shared_array.ts';
import { rowUniqueness } from '../../../dataset/noise.ts';
import { averageUniqueness, sampleWeights } from '../../../label/uniqueness.ts';
import type { DatasetRows } from '../../../dataset/dataset_rows.ts';
import type { RiskRows } from './risk_rows.ts';
import type { KeptBuild } from './pair_build.ts';
import type { RowList, WithHistory } from './row_list.ts';

/** The features of all bars of all builds, one build behind the other, from which sequences are taken. */
export interface BarTable {
  /** Rows of a sequence. */
  readonly bars: number;
  /** [rows × columns], in memory that the fits of all threads read. */
  readonly rows: Float32Array;
  /** First row of each build. */
  readonly first: readonly number[];
}

/** `BarTable.first` */
export function firstRows(builds: readonly WithHistory[]): number[] {
  let count = 0;
  return builds.map(({ history }) => {
    const own = count;
    count += history.rows;
    return own;
  });
}

/** @param bars rows of a sequence @returns null where models get each row alone: no memory is taken */
export function gatherBars(builds: readonly WithHistory[], columns: number, bars: number): BarTable | null {
  if (bars === 1) return null;
  const first = firstRows(builds);
  const count = builds.reduce((sum, { history }) => sum + history.rows, 0);
  const rows = sharedFloat32(count * columns);
  builds.forEach(({ history }, i) => rows.set(partOfHistory(history, 'features').features, first[i]! * columns));
  return { bars, rows, first };
}

/**
 * Features of the listed bars, [rows, columns], in memory that the fits of all threads read.
 * @param table of the same builds; null = models get each row alone
 */
export function gatherFeatures(
  builds: readonly WithHistory[],
  list: RowList,
  columns: number,
  table: BarTable | null,
): Matrix {
  const values = sharedFloat32(list.length * columns);
  const historyOf = historiesInTurn(historiesIn(builds), 'features', 'row');
  const last = new Int32Array(table === null ? 0 : list.length);
  for (let i = 0; i < list.length; i++) {
    const { features, row } = historyOf(list.pair[i]!);
    const own = row[list.bar[i]!]!;
    const at = own * columns;
    values.set(features.subarray(at, at + columns), i * columns);
    if (table !== null) last[i] = table.first[list.pair[i]!]! + own;
  }
  const past = table === null ? {} : { past: { bars: table.bars, table: table.rows, last } };
  return { rows: list.length, columns, values, ...past };
}

/** The rows of a list. @param x their features */
export function gatherRows<Build extends WithHistory>(
  builds: readonly Build[],
  list: RowList,
  labelsOf: (build: Build) => BarLabels,
  x: Matrix,
): DatasetRows {
  const { length, pair, place, bar } = list;
  const y = new Float64Array(length);
  const time = new Float64Array(length);
  const labelEnd = new Float64Array(length);
  const end = new Int32Array(length);
  const historyOf = historiesInTurn(historiesIn(builds), 'time');
  for (let i = 0; i < length; i++) {
    const build = builds[pair[i]!]!;
    const history = historyOf(pair[i]!);
    const labels = labelsOf(build);
    const own = place[i]!;
    end[i] = labels.end[own]!;
    y[i] = labels.label[own]!;
    time[i] = history.time[bar[i]!]! + SECONDS_PER_BAR;
    labelEnd[i] = history.time[end[i]!]! + SECONDS_PER_BAR;
  }
  const uniqueness = uniquenessByPair(builds, list, end);
  const effectiveRows = uniqueness.reduce((sum, share) => sum + share, 0);
  return { x, y, time, labelEnd, pair, weights: sampleWeights(uniqueness), effectiveRows };
}

function historiesIn(builds: readonly WithHistory[]): KeptHistory[] {
  return builds.map(({ history }) => history);
}

/** A subset of rows, with the overlap of labels recomputed within it. */
export function takeDatasetRows<Rows extends DatasetRows>(rows: Rows, subset: Int32Array): Rows {
  const take = (values: Float64Array): Float64Array => Float64Array.from(subset, (row) => values[row]!);
  const { columns, values, past } = rows.x;
  const x = {
    rows: subset.length,
    columns,
    values: sharedFloat32(subset.length * columns),
    ...(past && { past: { ...past, last: Int32Array.from(subset, (row) => past.last[row]!) } }),
  };
  subset.forEach((row, i) => x.values.set(values.subarray(row * columns, (row + 1) * columns), i * columns));
  const own = { x, y: take(rows.y), time: take(rows.time), labelEnd: take(rows.labelEnd) };
  const pair = Int32Array.from(subset, (row) => rows.pair[row]!);
  const uniqueness = rowUniqueness({ ...own, pair });
  const effectiveRows = uniqueness.reduce((sum, share) => sum + share, 0);
  const parts = 'parts' in rows ? { parts: mapParts(rows.parts as RiskRows['parts'], take) } : {};
  return { ...rows, ...own, ...parts, pair, weights: sampleWeights(uniqueness), effectiveRows };
}

function mapParts(parts: RiskRows['parts'], map: (values: Float64Array) => Float64Array): RiskRows['parts'] {
  return Object.fromEntries(RISK_PARTS.map((part) => [part, map(parts[part])])) as Record<RiskPart, Float64Array>;
}

/** One part of AI2's label for each listed row. */
export function gatherPart(builds: readonly KeptBuild[], list: RowList, part: RiskPart): Float64Array {
  const labelsOf = (pair: number): RiskLabels => builds[pair]!.labels.ai2;
  return Float64Array.from(list.place, (place, i) => labelsOf(list.pair[i]!).parts[part][place]!);
}

function uniquenessByPair(
  builds: readonly WithHistory[],
  { length, pair, bar }: RowList,
  end: Int32Array,
): Float64Array {
  const uniqueness = new Float64Array(length);
  for (let from = 0; from < length;) {
    let to = from;
    while (to < length && pair[to] === pair[from]) to++;
    const bars = builds[pair[from]!]!.history.length;
    uniqueness.set(averageUniqueness(bar.subarray(from, to), end.subarray(from, to), bars), from);
    from = to;
  }
  return uniqueness;
}
