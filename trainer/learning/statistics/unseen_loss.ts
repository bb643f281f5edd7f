import { exp, ln } from '../../../shared/elementary.ts';

/** Steps of the contour, in units of ln(1 + distance): the rule converges exponentially, its error is below 1e-9. */
const STEP = 0.04;
const MAX_STEPS = 1000;
const NEGLIGIBLE = 1e-13;
/** Of the saddle point: near it is as good. */
const SADDLE_BISECTIONS = 25;
/** How near a bound comes to its level, as a share of it. */
const CLOSE = 1e-5;
const MAX_CROSSINGS = 60;
const LEAST_P = 1e-300;
/** In standard deviations of the transform; less than 1, or the point might be left of 1 / least. */
const POLE_DISTANCE = 0.5;
/** Products of so many factors, each at most 1e30, do not overflow. */
const FACTORS = 8;
const LARGE = 1e30;

/** A one-sided test of a mean against 0, where a loss that was never seen may be as large as `loss`. */
export interface UnseenLossTest {
  /** The loss of a single value that the test allows for: the largest that was seen, or a larger one. */
  readonly loss: number;
  /** P(so good a sample) when the true mean is 0. */
  readonly p: number;
  /** One-sided bound of the mean, which is above 0 where p < level; of a higher one than `most`, `most`. */
  lowerBound(level: number, most: number): number;
}

/**
 * Test of the mean of independent values of which none is below −loss: the loss is added to the values as one more, and
 * all of them get random shares, uniform among those that add up to 1 (Gaffke, *Three test statistics for a
 * nonparametric one-sided hypothesis on the mean of a nonnegative variable*, 2005; Learned-Miller & Thomas,
 * arXiv:1905.06208). Of equal gains it is the exact binomial test of how rare the loss may be. For two possible values
 * its level is proved, for all others no exception is known. Dependence it does not know: see `meanTest`.
 *
 * The probability is that of Σ xᵢ Eᵢ ≤ 0 with independent exponential variables, by the integral of Π 1 / (1 − s xᵢ) /
 * s through its saddle point.
 * @param values at least one
 * @param loss above 0; a smaller one than that of the lowest value counts as that
 */
export function unseenLossTest(values: ArrayLike<number>, loss: number): UnseenLossTest {
  let lowest = 0;
  for (let i = 0; i < values.length; i++) lowest = Math.min(lowest, values[i]!);
  const allowed = Math.max(loss, -lowest);
  const terms = new Float64Array(values.length + 1);
  const pAt = (mean: number): number => {
    for (let i = 0; i < values.length; i++) terms[i] = values[i]! - mean;
    terms[values.length] = -allowed - mean;
    return probabilityBelow0(terms);
  };
  const p = pAt(0);
  return {
    loss: allowed,
    p,
    lowerBound(level, most) {
      if (most <= 0 && p < level) return most;
      const excess = (mean: number): number => ln(Math.max(LEAST_P, pAt(mean))) - ln(level);
      const atMost = excess(most);
      if (atMost < 0) return most;
      const isAbove0 = p < level;
      const low = isAbove0 ? 0 : -allowed;
      return crossing(excess, { low, atLow: excess(low), high: most, atHigh: atMost });
    },
  };
}

/** Two points of an increasing function, below and not below 0. */
interface Bracket {
  readonly low: number;
  readonly atLow: number;
  readonly high: number;
  readonly atHigh: number;
}

/**
 * A point at which an increasing function is below 0, next to where it is 0: false position with halving (Illinois).
 */
function crossing(excess: (x: number) => number, bracket: Bracket): number {
  let { low, atLow, high } = bracket;
  let weightLow = atLow;
  let weightHigh = bracket.atHigh;
  for (let i = 0; i < MAX_CROSSINGS && atLow < -CLOSE; i++) {
    const x = low + ((high - low) * weightLow) / (weightLow - weightHigh);
    const at = excess(x);
    if (at < 0) {
      low = x;
      atLow = at;
      weightLow = at;
      weightHigh /= 2;
    } else {
      high = x;
      weightHigh = at;
      weightLow /= 2;
    }
  }
  return low;
}

/** P(Σ aᵢ Eᵢ ≤ 0), Eᵢ independent, exponential. */
function probabilityBelow0(terms: Float64Array): number {
  let sum = 0;
  let least = Infinity;
  let greatest = -Infinity;
  for (const term of terms) {
    sum += term;
    least = Math.min(least, term);
    greatest = Math.max(greatest, term);
  }
  if (least >= 0) return 0;
  if (greatest <= 0) return 1;
  return sum > 0
    ? belowBy(terms, least)
    : 1 -
        belowBy(
          terms.map((term) => -term),
          -greatest,
        );
}

/** The same where the sum of the terms is not below 0, and the least one is. */
function belowBy(terms: Float64Array, least: number): number {
  // Any point between 1 / least and 0 gives the same integral; near its pole at 0 the rule would need smaller steps.
  const s = Math.min(
    saddle(terms, least),
    -POLE_DISTANCE / Math.sqrt(terms.reduce((sum, term) => sum + term * term, 0)),
  );
  // Of the logarithm of the transform at s: value and curvature.
  let value = 0;
  let curvature = 0;
  const slopes = new Float64Array(terms.length);
  terms.forEach((term, i) => {
    const rest = 1 - s * term;
    const slope = term / rest;
    value -= ln(rest);
    curvature += slope * slope;
    slopes[i] = slope;
  });
  const unit = 1 / Math.sqrt(curvature);
  let integral = 0;
  for (let k = 0; k < MAX_STEPS; k++) {
    // y = unit · sinh(u), u = k · STEP
    const up = exp(k * STEP);
    const y = (unit * (up - 1 / up)) / 2;
    const weight = ((k === 0 ? 0.5 : 1) * STEP * unit * (up + 1 / up)) / 2;
    const height = ratioAt(slopes, s, y);
    integral += weight * height.real;
    if (weight * height.size < NEGLIGIBLE * Math.abs(integral)) break;
  }
  return Math.min(1, Math.max(0, (-exp(value) * integral) / Math.PI));
}

/** Π 1 / (1 − i·y·slope) / (s + i·y): its real part and absolute value. */
function ratioAt(slopes: Float64Array, s: number, y: number): { readonly real: number; readonly size: number } {
  let real = s;
  let imaginary = y;
  let scale = 0;
  for (let i = 0; i < slopes.length; i++) {
    const turn = -y * slopes[i]!;
    const kept = real;
    real -= imaginary * turn;
    imaginary += kept * turn;
    if (i % FACTORS === 0) {
      const size = Math.abs(real) + Math.abs(imaginary);
      if (size > LARGE) {
        real /= size;
        imaginary /= size;
        scale += ln(size);
      }
    }
  }
  const square = real * real + imaginary * imaginary;
  const shrunk = exp(-scale);
  return { real: (real / square) * shrunk, size: shrunk / Math.sqrt(square) };
}

/** Where the logarithm of the transform is least, left of 0: Σ a / (1 − s·a) = 0. */
function saddle(terms: Float64Array, least: number): number {
  let low = 1 / least;
  let high = 0;
  for (let i = 0; i < SADDLE_BISECTIONS; i++) {
    const middle = (low + high) / 2;
    let slope = 0;
    for (const term of terms) slope += term / (1 - middle * term);
    if (slope > 0) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}
