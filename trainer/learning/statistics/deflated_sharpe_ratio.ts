import { normalCdf, normalQuantile } from './normal.ts';
import { meanOf } from '../../../shared/statistics.ts';

/**
 * Moments of a series of returns for its Sharpe ratio. Ratios are per return, not annualized: √(returns per year) does
 * that.
 */
export interface SharpeFacts {
  readonly returns: number;
  /** mean / std, ddof 1; NaN where all returns are equal. */
  readonly sharpe: number;
  /** Third standardized moment; 0 for a normal distribution. */
  readonly skewness: number;
  /** Fourth standardized moment; 3 for a normal distribution. */
  readonly kurtosis: number;
}

/** @param returns one number per period or trade, all finite; at least 2 */
export function sharpeFacts(returns: ArrayLike<number>): SharpeFacts {
  const count = returns.length;
  if (count < 2) throw new RangeError(`a Sharpe ratio of ${count} returns`);
  let mean = 0;
  for (let i = 0; i < count; i++) mean += returns[i]! / count;
  let m2 = 0;
  let m3 = 0;
  let m4 = 0;
  for (let i = 0; i < count; i++) {
    const d = returns[i]! - mean;
    m2 += d * d;
    m3 += d * d * d;
    m4 += d * d * d * d;
  }
  const variance = m2 / count;
  return {
    returns: count,
    sharpe: mean / Math.sqrt(m2 / (count - 1)),
    skewness: m3 / count / (variance * Math.sqrt(variance)),
    kurtosis: m4 / count / (variance * variance),
  };
}

/**
 * Probabilistic Sharpe ratio (Bailey & López de Prado, The Sharpe ratio efficient frontier, 2012): the probability that
 * the true ratio is above `benchmark`, Φ((SR − SR*)·√(n − 1) / √(1 − γ₃·SR + (γ₄ − 1)/4·SR²)).
 * @param benchmark per return, like `sharpe`
 * @returns in [0, 1]; NaN where it is undefined for the returns
 */
export function probabilisticSharpe({ returns, sharpe, skewness, kurtosis }: SharpeFacts, benchmark = 0): number {
  const variance = 1 - skewness * sharpe + ((kurtosis - 1) / 4) * sharpe * sharpe;
  return normalCdf(((sharpe - benchmark) * Math.sqrt(returns - 1)) / Math.sqrt(variance));
}

/** Euler & Mascheroni. */
const EULER_GAMMA = 0.5772156649015329;

/**
 * Expected maximum Sharpe ratio of N trials without skill: √V·((1 − γ)·Φ⁻¹(1 − 1/N) + γ·Φ⁻¹(1 −
 * 1/(N·e))) (Bailey & López de Prado, The deflated Sharpe ratio, 2014).
 * @param trials independent ones, ≥ 1; correlated ones count as fewer, so their full number is conservative
 * @param variance of the Sharpe ratios over trials, per return
 */
export function expectedMaxSharpe(trials: number, variance: number): number {
  if (!(trials >= 1)) throw new RangeError(`the best of ${trials} trials`);
  // A single trial involves no choice; the formula is an approximation for many.
  if (trials === 1) return 0;
  const first = normalQuantile(1 - 1 / trials);
  const second = normalQuantile(1 - 1 / (trials * Math.E));
  return Math.sqrt(variance) * ((1 - EULER_GAMMA) * first + EULER_GAMMA * second);
}

export interface DeflatedSharpe extends SharpeFacts {
  readonly trials: number;
  /** The expected maximum of as many trials without skill. */
  readonly expectedMaxSharpe: number;
  /** The probability that the true ratio is above 0, as if there had been one trial. */
  readonly probabilistic: number;
  /**
   * The probability that it is above `expectedMaxSharpe`: the deflated Sharpe ratio. Above 0.95 chance is an unlikely
   * explanation.
   */
  readonly deflated: number;
}

/**
 * The chosen trial's Sharpe ratio, corrected for the number of trials: the probabilistic Sharpe ratio against
 * `expectedMaxSharpe`.
 * @param chosen of the returns of the trial that was chosen
 * @param tried the Sharpe ratios, per return, of all trials, the chosen one included; those that are not finite are
 * left out of the variance and still count as trials
 * @param more trials on the same returns, whose ratios are not known
 */
export function deflatedSharpe(chosen: SharpeFacts, tried: readonly number[], more = 0): DeflatedSharpe {
  const trials = Math.max(tried.length + more, 1);
  const expectedMax = expectedMaxSharpe(trials, varianceOf(tried.filter(Number.isFinite)));
  return {
    ...chosen,
    trials,
    expectedMaxSharpe: expectedMax,
    probabilistic: probabilisticSharpe(chosen),
    deflated: probabilisticSharpe(chosen, expectedMax),
  };
}

/** ddof 1; 0 where there are fewer than two. */
function varianceOf(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / (values.length - 1);
}
