/**
 * A second moment (Σ (x − mean)²), 0 where it is the rounding of doubles: a standard deviation below 1e-12 · |mean|.
 */
export function withoutRounding(moment: number, mean: number, bars: number): number {
  return moment <= 1e-24 * mean * mean * bars ? 0 : moment;
}
