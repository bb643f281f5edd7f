import { normalQuantile } from './normal.ts';

/**
 * The x with P(F ≤ x) = `share`, by Paulson's approximation (Ann. Math. Stat. 13, 1942; Abramowitz & Stegun 26.6.15):
 * the cube root of F is nearly a ratio of normal values. At 99 % within 5 % of the exact value for at least one degree
 * of freedom above and five below. Infinity where the ratio's denominator may be zero: about three degrees below.
 * @param above degrees of freedom of the numerator, above 0, not necessarily whole
 * @param below those of the denominator; Infinity: known, and `above` times F has a χ² distribution
 */
export function fQuantile(share: number, above: number, below: number): number {
  const a = 2 / (9 * above);
  const b = below === Infinity ? 0 : 2 / (9 * below);
  const z = normalQuantile(share);
  const square = (1 - b) ** 2 - z * z * b;
  if (square <= 0) return Infinity;
  const middle = (1 - a) * (1 - b);
  const rest = (1 - a) ** 2 - z * z * a;
  return ((middle + Math.sqrt(Math.max(0, middle * middle - square * rest))) / square) ** 3;
}
