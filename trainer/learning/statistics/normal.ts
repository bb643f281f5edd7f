import { exp, ln } from '../../../shared/elementary.ts';

const SQRT_2_PI = Math.sqrt(2 * Math.PI);
/** From here on the tail's continued fraction converges quickly; below it, the power series does. */
const TAIL_FROM = 3;
const TAIL_DEPTH = 80;

/** Density of the standard normal distribution at x. */
export function normalDensity(x: number): number {
  return exp((-x * x) / 2) / SQRT_2_PI;
}

/**
 * Φ(x), the probability of a standard normal value below x; relative error about 1e-13 in both tails. Power series in
 * the middle (Marsaglia, Evaluating the normal distribution, 2004), Laplace's continued fraction in the tails.
 */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x <= -TAIL_FROM) return upperTail(-x);
  if (x >= TAIL_FROM) return 1 - upperTail(x);
  let term = x;
  let sum = x;
  for (let k = 3, before = 0; sum !== before; k += 2) {
    before = sum;
    term *= (x * x) / k;
    sum += term;
  }
  return 0.5 + sum * normalDensity(x);
}

/** 1 − Φ(x) for x ≥ 3. */
function upperTail(x: number): number {
  if (x === Infinity) return 0;
  let fraction = x;
  for (let k = TAIL_DEPTH; k >= 1; k--) fraction = x + k / fraction;
  return normalDensity(x) / fraction;
}

/**
 * The probability of a standard normal value in [from, to], without the loss of digits that Φ(to) − Φ(from) has in the
 * upper tail.
 */
export function normalBetween(from: number, to: number): number {
  return from > 0 ? normalCdf(-from) - normalCdf(-to) : normalCdf(to) - normalCdf(from);
}

/** Φ⁻¹(p), p in (0, 1); ±Infinity at the ends, NaN outside. Newton's method on Φ within shrinking bounds. */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return NaN;
  if (p === 0) return -Infinity;
  if (p === 1) return Infinity;
  // In the upper half 1 − p is exact, and the lower tail keeps its digits.
  if (p > 0.5) return -normalQuantile(1 - p);
  let low = -39;
  let high = 0;
  // Leading term of the tail: ln Φ(x) ≈ −x²/2.
  let x = -Math.sqrt(Math.max(0, -2 * ln(2 * p)));
  for (let step = 0; step < 200; step++) {
    const error = normalCdf(x) - p;
    if (error === 0) return x;
    if (error > 0) high = x;
    else low = x;
    let next = x - error / normalDensity(x);
    if (!(next > low && next < high)) next = (low + high) / 2;
    if (Math.abs(next - x) <= 1e-15 * Math.abs(x)) return next;
    x = next;
  }
  return x;
}
