import { ln } from '../../../../../shared/elementary.ts';
import { gridValue } from '../../../search/axis.ts';
import { fitGaussianProcess, type GaussianProcess } from '../../../search/gaussian_process.ts';
import { normalBetween, normalCdf, normalDensity } from '../../../statistics/normal.ts';

/** Result of a pair of thresholds on out-of-fold scores. */
export interface ThresholdMeasure {
  /** NaN with too few trades. */
  readonly netSharpe: number;
  readonly trades: number;
  /** Share of the entry candidates with risk_score < θ2, in [0, 1]. */
  readonly passRate: number;
}

export interface TriedThresholds extends ThresholdMeasure {
  readonly theta1: number;
  readonly theta2: number;
  /** Enough trades, a ratio, and the pass rate in its range. */
  readonly isAllowed: boolean;
}

export interface ThresholdSearch {
  /** [lowest, highest] of θ1 and θ2, both included. */
  readonly range: { readonly theta1: readonly [number, number]; readonly theta2: readonly [number, number] };
  readonly step: number;
  /** The current thresholds, tried first. */
  readonly initial: { readonly theta1: number; readonly theta2: number };
  readonly minTrades: number;
  /** [lowest, highest] share of risk_score < θ2, both included. */
  readonly passRate: readonly [number, number];
  /** Maximum number of pairs of thresholds to measure. */
  readonly evaluations: number;
  evaluate(theta1: number, theta2: number): ThresholdMeasure;
  /** `best` is the best so far. */
  onProgress?(done: number, total: number, best: TriedThresholds | null): void;
}

export interface ThresholdResult {
  /**
   * The allowed pair with the largest net Sharpe ratio, the first of equals; null when none of the tried ones is
   * allowed.
   */
  readonly best: TriedThresholds | null;
  /** In the order of trials. Their number and ratios are the input of the deflated Sharpe ratio. */
  readonly tried: readonly TriedThresholds[];
}

/** Positions on each axis that are tried first, as shares of it. */
const FIRST_PLACES = [1 / 6, 1 / 2, 5 / 6] as const;
/** Minimum expected gain of a trial, in standard deviations of the ratios. */
const MIN_GAIN = 1e-6;

/**
 * θ1 and θ2 on their grid by Bayesian optimization: the next pair is the one with the largest expected improvement
 * (Jones, Schonlau & Welch 1998) times the probability that it is allowed (Gardner et al. 2014), by Gaussian processes
 * of the net Sharpe ratio, ln(trades + 1) and the pass rate. Each pair is measured once. Nothing is random.
 * @throws RangeError when a range or the step is not one
 */
export function searchThresholds(search: ThresholdSearch): ThresholdResult {
  const { range, step, initial, minTrades, passRate } = search;
  const theta1 = gridOf(range.theta1, step);
  const theta2 = gridOf(range.theta2, step);
  const placeOf = (cell: number): number[] => [
    share(cell % theta1.length, theta1.length),
    share(Math.floor(cell / theta1.length), theta2.length),
  ];
  const left = new Set(Array.from({ length: theta1.length * theta2.length }, (_, cell) => cell));
  const total = Math.min(search.evaluations, left.size);
  const tried: (TriedThresholds & { readonly place: readonly number[] })[] = [];
  let best: (typeof tried)[number] | null = null;

  const tryCell = (cell: number): void => {
    if (!left.delete(cell) || tried.length >= total) return;
    const one = theta1[cell % theta1.length]!;
    const two = theta2[Math.floor(cell / theta1.length)]!;
    const measure = search.evaluate(one, two);
    const isInRange = measure.passRate >= passRate[0] && measure.passRate <= passRate[1];
    const isAllowed = isInRange && measure.trades >= minTrades && Number.isFinite(measure.netSharpe);
    const entry = { theta1: one, theta2: two, ...measure, isAllowed, place: placeOf(cell) };
    tried.push(entry);
    if (isAllowed && (best === null || entry.netSharpe > best.netSharpe)) best = entry;
    search.onProgress?.(tried.length, total, best);
  };

  const cellAt = (one: number, two: number): number => one + two * theta1.length;
  tryCell(cellAt(nearest(theta1, initial.theta1), nearest(theta2, initial.theta2)));
  for (const two of FIRST_PLACES) {
    for (const one of FIRST_PLACES) {
      tryCell(cellAt(Math.floor(one * theta1.length), Math.floor(two * theta2.length)));
    }
  }
  while (tried.length < total) {
    const gainAt = expectedGain(tried, best, minTrades, passRate);
    let cell = -1;
    let most = -Infinity;
    for (const other of left) {
      const gain = gainAt(placeOf(other));
      if (gain > most) {
        cell = other;
        most = gain;
      }
    }
    if (!(most > MIN_GAIN)) break;
    tryCell(cell);
  }
  const bare = ({ place: _, ...entry }: (typeof tried)[number]): TriedThresholds => entry;
  return { best: best === null ? null : bare(best), tried: tried.map(bare) };
}

/**
 * Expected gain of a position: expected improvement over the best, in standard deviations of the ratios, times the
 * probability that it is allowed.
 */
function expectedGain(
  tried: readonly (ThresholdMeasure & { readonly place: readonly number[] })[],
  best: ThresholdMeasure | null,
  minTrades: number,
  [lowest, highest]: readonly [number, number],
): (place: readonly number[]) => number {
  const process = (of: typeof tried, value: (measure: ThresholdMeasure) => number): GaussianProcess =>
    fitGaussianProcess(
      of.map(({ place }) => place),
      of.map(value),
    );
  // Ratios of a few trades are noisy, and do not predict their neighbors.
  const solid = tried.filter(({ trades, netSharpe }) => trades >= minTrades && Number.isFinite(netSharpe));
  const sharpe = solid.length === 0 ? null : process(solid, ({ netSharpe }) => netSharpe);
  const spread = spreadOf(solid.map(({ netSharpe }) => netSharpe));
  const trades = process(tried, (measure) => ln(measure.trades + 1));
  const passed = process(tried, (measure) => measure.passRate);
  const enough = ln(minTrades + 1);
  return (place) => {
    const atTrades = trades.predict(place);
    const atPassed = passed.predict(place);
    const tradesStd = Math.max(atTrades.std, 1e-3);
    const passedStd = Math.max(atPassed.std, 1e-3);
    const allowed =
      normalCdf((atTrades.mean - enough) / tradesStd) *
      normalBetween((lowest - atPassed.mean) / passedStd, (highest - atPassed.mean) / passedStd);
    if (sharpe === null || best === null) return allowed;
    const { mean, std } = sharpe.predict(place);
    const more = mean - best.netSharpe;
    if (std === 0) return (Math.max(more, 0) / spread) * allowed;
    const z = more / std;
    return ((more * normalCdf(z) + std * normalDensity(z)) / spread) * allowed;
  };
}

function spreadOf(values: readonly number[]): number {
  const spread = Math.max(...values) - Math.min(...values);
  return spread > 0 ? spread : 1;
}

function gridOf([low, high]: readonly [number, number], step: number): number[] {
  if (!(high >= low) || !(step > 0)) throw new RangeError(`[${low}, ${high}] in steps of ${step} is not a range`);
  const count = Math.floor((high - low) / step + 1e-9) + 1;
  return Array.from({ length: count }, (_, index) => gridValue(low, step, index));
}

function nearest(values: readonly number[], to: number): number {
  return values.reduce((best, value, i) => (Math.abs(value - to) < Math.abs(values[best]! - to) ? i : best), 0);
}

function share(index: number, count: number): number {
  return count === 1 ? 0.5 : index / (count - 1);
}
