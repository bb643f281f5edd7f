/**
 * A number of bars as the engine of JavaScript keeps whole numbers. Once any formula has had a fraction among its
 * constants, all constants are kept as doubles, whole ones too. Places in memory that are computed from such a window
 * would be doubles for every step of a plan, and each access to them would take up to twice as long.
 */
export function wholeBars(bars: number): number {
  return bars | 0;
}
