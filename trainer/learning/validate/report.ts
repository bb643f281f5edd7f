import { confusion, confusionMetrics } from '../measures/confusion.ts';
import { detailedMetrics, modelMetrics, type DetailedMetrics } from '../measures/model_metrics.ts';
import { reliability } from '../measures/metrics.ts';
import { splitAuc } from '../measures/split_auc.ts';
import { dispersionOfPredictions, type PredictionDispersion } from './prediction_dispersion.ts';
import { isHard, pick, positions } from '../dataset/rows.ts';
import { isOfScenario, SCENARIOS, type RowScenarios } from '../splits/scenarios.ts';

const CALIBRATION_BINS = 10;
const SECONDS_PER_HOUR = 3600;
const HOURS = 24;

/** Answers on rows that the model was not trained on, with attributes of each row. All arrays: [rows]. */
export interface EvaluatedRows {
  readonly scores: Float64Array;
  readonly y: Float64Array;
  /** Epoch seconds. */
  readonly time: Float64Array;
  /** Index into `pairs`. */
  readonly pair: Int32Array;
  readonly pairs: readonly string[];
  /** The split that tested the row; −1 with a score of NaN: none, the row is ignored. One split when absent. */
  readonly split?: Int32Array;
  /** Bull 1, bear −1, neither 0: see regime.ts. */
  readonly regime?: Int8Array;
  /** What the market did: see scenarios.ts. */
  readonly scenarios?: RowScenarios;
  /** The z-score at the bar, for the side that would be entered. */
  readonly z?: Float64Array;
  /** Threshold between the classes; 0.5 when absent. Fitted, if at all, on other rows. */
  readonly threshold?: number;
}

/** A measure over the folds that have it. */
export interface Spread {
  readonly folds: number;
  readonly mean: number;
  /** Sample variance (ddof 1); null for a single fold. */
  readonly var: number | null;
  readonly min: number;
  readonly max: number;
  /** Coefficient of variation: standard deviation over |mean|; null where the mean is 0 or there is a single fold. */
  readonly cv: number | null;
}

export interface CalibrationBin {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  /** Mean probability and share of positives; null when the bin is empty. */
  readonly confidence: number | null;
  readonly frequency: number | null;
}

/** The measures of a part of the rows. */
export type PartMetrics = Pick<
  DetailedMetrics,
  | 'rows'
  | 'label_mean'
  | 'auc'
  | 'brier'
  | 'brier_baseline'
  | 'log_loss'
  | 'ece'
  | 'f1'
  | 'macro_f1'
  | 'balanced_accuracy'
  | 'rmse'
>;

/**
 * Plain JSON. Measures of rows that several fits have answered are of all these rows, but an AUC ranks each row only
 * against rows of the same split (`splitAuc`).
 */
export interface ValidationReport {
  readonly pooled: DetailedMetrics;
  readonly folds: readonly DetailedMetrics[];
  readonly spread: Readonly<Record<string, Spread>>;
  /** Hour of the bar's close in UTC, `00` … `23`; hours without rows are left out. */
  readonly by_hour: Readonly<Record<string, PartMetrics>>;
  readonly by_pair: Readonly<Record<string, PartMetrics>>;
  /** `bull`, `bear`, `flat`; empty when no regime was given. */
  readonly by_regime: Readonly<Record<string, PartMetrics>>;
  /**
   * `bull`, `bear`, `range` over about 30 days, and the thirds with the highest and the lowest volatility; empty when
   * no scenarios were given.
   */
  readonly by_scenario: Readonly<Record<string, PartMetrics>>;
  /** `z_above`: sells A, `z_below`: buys A; empty when no z was given. */
  readonly by_side: Readonly<Record<string, PartMetrics>>;
  /** Reliability in ten cells of equal width; empty for soft labels. */
  readonly calibration: readonly CalibrationBin[];
  readonly predictions: PredictionDispersion;
}

/**
 * The full report of one model on rows it was not trained on.
 * @throws RangeError when a score is NaN though a split tested the row, or not in [0, 1]
 */
export function validationReport(evaluated: EvaluatedRows): ValidationReport {
  const { pairs, split, regime, scenarios, z } = evaluated;
  const tested = positions(evaluated.y.length, (row) => split === undefined || split[row]! >= 0);
  const splits = split === undefined ? [] : [...new Set(pick(split, tested))].sort((a, b) => a - b);
  const folds =
    split === undefined
      ? [measure(evaluated, tested)]
      : splits.map((index) =>
          measure(
            evaluated,
            tested.filter((row) => split[row] === index),
          ),
        );
  const parts = (names: readonly string[], partOf: (row: number) => number): Record<string, PartMetrics> =>
    metricsByPart(evaluated, tested, names, partOf);
  return {
    pooled: measure(evaluated, tested),
    folds,
    spread: spreadOverFolds(folds),
    by_hour: parts(HOUR_NAMES, (row) => Math.floor(evaluated.time[row]! / SECONDS_PER_HOUR) % HOURS),
    by_pair: parts(pairs, (row) => evaluated.pair[row]!),
    by_regime: regime === undefined ? {} : parts(['bear', 'flat', 'bull'], (row) => regime[row]! + 1),
    by_scenario:
      scenarios === undefined
        ? {}
        : metricsOfParts(evaluated, SCENARIOS, (name) => tested.filter((row) => isOfScenario(scenarios, row, name))),
    by_side: z === undefined ? {} : parts(['z_above', 'z_below'], (row) => (z[row]! > 0 ? 0 : 1)),
    calibration: calibrationTable(pick(evaluated.scores, tested), pick(evaluated.y, tested)),
    predictions: dispersionOfPredictions(
      pick(evaluated.time, tested),
      pick(evaluated.scores, tested),
      tested.map((row) => evaluated.pair[row]!),
      pairs,
    ),
  };
}

const HOUR_NAMES = Array.from({ length: HOURS }, (_, hour) => String(hour).padStart(2, '0'));

function measure(evaluated: EvaluatedRows, rows: Int32Array): DetailedMetrics {
  const { scores, y, threshold } = evaluated;
  const measured = detailedMetrics(pick(scores, rows), pick(y, rows), threshold);
  return { ...measured, auc: measured.auc === null ? null : aucWithinSplits(evaluated, rows) };
}

/** Labels are 0 or 1. Rows are compared with those that the same fit has answered. */
function aucWithinSplits(
  { scores, y, split }: Pick<EvaluatedRows, 'scores' | 'y' | 'split'>,
  rows: Int32Array,
): number | null {
  const numbers = split === undefined ? [0] : [...new Set(pick(split, rows))];
  return splitAuc(
    numbers.map((index) => {
      const own = split === undefined ? rows : rows.filter((row) => split[row] === index);
      return { scores: pick(scores, own), labels: pick(y, own) };
    }),
  );
}

function metricsByPart(
  evaluated: EvaluatedRows,
  rows: Int32Array,
  names: readonly string[],
  partOf: (row: number) => number,
): Record<string, PartMetrics> {
  const parts = rowsByPart(rows, names.length, partOf);
  return metricsOfParts(evaluated, names, (_, part) => parts[part]!);
}

/** Parts without rows are left out. */
function metricsOfParts<Name extends string>(
  evaluated: EvaluatedRows,
  names: readonly Name[],
  rowsOf: (name: Name, part: number) => Int32Array,
): Record<string, PartMetrics> {
  const parts = names.map((name, part) => [name, rowsOf(name, part)] as const);
  return Object.fromEntries(
    parts.flatMap(([name, own]) => (own.length === 0 ? [] : [[name, measurePart(evaluated, own)]])),
  );
}

/** The measures of a set of rows by themselves. */
export function partMetrics(evaluated: Pick<EvaluatedRows, 'scores' | 'y' | 'threshold'>): PartMetrics {
  return measurePart(evaluated, Int32Array.from(evaluated.y.keys()));
}

/** The rows of each part, in their order, in two passes over all of them. */
function rowsByPart(rows: Int32Array, parts: number, partOf: (row: number) => number): Int32Array[] {
  const counts = new Int32Array(parts);
  for (const row of rows) counts[partOf(row)]!++;
  const found = Array.from(counts, (count) => new Int32Array(count));
  counts.fill(0);
  for (const row of rows) {
    const part = partOf(row);
    found[part]![counts[part]!++] = row;
  }
  return found;
}

function measurePart(
  evaluated: Pick<EvaluatedRows, 'scores' | 'y' | 'split' | 'threshold'>,
  rows: Int32Array,
): PartMetrics {
  const { scores, y, threshold = 0.5 } = evaluated;
  const own = pick(scores, rows);
  const labels = pick(y, rows);
  const metrics = modelMetrics(own, labels);
  const table = isHard(labels) ? confusionMetrics(confusion(own, labels, threshold)) : null;
  return {
    ...metrics,
    auc: metrics.auc === null ? null : aucWithinSplits(evaluated, rows),
    f1: table?.f1 ?? null,
    macro_f1: table?.macro_f1 ?? null,
    balanced_accuracy: table?.balanced_accuracy ?? null,
    rmse: metrics.brier === null ? null : Math.sqrt(metrics.brier),
  };
}

/**
 * Mean, variance, extremes and coefficient of variation of every measure that is a number, over the folds that have it.
 */
export function spreadOverFolds(folds: readonly object[]): Record<string, Spread> {
  const names = [...new Set(folds.flatMap((fold) => Object.keys(fold)))];
  const spreads = names.map((name) => {
    const values = folds
      .map((fold) => (fold as Record<string, unknown>)[name])
      .filter((value) => typeof value === 'number');
    return [name, values] as const;
  });
  return Object.fromEntries(
    spreads.flatMap(([name, values]) => (values.length === 0 ? [] : [[name, spreadOf(values)]])),
  );
}

function spreadOf(values: readonly number[]): Spread {
  const folds = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / folds;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const variance = folds > 1 ? squares / (folds - 1) : null;
  return {
    folds,
    mean,
    var: variance,
    min: Math.min(...values),
    max: Math.max(...values),
    cv: variance === null || mean === 0 ? null : Math.sqrt(variance) / Math.abs(mean),
  };
}

/**
 * The reliability diagram as a table; empty for soft labels or no rows.
 * @throws RangeError when a probability is not in [0, 1]
 */
export function calibrationTable(scores: ArrayLike<number>, labels: ArrayLike<number>): CalibrationBin[] {
  if (labels.length === 0 || !isHard(labels)) return [];
  return reliability(scores, labels, CALIBRATION_BINS).map(({ rows, weight, confidence, frequency }, bin) => ({
    from: bin / CALIBRATION_BINS,
    to: (bin + 1) / CALIBRATION_BINS,
    rows,
    confidence: weight > 0 ? confidence : null,
    frequency: weight > 0 ? frequency : null,
  }));
}
