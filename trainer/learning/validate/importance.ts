import { exp, ln, sigmoid } from '../../../shared/elementary.ts';
import type { Link, Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Rng } from '../../../shared/ports.ts';
import { createRng } from '../../../shared/rng.ts';
import { withRows } from '../learners/contract/fit_rows.ts';
import { barsPerRow, isSequence, withOwnPast } from '../learners/contract/past_rows.ts';
import type { Task } from '../learners/contract/task.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import type { FoldModel } from '../learners/cross_validation.ts';
import { isHard, pick, type ValidationRows } from '../dataset/rows.ts';

const SECONDS_PER_DAY = 86_400;
const LOWER_SHARE = 0.05;

export interface ImportanceOptions {
  readonly task: Task;
  /** Names of the columns, in order. */
  readonly names: readonly string[];
  readonly seed: string;
  /** Times each column is permuted; the drops are averaged. */
  readonly repeats: number;
  /** Bootstrap resamples. */
  readonly resamples: number;
  /** Mean length of a resampled block, days with rows, ≥ 1. */
  readonly blockDays: number;
  /** Columns up to this rank are at the top. */
  readonly top: number;
  /** Maximum number of test rows scored, evenly spread over each fold's. */
  readonly maxRows: number;
}

export const IMPORTANCE_DEFAULTS = { repeats: 3, resamples: 200, blockDays: 2, top: 10, maxRows: 20_000 } as const;

export interface ColumnImportance {
  readonly feature: string;
  /** 1 = the most important by `drop`. */
  readonly rank: number;
  /** Cost of losing the column's information: decrease in AUC, or increase in loss. */
  readonly drop: number;
  /** Mean and standard deviation over the resamples. */
  readonly mean: number;
  readonly std: number;
  /** 5 % and 95 % of the ranks over the resamples. */
  readonly rank_low: number;
  readonly rank_high: number;
  /** Share of the resamples in which the column is among the `top` and its drop above 0. */
  readonly top_share: number;
  /** How often the fold models use it: nodes that split on it, coefficients. */
  readonly splits: number;
}

/** Plain JSON. */
export interface ImportanceReport {
  /** Metric that drops: `auc` for labels of 0 and 1, else the gain in mean `log_loss`, `squared_error` or `pinball`. */
  readonly measure: 'auc' | 'log_loss' | 'squared_error' | 'pinball';
  /** The measure with all columns in place. */
  readonly baseline: number;
  /** Test rows that were scored. */
  readonly rows: number;
  readonly repeats: number;
  readonly resamples: number;
  readonly block_days: number;
  readonly top: number;
  /** By rank. */
  readonly features: readonly ColumnImportance[];
}

/**
 * Permutation importance (Breiman 2001) of every column on rows that the models were not trained on, and its
 * uncertainty. A column is permuted among the rows of the same pair and fold, which preserves its information about the
 * pair. Stability comes from a stationary bootstrap over days (Politis & Romano 1994): rows of a day,
 * and of consecutive days, are resampled together. A column that no model uses has an importance of exactly 0.
 *
 * The same rows, models and seed give the same report on any machine.
 * @throws RangeError when shapes differ; MinutehandError KERNEL_MISSING
 */
export function permutationImportance(
  rows: ValidationRows,
  folds: readonly Pick<FoldModel, 'model' | 'test'>[],
  options: ImportanceOptions,
): ImportanceReport {
  const { columns } = rows.x;
  if (options.names.length !== columns) throw new RangeError(`${options.names.length} names of ${columns} columns`);
  const tested = folds.reduce((sum, { test }) => sum + test.length, 0);
  const share = Math.min(1, options.maxRows / tested);
  const measure = measureOf(options.task, rows.y);
  const trials = folds
    .filter(({ test }) => test.length > 0)
    .map(({ model, test }, fold) => {
      const own = thin(test, share);
      return withRows(rows.x, own, (x) =>
        tryFold({ ...rows, x }, model, own, measure, options, `${options.seed}/${fold}`),
      );
    });
  const total = trials.reduce((sum, { weight }) => sum + weight, 0);
  const pooled = (of: (trial: FoldTrial) => number): number =>
    trials.reduce((sum, trial) => sum + trial.weight * of(trial), 0) / (total || 1);
  const drops = Float64Array.from({ length: columns }, (_, column) => pooled(({ drop }) => drop[column]!));
  const resampled = Array.from({ length: options.resamples }, (_, b) =>
    Float64Array.from({ length: columns }, (_, column) => pooled((trial) => trial.resampled[b]![column]!)),
  );
  const splits = countSplits(folds, columns);
  const features = summarize(drops, resampled, splits, options);
  return {
    measure: measure.name,
    baseline: pooled(({ baseline }) => baseline),
    rows: trials.reduce((sum, { rows }) => sum + rows, 0),
    repeats: options.repeats,
    resamples: options.resamples,
    block_days: options.blockDays,
    top: options.top,
    features,
  };
}

/** One fold: its measure, the cost of each column's permutation, and the same on each resample. */
interface FoldTrial {
  readonly rows: number;
  /** Weight of the fold: its rows, or 0 when its measure does not exist. */
  readonly weight: number;
  readonly baseline: number;
  /** [columns] */
  readonly drop: Float64Array;
  /** [resamples][columns] */
  readonly resampled: readonly Float64Array[];
}

/** A set of rows with changing scores. */
interface Question {
  readonly y: Float64Array;
  /** Number of the row's day, [rows], from 0. */
  readonly day: Int32Array;
  readonly days: number;
}

/**
 * A measure of one set of scores, given how often each day is in the sample; null where it does not exist.
 */
type Sampled = (times: Float64Array) => number | null;

interface Measure {
  readonly name: ImportanceReport['measure'];
  /** 1 when more of it is better, −1 when it is a loss. */
  readonly sign: 1 | -1;
  /** @param raw scores before the link, [ensembles][rows] */
  prepare(raw: readonly Float32Array[], link: Link, question: Question): Sampled;
}

/** @param rows of all splits, but with the features of the test rows alone, which change meanwhile and are restored */
function tryFold(
  { x: taken, y, time, pair }: ValidationRows,
  model: Fitted,
  test: Int32Array,
  measure: Measure,
  options: ImportanceOptions,
  seed: string,
): FoldTrial {
  const rng = createRng(seed);
  // A column is permuted with its past.
  const x = isSequence(taken) ? withOwnPast(taken) : taken;
  const day = numberDays(test, time);
  const days = day.reduce((most, at) => Math.max(most, at), 0) + 1;
  const question: Question = { y: pick(y, test), day, days };
  const samples = Array.from({ length: options.resamples }, () => resampleDays(rng, days, options.blockDays));
  const once = new Float64Array(days).fill(1);
  const score = model.openMargins();
  const ask = (): Sampled => measure.prepare(score(x), model.link, question);
  const groups = groupRows(test, pair);
  const places = Int32Array.from({ length: x.rows }, (_, row) => row);

  const whole = ask();
  const baseline = whole(once);
  const wholeResampled = samples.map(whole);
  const drop = new Float64Array(x.columns);
  const resampled = samples.map(() => new Float64Array(x.columns));
  const splits = countSplits([{ model }], x.columns);
  const lost = (before: number | null, after: number | null): number =>
    before === null || after === null ? 0 : (measure.sign * (before - after)) / options.repeats;
  for (let column = 0; column < x.columns; column++) {
    if (splits[column] === 0) continue;
    const kept = columnOf(x, column);
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      writeColumn(x, column, kept, permuted(places, groups, rng));
      const without = ask();
      drop[column]! += lost(baseline, without(once));
      samples.forEach((times, b) => (resampled[b]![column]! += lost(wholeResampled[b]!, without(times))));
    }
    writeColumn(x, column, kept, places);
  }
  return { rows: test.length, weight: baseline === null ? 0 : test.length, baseline: baseline ?? 0, drop, resampled };
}

function measureOf(task: Task, y: Float64Array): Measure {
  switch (task.kind) {
    case 'binary':
      return isHard(y) ? AUC : lossMeasure('log_loss', probabilityLoss);
    case 'multiclass':
      return lossMeasure('log_loss', classLoss);
    case 'regression':
      return lossMeasure('squared_error', ([prediction], y) => (prediction! - y) * (prediction! - y));
    case 'quantile':
      return lossMeasure('pinball', ([p], y) => (y > p! ? task.quantile * (y - p!) : (1 - task.quantile) * (p! - y)));
  }
}

/** As `auc` in metrics.ts, each row as often as its day is in the sample. */
const AUC: Measure = {
  name: 'auc',
  sign: 1,
  prepare([scores], _link, { y, day, days }) {
    const ranked = rank(scores!, y, day);
    // Counts of pairs are exact, in either order of summation.
    return days * days < y.length ? aucByDays(ranked, days) : aucByRows(ranked);
  },
};

/** Rows from the lowest score to the highest. */
interface RankedRows {
  /** 1 or 0, [rows] */
  readonly isPositive: Float64Array;
  readonly day: Int32Array;
  /** 1 where a score is above the one before. */
  readonly isHigher: Uint8Array;
}

function rank(scores: Float32Array, y: Float64Array, day: Int32Array): RankedRows {
  const order = ascending(scores);
  return {
    isPositive: Float64Array.from(order, (row) => y[row]!),
    day: Int32Array.from(order, (row) => day[row]!),
    isHigher: Uint8Array.from(order, (row, i) => (i > 0 && scores[row]! > scores[order[i - 1]!]! ? 1 : 0)),
  };
}

/** Row numbers by score, stable. Sorted as numbers, which is faster than a comparison function. */
function ascending(scores: Float32Array): Uint32Array {
  const rows = scores.length;
  const bits = new Int32Array(Float32Array.from(scores, (score) => score + 0).buffer);
  const keys = Float64Array.from(bits, (bit, row) => (bit < 0 ? -(bit & 0x7fffffff) : bit) * rows + row).sort();
  return Uint32Array.from(keys, (key) => ((key % rows) + rows) % rows);
}

/** One pass over the rows per sample. */
function aucByRows({ isPositive, day, isHigher }: RankedRows): Sampled {
  return (times) => {
    let won = 0;
    let positives = 0;
    let negatives = 0;
    let tiedPositives = 0;
    let tiedNegatives = 0;
    for (let i = 0; i < isPositive.length; i++) {
      if (isHigher[i] === 1) {
        won += tiedPositives * (negatives + tiedNegatives / 2);
        positives += tiedPositives;
        negatives += tiedNegatives;
        tiedPositives = 0;
        tiedNegatives = 0;
      }
      // Multiplication instead of a branch, which would be unpredictable.
      const weight = times[day[i]!]!;
      const positive = weight * isPositive[i]!;
      tiedPositives += positive;
      tiedNegatives += weight - positive;
    }
    won += tiedPositives * (negatives + tiedNegatives / 2);
    positives += tiedPositives;
    negatives += tiedNegatives;
    return positives > 0 && negatives > 0 ? won / (positives * negatives) : null;
  };
}

/** Pairs of a positive and a negative row are counted once, by their two days; a sample weights these counts. */
function aucByDays({ isPositive, day, isHigher }: RankedRows, days: number): Sampled {
  // Twice the pairs that the positive of the first day wins, a tie being half a win: [days][days].
  const won = new Float64Array(days * days);
  const positives = new Float64Array(days);
  const negatives = new Float64Array(days);
  const below = new Float64Array(days);
  let first = 0;
  for (let i = 1; i <= day.length; i++) {
    if (i < day.length && isHigher[i] === 0) continue;
    // Rows from `first` to here have one score.
    for (let row = first; row < i; row++) if (isPositive[row] === 0) negatives[day[row]!]!++;
    for (let row = first; row < i; row++) {
      if (isPositive[row] === 0) continue;
      positives[day[row]!]!++;
      for (let d = 0; d < days; d++) won[day[row]! * days + d]! += below[d]! + negatives[d]!;
    }
    below.set(negatives);
    first = i;
  }
  const total = (times: Float64Array, counts: Float64Array): number =>
    counts.reduce((sum, count, d) => sum + times[d]! * count, 0);
  return (times) => {
    let sum = 0;
    for (let d = 0; d < days; d++) for (let e = 0; e < days; e++) sum += times[d]! * times[e]! * won[d * days + e]!;
    const pairs = total(times, positives) * total(times, negatives);
    return pairs > 0 ? sum / 2 / pairs : null;
  };
}

/** The mean of a loss per row: losses and rows are summed per day once. */
function lossMeasure(
  name: ImportanceReport['measure'],
  lossOf: (raw: readonly number[], y: number, link: Link) => number,
): Measure {
  return {
    name,
    sign: -1,
    prepare(raw, link, { y, day, days }) {
      const losses = new Float64Array(days);
      const counts = new Float64Array(days);
      const own = new Array<number>(raw.length);
      for (let row = 0; row < y.length; row++) {
        for (let i = 0; i < raw.length; i++) own[i] = raw[i]![row]!;
        losses[day[row]!]! += lossOf(own, y[row]!, link);
        counts[day[row]!]!++;
      }
      return (times) => {
        let sum = 0;
        let count = 0;
        for (let d = 0; d < days; d++) {
          sum += times[d]! * losses[d]!;
          count += times[d]! * counts[d]!;
        }
        return count > 0 ? sum / count : null;
      };
    },
  };
}

function keptInside(p: number): number {
  return Math.min(Math.max(p, 1e-15), 1 - 1e-15);
}

/** Cross-entropy of a target in [0, 1]. */
function probabilityLoss([raw]: readonly number[], y: number, link: Link): number {
  const p = keptInside(link === 'sigmoid' ? sigmoid(raw!) : raw!);
  return -(y * ln(p) + (1 - y) * ln(1 - p));
}

function classLoss(raw: readonly number[], y: number, link: Link): number {
  if (link !== 'softmax') return -ln(keptInside(raw[y]!));
  const greatest = Math.max(...raw);
  return ln(raw.reduce((sum, logit) => sum + exp(logit - greatest), 0)) - (raw[y]! - greatest);
}

/**
 * Number of times that each day is in a sample of as many days: blocks of geometric length with this mean, wrapping
 * around at the end.
 */
function resampleDays(rng: Rng, days: number, blockDays: number): Float64Array {
  const times = new Float64Array(days);
  let day = 0;
  for (let taken = 0; taken < days; taken++) {
    day = taken === 0 || rng.uniform() * blockDays < 1 ? rng.integer(days) : (day + 1) % days;
    times[day]!++;
  }
  return times;
}

/** UTC day of each row, numbered from 0 in time order, [test rows]. */
function numberDays(test: Int32Array, time: Float64Array): Int32Array {
  const dayOf = (row: number): number => Math.floor(time[row]! / SECONDS_PER_DAY);
  const days = [...new Set(Array.from(test, dayOf))].sort((a, b) => a - b);
  const numbers = new Map(days.map((day, number) => [day, number]));
  return test.map((row) => numbers.get(dayOf(row))!);
}

/** Positions in `test` of each pair's rows. */
function groupRows(test: Int32Array, pair: Int32Array): Int32Array[] {
  const groups = new Map<number, number[]>();
  test.forEach((row, i) => {
    const own = groups.get(pair[row]!);
    if (own === undefined) groups.set(pair[row]!, [i]);
    else own.push(i);
  });
  return [...groups.keys()].sort((a, b) => a - b).map((of) => Int32Array.from(groups.get(of)!));
}

/** The values in another order inside each group (Fisher & Yates). */
function permuted(values: Int32Array, groups: readonly Int32Array[], rng: Rng): Int32Array {
  const moved = values.slice();
  for (const group of groups) {
    for (let i = group.length - 1; i > 0; i--) {
      const a = group[i]!;
      const b = group[rng.integer(i + 1)]!;
      const kept = moved[a]!;
      moved[a] = moved[b]!;
      moved[b] = kept;
    }
  }
  return moved;
}

/** A column of every row, with its past: [rows × bars], oldest first. */
function columnOf(x: Matrix, column: number): Float32Array {
  const cells = isSequence(x) ? x.past.table : x.values;
  return Float32Array.from({ length: x.rows * barsPerRow(x) }, (_, i) => cells[i * x.columns + column]!);
}

/**
 * Gives each row the column of another.
 * @param x where it has a past, with a table of its own
 * @param from row whose column each row gets
 */
function writeColumn(x: Matrix, column: number, kept: Float32Array, from: Int32Array): void {
  const cells = isSequence(x) ? x.past.table : x.values;
  const bars = barsPerRow(x);
  for (let row = 0; row < x.rows; row++)
    for (let bar = 0; bar < bars; bar++)
      cells[(row * bars + bar) * x.columns + column] = kept[from[row]! * bars + bar]!;
}

/** Evenly spread, at least one. */
function thin(rows: Int32Array, share: number): Int32Array {
  const count = Math.max(1, Math.floor(rows.length * share));
  return Int32Array.from({ length: count }, (_, i) => rows[Math.floor((i * rows.length) / count)]!);
}

function countSplits(folds: readonly { readonly model: Fitted }[], columns: number): Int32Array {
  const splits = new Int32Array(columns);
  for (const { model } of folds) model.columnUses().forEach((uses, column) => (splits[column]! += uses));
  return splits;
}

function summarize(
  drops: Float64Array,
  resampled: readonly Float64Array[],
  splits: Int32Array,
  { names, top }: ImportanceOptions,
): ColumnImportance[] {
  const ranks = ranksOf(drops);
  const resampledRanks = resampled.map(ranksOf);
  const count = resampled.length;
  const features = names.map((feature, column): ColumnImportance => {
    const values = resampled.map((sample) => sample[column]!);
    const own = resampledRanks.map((sample) => sample[column]!).sort((a, b) => a - b);
    const mean = count === 0 ? drops[column]! : values.reduce((sum, value) => sum + value, 0) / count;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const inTop = values.filter((value, b) => value > 0 && resampledRanks[b]![column]! <= top).length;
    return {
      feature,
      rank: ranks[column]!,
      drop: drops[column]!,
      mean,
      std: count > 1 ? Math.sqrt(squares / (count - 1)) : 0,
      rank_low: own[Math.floor(LOWER_SHARE * count)] ?? ranks[column]!,
      rank_high: own[Math.ceil((1 - LOWER_SHARE) * count) - 1] ?? ranks[column]!,
      top_share: count === 0 ? 0 : inTop / count,
      splits: splits[column]!,
    };
  });
  // Columns of equal rank keep the order of the schema.
  return features.sort((a, b) => a.rank - b.rank);
}

/** 1 = the largest; ties share the best rank. [columns] */
function ranksOf(values: Float64Array): number[] {
  return Array.from(values, (value) => 1 + values.reduce((above, other) => above + (other > value ? 1 : 0), 0));
}
