import { ln } from '../../../shared/elementary.ts';
import { normalCdf } from '../statistics/normal.ts';

/** Minimum number of values for a unit-root test. */
const MIN_VALUES = 50;
const MIN_HALF_LIFE_BARS = 0.5;
/** A pivot below this share of its diagonal element is rounding: the column depends on those before it. */
const SINGULAR = 1e-12;

export interface AdfTest {
  /** t statistic of the level in the regression of the change on level and lagged changes. */
  readonly tau: number;
  readonly lags: number;
  /** Rows of the regression. */
  readonly rows: number;
}

export interface Cointegration extends AdfTest {
  /** Of y = alpha + beta · x over all values. */
  readonly alpha: number;
  readonly beta: number;
  /** Probability of a tau as low without cointegration. */
  readonly p: number;
  /** Of the residual as AR(1), in bars; Infinity where it does not revert. */
  readonly halfLifeBars: number;
}

/**
 * Engle & Granger's two-step test (Econometrica 55, 1987) of two series in levels: OLS of y on x with a constant, then
 * the augmented Dickey-Fuller test of its residuals, without a constant, lags by AIC up to Schwert's 12·(n/100)^¼
 * (1989). The p-value is MacKinnon's response surface for two variables with a constant (J. Business & Economic
 * Statistics 12, 1994).
 * @returns null for fewer than 50 values, or where a series or the residual is constant
 */
export function engleGranger(y: Float64Array, x: Float64Array): Cointegration | null {
  const n = y.length;
  if (n < MIN_VALUES) return null;
  const meanX = mean(x);
  const meanY = mean(y);
  let sxx = 0;
  let sxy = 0;
  let syy = 0;
  for (let i = 0; i < n; i++) {
    const dx = x[i]! - meanX;
    const dy = y[i]! - meanY;
    sxx += dx * dx;
    sxy += dx * dy;
    syy += dy * dy;
  }
  if (!(sxx > 0)) return null;
  const beta = sxy / sxx;
  const residual = y.map((value, i) => value - meanY - beta * (x[i]! - meanX));
  // Relative to the variance of the series: a smaller residual is rounding.
  if (!(syy - beta * sxy > SINGULAR * syy)) return null;
  const test = adfTest(residual, Math.floor(12 * (n / 100) ** 0.25));
  if (test === null) return null;
  return { ...test, alpha: meanY - beta * meanX, beta, p: mackinnonP(test.tau), halfLifeBars: halfLife(residual) };
}

/**
 * Augmented Dickey-Fuller test without constant or trend; the lag with the least AIC among those up to `maxLags`, all
 * on the same rows, then on all of its own.
 * @returns null where the regression is singular
 */
export function adfTest(u: Float64Array, maxLags: number): AdfTest | null {
  const change = u.map((value, t) => (t === 0 ? NaN : value - u[t - 1]!));
  const lags = bestLags(u, change, maxLags);
  if (lags === null) return null;
  const { moments, rows } = crossMoments(u, change, lags);
  const width = lags + 2;
  // The level last: the last step of the elimination gives its coefficient and standard error.
  const order = [...Array.from({ length: lags }, (_, i) => i + 2), 1, 0];
  const lower = cholesky(moments, width, order);
  if (lower === null) return null;
  const of = (row: number, column: number): number => lower[row * width + column]!;
  const sumOfSquares = of(width - 1, width - 1) ** 2;
  const sigma = Math.sqrt(sumOfSquares / (rows - lags - 1));
  return { tau: of(width - 1, width - 2) / sigma, lags, rows };
}

function bestLags(u: Float64Array, change: Float64Array, maxLags: number): number | null {
  const { moments, rows } = crossMoments(u, change, maxLags);
  const width = maxLags + 2;
  const order = [...Array.from({ length: maxLags + 1 }, (_, i) => i + 1), 0];
  const lower = cholesky(moments, width, order);
  if (lower === null) return null;
  let left = moments[0]!;
  let best = 0;
  let bestAic = Infinity;
  for (let lag = 0; lag <= maxLags; lag++) {
    left -= lower[(width - 1) * width + lag]! ** 2;
    const aic = rows * ln(left / rows) + 2 * (lag + 1);
    if (aic < bestAic) {
      best = lag;
      bestAic = aic;
    }
  }
  return best;
}

/**
 * Sums of products of change, preceding level, and the 1 … lags preceding changes, in this order, over all bars that
 * have them. Each sum over lagged changes follows from that of the previous lags by one product more and one less, so
 * that all take n · lags steps.
 */
function crossMoments(
  u: Float64Array,
  change: Float64Array,
  lags: number,
): { readonly moments: Float64Array; readonly rows: number } {
  const n = u.length;
  const first = lags + 1;
  const width = lags + 2;
  const moments = new Float64Array(width * width);
  const put = (i: number, j: number, value: number): void => {
    moments[i * width + j] = value;
    moments[j * width + i] = value;
  };
  const place = (lag: number): number => (lag === 0 ? 0 : lag + 1);
  let levels = 0;
  for (let t = first; t < n; t++) levels += u[t - 1]! * u[t - 1]!;
  put(1, 1, levels);
  for (let lag = 0; lag <= lags; lag++) {
    let withLevel = 0;
    let withChange = 0;
    for (let t = first; t < n; t++) {
      withLevel += u[t - 1]! * change[t - lag]!;
      withChange += change[t]! * change[t - lag]!;
    }
    put(1, place(lag), withLevel);
    put(0, place(lag), withChange);
  }
  for (let i = 1; i <= lags; i++) {
    for (let j = i; j <= lags; j++) {
      const before = moments[place(i - 1) * width + place(j - 1)]!;
      const gained = change[first - i]! * change[first - j]!;
      const lost = change[n - i]! * change[n - j]!;
      put(place(i), place(j), before + gained - lost);
    }
  }
  return { moments, rows: n - first };
}

/** Lower factor of the matrix with its rows and columns in `order`, row by row; null where it is singular. */
function cholesky(matrix: Float64Array, width: number, order: readonly number[]): Float64Array | null {
  const lower = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      const original = matrix[order[i]! * width + order[j]!]!;
      let value = original;
      for (let k = 0; k < j; k++) value -= lower[i * width + k]! * lower[j * width + k]!;
      if (i !== j) lower[i * width + j] = value / lower[j * width + j]!;
      else if (value > SINGULAR * original) lower[i * width + i] = Math.sqrt(value);
      else return null;
    }
  }
  return lower;
}

/** MacKinnon (1994), two variables, constant, no trend: Φ of a polynomial in tau. */
export function mackinnonP(tau: number): number {
  if (tau > 0.92) return 1;
  if (tau < -18.86) return 0;
  return normalCdf(
    tau <= -2.62
      ? 2.92 + tau * (1.5012 + tau * 0.039796)
      : 2.1945 + tau * (0.64695 + tau * (-0.29198 - tau * 0.042377)),
  );
}

/** As the feature `half_life`: the change of the residual regressed on its level, both without a mean. */
function halfLife(u: Float64Array): number {
  let squares = 0;
  let products = 0;
  for (let t = 1; t < u.length; t++) {
    squares += u[t - 1]! * u[t - 1]!;
    products += u[t - 1]! * (u[t]! - u[t - 1]!);
  }
  const speed = -products / squares;
  if (!(speed > 0)) return Infinity;
  return speed >= 1 ? MIN_HALF_LIFE_BARS : Math.max(MIN_HALF_LIFE_BARS, Math.LN2 / -ln(1 - speed));
}

function mean(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
