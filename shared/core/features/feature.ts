import type { Bar } from '../../bar.ts';

export type ModelName = 'ai1' | 'ai2' | 'ai3';
export const MODEL_NAMES: readonly ModelName[] = ['ai1', 'ai2', 'ai3'];

/** One thing for each model. */
export function perModel<T>(make: (model: ModelName) => T): Record<ModelName, T> {
  return { ai1: make('ai1'), ai2: make('ai2'), ai3: make('ai3') };
}

/** Description of one column in docs/reference/FEATURES.md and the feature schema. */
export interface FeatureDefinition {
  readonly name: string;
  readonly formula: string;
  /** Bars the formula itself looks back over; 1 = the current bar alone. */
  readonly window: number;
  /** Delta degrees of freedom of its standard deviation, where it has one. */
  readonly ddof: 0 | 1 | null;
  /** The pair's bar count at which the value first exists. */
  readonly warmup_bars: number;
  readonly unit: string;
  /** The models that may use the column. A column that is not free of scale belongs to none. */
  readonly models: readonly ModelName[];
  /** Cause of a missing value after warm-up, if any. */
  readonly missing?: string;
}

/**
 * The current bar of a pair and the values derived from it, overwritten each bar. A value that does not exist yet is
 * NaN, and so is everything computed from it: this is the whole warm-up logic.
 */
export interface Frame {
  /** Bars stepped so far, the current one included. */
  bars: number;
  /** The same from the last hole on. */
  barsBehindHole: number;
  /** Number of the current bar since the epoch, in the pair's timeframe: of one-minute bars, the epoch minute. */
  number: number;
  a: Bar;
  b: Bar;
  lnA: number;
  lnB: number;
  /** One-bar log returns; NaN on the first bar. */
  returnA: number;
  returnB: number;
  /** Difference of `number` to the pair's previous bar; NaN on the first bar. */
  stepsSinceBar: number;
  /** OLS of ln A on ln B; NaN before beta_window bars. */
  beta: number;
  alpha: number;
  corr: number;
  /** beta of the previous bar. */
  betaBefore: number;
  spread: number;
  spreadBefore: number;
  zMean: number;
  zStd: number;
  z: number;
  /** returnA − betaBefore · returnB: one bar's P&L of the spread, per unit of notional in A. */
  hedgedReturn: number;
  hedgedReturnBefore: number;
  spreadVol: number;
}

/** Standard deviations of log prices below this are the rounding of doubles, not a market: the series is constant. */
export const FLAT_STD = 1e-12;

/** numerator / denominator; 1 ("as usual") when the usual level itself is zero; NaN when either is missing. */
export function ratioToUsual(numerator: number, denominator: number): number {
  return denominator === 0 ? 1 : numerator / denominator;
}

/** Sample standard deviation (ddof 1) of `count` values from their centered second moment. */
export function sampleStd(m2: number, count: number): number {
  return Math.sqrt(m2 / (count - 1));
}

/** A second moment up to which `count` values are constant: that of a standard deviation of FLAT_STD. */
export function flatMoment(count: number): number {
  return FLAT_STD * FLAT_STD * count;
}

/**
 * Writes Sxy / √(Sxx · Syy), within −1…1; 0 when either is flat, NaN when either is missing. Arguments and results are
 * positions in arrays, because doubles as arguments and results get boxed wherever a function is not inlined.
 * @param sums array with Sxx, Syy, Sxy of `count` points from `from` on
 */
export function writeCorrelation(sums: Float64Array, from: number, count: number, out: Float64Array, at: number): void {
  const flat = FLAT_STD * FLAT_STD * count;
  const sxx = sums[from]!;
  const syy = sums[from + 1]!;
  if (sxx > flat && syy > flat) out[at] = Math.max(-1, Math.min(1, sums[from + 2]! / Math.sqrt(sxx * syy)));
  else out[at] = Number.isNaN(sxx) || Number.isNaN(syy) ? NaN : 0;
}
