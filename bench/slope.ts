export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface SlopeRange {
  readonly slope: number;
  /** 99 % one-sided lower bound of the true slope, if the points are independent. */
  readonly low: number;
  readonly high: number;
}

/** 99th percentile of the standard normal distribution. */
const Z99 = 2.3263;

/** Least-squares slope, in units of y per unit of x. NaN if undetermined. */
export function slope(points: readonly Point[]): number {
  return slopeRange(points).slope;
}

/** The slope with one-sided 99 % bounds (Student's t), which are infinite with fewer than three points. */
export function slopeRange(points: readonly Point[]): SlopeRange {
  const mean = (of: (point: Point) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const meanX = mean(({ x }) => x);
  const meanY = mean(({ y }) => y);
  let sxx = 0;
  let sxy = 0;
  for (const { x, y } of points) {
    sxx += (x - meanX) ** 2;
    sxy += (x - meanX) * (y - meanY);
  }
  if (!(sxx > 0)) return { slope: NaN, low: NaN, high: NaN };
  const slope = sxy / sxx;
  const freedom = points.length - 2;
  if (freedom < 1) return { slope, low: -Infinity, high: Infinity };
  const residual = points.reduce((sum, { x, y }) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  const margin = student99(freedom) * Math.sqrt(residual / freedom / sxx);
  return { slope, low: slope - margin, high: slope + margin };
}

/** 99th percentile of Student's t, by expansion around the normal distribution (Abramowitz & Stegun 26.7.5). */
function student99(freedom: number): number {
  const z = Z99;
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / freedom + second / freedom ** 2 + third / freedom ** 3;
}
