import type { Bar } from '../../bar.ts';

export type ModelName = 'ai1' | 'ai2' | 'ai3';
export const MODEL_NAMES: readonly ModelName[] = ['ai1', 'ai2', 'ai3'];

/** One thing for each model. */
export function perModel<T>(make: (model: ModelName) => T): Record<ModelName, T> {
  return { ai1: make('ai1'), ai2: make('ai2'), ai3: make('ai3') };
}

/** What docs/FEATURES.md and the feature schema say of one column. */
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
  /** When the value is missing after warm-up, if ever. */
  readonly missing?: string;
}

/**
 * The current bar of a pair and what earlier groups of features made of it. One object per pair, overwritten each bar:
 * the groups run in a fixed order and each reads only what stands above it.
 */
export interface Frame {
  /** Bars stepped so far, the current one included. */
  bars: number;
  /** Epoch minute of the current bar's open. */
  minute: number;
  a: Bar;
  b: Bar;
  lnA: number;
  lnB: number;
  /** One-bar log returns; NaN on the first bar. */
  returnA: number;
  returnB: number;
  previousCloseA: number;
  previousCloseB: number;
  /** Minutes since the pair's previous bar; NaN on the first bar. */
  minutesSinceBar: number;
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
  spreadVol: number;
}

/** Some columns that share their windows. `step` writes them to `out` from its first column on. */
export interface FeatureGroup {
  readonly features: readonly FeatureDefinition[];
  step(frame: Frame, out: Float64Array): void;
}

/** Standard deviations of log prices below this are the rounding of doubles, not a market: the series is constant. */
export const FLAT_STD = 1e-12;

/** numerator / denominator; 1 ("as usual") when the usual level itself is zero. */
export function ratioToUsual(numerator: number, denominator: number): number {
  return denominator > 0 ? numerator / denominator : 1;
}
