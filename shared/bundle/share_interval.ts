/** Two-sided 95 % quantile of the normal distribution. */
export const Z_95 = 1.959964;

/** 95 % interval of a proportion of `count` trials (Wilson 1927). @param share 0…1 */
export function shareInterval(share: number, count: number): readonly [number, number] {
  const z2 = Z_95 * Z_95;
  const middle = (share + z2 / (2 * count)) / (1 + z2 / count);
  const half = (Z_95 / (1 + z2 / count)) * Math.sqrt((share * (1 - share)) / count + z2 / (4 * count * count));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}
