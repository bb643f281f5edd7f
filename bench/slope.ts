export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Slope of the least-squares line through the points, in units of y per unit of x. NaN when it is not determined. */
export function slope(points: readonly Point[]): number {
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
  return sxx > 0 ? sxy / sxx : NaN;
}
